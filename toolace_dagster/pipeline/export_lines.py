"""Which line of which export file holds a dialogue: the forward end of its lineage.

Belongs here: counting lines while files are written, and the table
``export_lines``. Does not belong here: writing the files (``dataset``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from toolace_dagster.dataset import FileReport, ReadyRow
from toolace_dagster.warehouse import Row, Warehouse, insert


class ExportLines:
    """Notes dialogues as they go into the files, each split in its files' order."""

    def __init__(self) -> None:
        self._places: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def noting(self, rows: Iterable[ReadyRow]) -> Iterator[ReadyRow]:
        """The rows as they are, each noted as it is taken."""
        for row in rows:
            self._places[row.split].append((row.outline.domain, row.cut_from or row.outline.dialogue_id))
            yield row

    def write(self, warehouse: Warehouse, name: str, files: Iterable[FileReport]) -> None:
        """Replace one format's part of the table ``export_lines`` in the files of all domains.

        Args:
            warehouse: The home's files.
            name: The format.
            files: Files that hold a split, one row a dialogue, in the order in which rows were noted.
        """
        by_domain: dict[str, list[Row]] = {domain: [] for domain in warehouse.domains()}
        for file in files:
            if file.split is None:
                continue
            for line, (domain, dialogue_id) in enumerate(self._places[file.split], start=1):
                place = {"dialogue_id": dialogue_id, "split": file.split, "format": name}
                by_domain[domain].append(place | {"file": file.path, "line": line})
        for domain, rows in by_domain.items():
            with warehouse.domain(domain).write() as connection:
                connection.execute("DELETE FROM export_lines WHERE format = $format", {"format": name})
                insert(connection, "export_lines", rows)
