"""Parquet files and JSON lines for TRL, read with ``datasets.load_dataset``.

``messages`` and ``tools`` hold objects, call arguments too. A turn to keep out of the
loss has ``weight`` 0, which TRL itself does not read; `examples/finetune_lora.py` does.

Belongs here: the columns of a row. Does not belong here: how files keep them exact
(``parquet``), or how a dialogue becomes messages (``messages``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from toolace_dagster.dataset.exact_json import ExactWriter
from toolace_dagster.dataset.files import FileReport, Replacement, replacing
from toolace_dagster.dataset.formats.parquet import (
    JSON_LIST,
    STRING,
    ParquetAndLines,
    cell_json,
    digest_of,
    line_of,
    read_parquet,
)
from toolace_dagster.dataset.formats.written import Written
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


def written_trl(row: DatasetRow, mask: Collection[MaskedTurn] = ()) -> Written:
    """A row as its line.

    Args:
        row: The row.
        mask: Assistant turns to keep out of the loss.

    Raises:
        ExportError: If the row holds what no file can.
    """
    if faults := row_faults(row):
        raise ExportError(f"dialogue {row.dialogue.id} cannot be exported: {' '.join(faults)}")
    exact = ExactWriter()
    messages = [
        exact.text(message if learned or message["role"] != "assistant" else message | {"weight": 0})
        for message, learned in weighed_messages(row, mask)
    ]
    tools = [row.tools[name] for name in row.dialogue.initial_tools]
    made = [_tool_text(tool) for tool in tools]
    cells = (row.dialogue.id, row.dialogue.domain, row.kind, messages, [tool.text for tool in made])
    return Written(
        line_of(FEATURES, cells, {"tools": f"[{', '.join(tool.escaped for tool in made)}]"}),
        digest_of(cells),
        exact.inexact,
        tuple((tool.fingerprint, text.inexact) for tool, text in zip(tools, made, strict=True) if text.inexact),
    )


@dataclass(frozen=True, slots=True)
class _ToolText:
    """A tool as files have it.

    Attributes:
        text: Its definition as JSON.
        escaped: That as a part of a line.
        inexact: Numbers that a reader will find a little off.
    """

    text: str
    escaped: str
    inexact: int


_tool_texts: dict[str, _ToolText] = {}


def _tool_text(tool: Tool) -> _ToolText:
    # The same few tools come with every row.
    if tool.fingerprint not in _tool_texts:
        exact = ExactWriter()
        text = exact.text(tool.as_openai())
        _tool_texts[tool.fingerprint] = _ToolText(text, cell_json(text), exact.inexact)
    return _tool_texts[tool.fingerprint]


class TrlWriter:
    """Writes the files from rows that come one by one."""

    def __init__(self, files: Replacement) -> None:
        self._files = ParquetAndLines(files, "trl", FEATURES)
        self._inexact = 0
        self._inexact_tools: dict[str, int] = {}

    @property
    def inexact(self) -> int:
        """Numbers so far that `datasets` will read a little off, those of a tool once; see :mod:`exact_json`."""
        return self._inexact + sum(self._inexact_tools.values())

    def add(self, split: Split, written: Written) -> None:
        """Add one row of a side."""
        self._inexact += written.inexact
        self._inexact_tools.update(written.inexact_tools)
        self._files.add(split, written.line, written.digest)

    def finish(self) -> list[FileReport]:
        """Write the files under their temporary names and compare them with what went in.

        Raises:
            ExportError: If a file read back differs from the rows given.
        """
        return self._files.finish()

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
    with replacing(folder) as files, TrlWriter(files) as writer:
        for row in rows:
            writer.add(require_split(row), written_trl(row, mask))
        return writer.finish()


def read_trl(path: Path) -> Iterator[dict[str, Any]]:
    """Read a Parquet file back, row by row, as `datasets` would show it."""
    return read_parquet(path, FEATURES)
