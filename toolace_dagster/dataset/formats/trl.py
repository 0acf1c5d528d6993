"""Parquet files and JSON lines for TRL, read with ``datasets.load_dataset``.

``messages`` and ``tools`` hold objects, call arguments too. A turn to keep out of the
loss has ``weight`` 0, which TRL itself does not read; `examples/finetune_lora.py` does.

Belongs here: the columns of a row. Does not belong here: how files keep them exact
(``parquet``), or how a dialogue becomes messages (``messages``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from toolace_dagster.dataset.exact_json import ExactWriter
from toolace_dagster.dataset.files import FileReport, Replacement, replacing
from toolace_dagster.dataset.formats.parquet import JSON_LIST, STRING, ParquetAndLines, read_parquet
from toolace_dagster.dataset.messages import weighed_messages
from toolace_dagster.dataset.rows import DatasetRow, ExportError, Split, row_faults
from toolace_dagster.dataset.splits import require_split
from toolace_dagster.entities import Tool
from toolace_dagster.settings import MaskedTurn

FEATURES: dict[str, dict[str, Any]] = {
    "dialogue_id": STRING,
    "domain": STRING,
    "kind": STRING,
    "messages": JSON_LIST,
    "tools": JSON_LIST,
}
"""Columns as the ``huggingface`` metadata of `datasets` describes them."""


def trl_path(split: Split) -> str:
    """Path of a split's Parquet file below the export's folder."""
    return f"trl/{split}.parquet"


class TrlWriter:
    """Writes the files from rows that come one by one."""

    def __init__(self, files: Replacement, mask: Collection[MaskedTurn] = ()) -> None:
        self._mask = mask
        self._exact = ExactWriter()
        self._tools: dict[str, str] = {}
        self._files = ParquetAndLines(files, "trl", FEATURES)

    @property
    def inexact(self) -> int:
        """Numbers so far that `datasets` will read a little off; see :mod:`exact_json`."""
        return self._exact.inexact

    def add(self, row: DatasetRow) -> None:
        """Add one row.

        Raises:
            ExportError: If the row has no split, or holds what no file can.
        """
        split = require_split(row)
        if faults := row_faults(row):
            raise ExportError(f"dialogue {row.dialogue.id} cannot be exported: {' '.join(faults)}")
        messages = [
            self._exact.text(message if learned or message["role"] != "assistant" else message | {"weight": 0})
            for message, learned in weighed_messages(row, self._mask)
        ]
        tools = [self._tool_text(row.tools[name]) for name in row.dialogue.initial_tools]
        self._files.add(split, (row.dialogue.id, row.dialogue.domain, row.kind, messages, tools))

    def finish(self) -> list[FileReport]:
        """Write the files under their temporary names and compare them with what went in.

        Raises:
            ExportError: If a file read back differs from the rows given.
        """
        return self._files.finish()

    def _tool_text(self, tool: Tool) -> str:
        # The same few tools come with every row.
        if tool.fingerprint not in self._tools:
            self._tools[tool.fingerprint] = self._exact.text(tool.as_openai())
        return self._tools[tool.fingerprint]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._files.__exit__(kind, error, at)


def write_trl(rows: Iterable[DatasetRow], folder: Path, mask: Collection[MaskedTurn] = ()) -> list[FileReport]:
    """Write ``trl/train.parquet``, ``trl/train.jsonl`` and the same of validation and test.

    An empty split gives a valid file without rows. Do not name that one to
    ``load_dataset``, which refuses a split without data.

    Args:
        rows: Rows with splits; their order is the files' order.
        folder: The export's folder.
        mask: Assistant turns to keep out of the loss.

    Returns:
        One report per file.

    Raises:
        ExportError: If a row cannot be written, or a file read back differs. No file is changed then.
    """
    with replacing(folder) as files, TrlWriter(files, mask) as writer:
        for row in rows:
            writer.add(row)
        return writer.finish()


def read_trl(path: Path) -> Iterator[dict[str, Any]]:
    """Read a Parquet file back, row by row, as `datasets` would show it."""
    return read_parquet(path, FEATURES)
