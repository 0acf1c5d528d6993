"""Parquet files for TRL, read with ``datasets.load_dataset``, and the same rows as JSON lines.

Messages and tools are lists of JSON texts with Parquet's JSON type, and the file's
``huggingface`` metadata says ``List(Json())``. So each row comes back as the dicts
that went in: an ordinary Arrow struct would give every message the union of all keys
of all rows, padded with nulls, and TRL trains on those without a word.

The lines hold messages and tools as plain objects. `datasets` guesses a column's type
from the first 10 MB of such a file, and fails when later tools have other fields; so
name the features when loading it (``features=``), or take the Parquet file.

DuckDB writes the Parquet files, in one thread and in the rows' order, so equal rows give
equal bytes with the same DuckDB version (the version is written in the file's footer).

Belongs here: writing and reading these files. Does not belong here: how a dialogue
becomes messages (``messages``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import duckdb

from toolace_dagster.dataset.exact_json import ExactWriter
from toolace_dagster.dataset.files import FileReport, Replacement, replacing
from toolace_dagster.dataset.formats.lines import count_lines
from toolace_dagster.dataset.messages import weighed_messages
from toolace_dagster.dataset.rows import SPLITS, DatasetRow, ExportError, Split, row_faults
from toolace_dagster.dataset.splits import require_split
from toolace_dagster.entities import Tool
from toolace_dagster.settings import MaskedTurn

_STRING = {"dtype": "string", "_type": "Value"}
_JSON_LIST = {"feature": {"_type": "Json"}, "_type": "List"}
FEATURES: dict[str, dict[str, Any]] = {
    "dialogue_id": _STRING,
    "domain": _STRING,
    "messages": _JSON_LIST,
    "tools": _JSON_LIST,
}
"""Columns as the ``huggingface`` metadata of `datasets` describes them."""

_ROW_GROUP = 2048
"""Rows of a row group. `datasets` reads a group at a time, and a dialogue with its tools takes some 30 kB."""

_LEAST_LINE = 1 << 20

_Texts = tuple[str, str, Sequence[str], Sequence[str]]


def trl_path(split: Split) -> str:
    """Path of a split's Parquet file below the export's folder."""
    return f"trl/{split}.parquet"


def trl_lines_path(split: Split) -> str:
    """Path of a split's JSON lines below the export's folder."""
    return f"trl/{split}.jsonl"


class TrlWriter:
    """Writes the files from rows that come one by one; memory does not grow with their number."""

    def __init__(self, files: Replacement, mask: Collection[MaskedTurn] = ()) -> None:
        self._files = files
        self._mask = mask
        self._exact = ExactWriter()
        self._tools: dict[str, str] = {}
        self._staged: dict[Split, _Staged] = {
            split: _Staged(files.scratch(f"trl/{split}.staged"), files.file(trl_lines_path(split))) for split in SPLITS
        }

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
        self._staged[split].add((row.dialogue.id, row.dialogue.domain, messages, tools))

    def _tool_text(self, tool: Tool) -> str:
        # The same few tools come with every row.
        if tool.fingerprint not in self._tools:
            self._tools[tool.fingerprint] = self._exact.text(tool.as_openai())
        return self._tools[tool.fingerprint]

    def finish(self) -> list[FileReport]:
        """Write the Parquet files under their temporary names and compare them with what went in.

        Raises:
            ExportError: If a file read back differs from the rows given.
        """
        reports: list[FileReport] = []
        for split, staged in self._staged.items():
            staged.close()
            path = self._files.file(trl_path(split))
            _copy(staged, path)
            read = _Digest()
            for texts in _texts(path):
                read.add(texts)
            if read.value() != staged.digest.value():
                raise ExportError(f"{trl_path(split)} read back differs from the {staged.digest.rows} rows written")
            reports.append(self._files.report(trl_path(split), split=split, rows=read.rows))
        for split, staged in self._staged.items():
            rows = count_lines(staged.lines)
            if rows != staged.digest.rows:
                raise ExportError(f"{trl_lines_path(split)} has {rows} lines, {staged.digest.rows} were written")
            reports.append(self._files.report(trl_lines_path(split), split=split, rows=rows))
        return reports

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for staged in self._staged.values():
            staged.close()


def write_trl(rows: Iterable[DatasetRow], folder: Path, mask: Collection[MaskedTurn] = ()) -> list[FileReport]:
    """Write ``trl/train.parquet``, ``trl/train.jsonl`` and the same of validation and test.

    An empty split gives a valid file without rows. Do not name that one to
    ``load_dataset``, which refuses a split without data.

    Args:
        rows: Rows with splits; their order is the files' order.
        folder: The export's folder.
        mask: Assistant turns to keep out of the loss; they get ``weight`` 0, which TRL itself does not read.

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
    """Read a file back, row by row, as `datasets` would show it.

    Args:
        path: One of the Parquet files.

    Yields:
        Dicts with dialogue_id, domain, messages and tools.
    """
    for dialogue_id, domain, messages, tools in _texts(path):
        yield {
            "dialogue_id": dialogue_id,
            "domain": domain,
            "messages": [json.loads(text) for text in messages],
            "tools": [json.loads(text) for text in tools],
        }


