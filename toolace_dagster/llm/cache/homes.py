"""The domains of a home as holders of texts.

Belongs here: listing and pruning calls in DuckDB files. Does not belong here: what
is chosen (``upkeep``). Only texts are removed; that a call was made and what it
cost stays on the books.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from toolace_dagster.llm.cache.upkeep import Candidate, Holding, Pruned, Selection, chosen
from toolace_dagster.llm.journal.file import JournalFile
from toolace_dagster.llm.journal.hold import JournalInUse
from toolace_dagster.warehouse import Warehouse, sql


class HomeCache:
    """The calls of a home."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Name the home."""
        self._warehouse = warehouse

    def holdings(self) -> list[Holding]:
        """What it holds, but for what still waits in journals."""
        now = {"now": datetime.now(UTC).replace(tzinfo=None).isoformat()}
        domains = self._warehouse.domains()
        return [
            Holding(**row)
            for domain in domains
            for row in self._warehouse.domain(domain).read(sql("calls/holdings"), now)
        ]

    def disk(self) -> int:
        """Bytes of its DuckDB files and journals."""
        return sum(self._file_size(domain) for domain in self._warehouse.domains())

    def prune(self, selection: Selection, *, dry_run: bool) -> Pruned:
        """Remove texts, and write the files anew without them.

        What current rows name is spared unless the selection says otherwise.

        Raises:
            duckdb.Error: If a file can't be read or written.
        """
        before = self.disk()
        held = sum(holding.size for holding in self.holdings())
        candidates: list[Candidate] = []
        spared = 0
        busy: list[str] = []
        with ExitStack() as locks:
            for domain in self._warehouse.domains():
                if not dry_run:
                    # Whoever makes calls may be about to use what would be removed.
                    try:
                        locks.callback(JournalFile(self._warehouse.journal(domain), "toolace cache prune").close)
                    except JournalInUse:
                        busy.append(domain)
                        continue
                for row in self._warehouse.domain(domain).read(sql("calls/prunable"), selection.conditions):
                    if row["in_use"] and not selection.used_too:
                        spared += 1
                    else:
                        place = domain, row["call_id"], row["created_at"]
                        candidates.append(Candidate(place, row["size"], row["last_used"] or ""))
            removed = chosen(candidates, selection, held)
            if not dry_run:
                self._remove(removed)
        size = sum(candidate.size for candidate in removed)
        return Pruned(len(removed), size, spared, busy, before, self.disk())

    def _remove(self, removed: list[Candidate]) -> None:
        by_domain: dict[str, list[Any]] = {}
        for candidate in removed:
            by_domain.setdefault(candidate.place[0], []).append(candidate.place)
        for domain, places in by_domain.items():
            store = self._warehouse.domain(domain)
            ids = {"call_ids": [place[1] for place in places], "times": [place[2] for place in places]}
            with store.write() as connection:
                connection.execute(sql("calls/prune_model_calls"), ids)
                connection.execute(sql("calls/prune_borrowed_calls"), ids)
            store.compact()

    def _file_size(self, domain: str) -> int:
        paths = (self._warehouse.domain(domain).path, self._warehouse.journal(domain))
        return sum(path.stat().st_size for path in paths if path.exists())