class _Digest:
    """A running hash over rows of texts."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, texts: _Texts) -> None:
        self.rows += 1
        self._hash.update(json.dumps(texts).encode())

    def value(self) -> tuple[int, str]:
        return self.rows, self._hash.hexdigest()


class _Staged:
    """One split's rows as lines of texts, which DuckDB turns into Parquet without holding them all; and JSON lines."""

    def __init__(self, path: Path, lines: Path) -> None:
        self.path = path
        self.lines = lines
        self.digest = _Digest()
        self.longest = _LEAST_LINE
        self._stream: TextIO = path.open("w", encoding="utf-8", newline="\n")
        self._lines: TextIO = lines.open("w", encoding="utf-8", newline="\n")

    def add(self, texts: _Texts) -> None:
        line = json.dumps(dict(zip(FEATURES, texts, strict=True)))
        self.longest = max(self.longest, len(line) + 1)
        self.digest.add(texts)
        self._stream.write(line + "\n")
        dialogue_id, domain, messages, tools = texts
        self._lines.write(
            f'{{"dialogue_id":{json.dumps(dialogue_id)},"domain":{json.dumps(domain)},'
            f'"messages":[{",".join(messages)}],"tools":[{",".join(tools)}]}}\n'
        )

    def close(self) -> None:
        self._stream.close()
        self._lines.close()


def _copy(staged: _Staged, path: Path) -> None:
    # Read as texts first: DuckDB would write a column read as JSON[] in its own spelling, and numbers must keep ours.
    columns = "{dialogue_id: 'VARCHAR', domain: 'VARCHAR', messages: 'VARCHAR[]', tools: 'VARCHAR[]'}"
    metadata = json.dumps({"info": {"features": FEATURES}})
    with _connection() as connection:
        connection.execute(
            f"COPY (SELECT dialogue_id, domain, messages::JSON[] AS messages, tools::JSON[] AS tools "  # noqa: S608 - our own names
            f"FROM read_json({_quoted(str(staged.path))}, format='newline_delimited', columns={columns}, "
            f"maximum_object_size={staged.longest})) TO {_quoted(str(path))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}, "
            f"KV_METADATA {{huggingface: {_quoted(metadata)}}})"
        )


def _texts(path: Path) -> Iterator[_Texts]:
    with _connection() as connection:
        cursor = connection.execute(
            "SELECT dialogue_id, domain, messages::VARCHAR[], tools::VARCHAR[] FROM read_parquet(?)", [str(path)]
        )
        while batch := cursor.fetchmany(256):
            yield from batch


def _connection() -> duckdb.DuckDBPyConnection:
    # One thread: the bytes depend on the number of threads (measured), and by default that is the machine's.
    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": True, "temp_directory": ""})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
