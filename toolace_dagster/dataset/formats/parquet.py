"""Parquet files whose JSON columns `datasets` reads back exactly, and the same rows as JSON lines.

A column of objects is a list of JSON texts with Parquet's JSON type, and the file's
``huggingface`` metadata says ``List(Json())``. So each row comes back as the dicts
that went in: an ordinary Arrow struct would give every message the union of all keys
of all rows, padded with nulls, and trainers learn those without a word.

The lines hold the same texts, so each message is a string of JSON. Plain objects would
look better and be learned wrong: `datasets` guesses a column's type from the first
10 MB and pads or refuses what comes later, and where the features are named it writes
every number anew and reads it a little off. A string of JSON is kept as it is and read
as an object with ``features=``, and without them a trainer fails at once.

DuckDB writes the Parquet files, in one thread and in the rows' order, so equal rows
give equal bytes with the same DuckDB version (the version is written in the file's
footer).

Belongs here: writing and reading such files. Does not belong here: what the columns
mean (``trl``, ``preferences``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, cast

import duckdb

from toolace_dagster.dataset.files import FileReport, Replacement
from toolace_dagster.dataset.rows import SPLITS, ExportError, Split

Features = Mapping[str, Mapping[str, Any]]
"""Columns as the ``huggingface`` metadata of `datasets` describes them."""
Cell = str | bool | Sequence[str]
"""Text, a truth value, or JSON texts."""

STRING: dict[str, Any] = {"dtype": "string", "_type": "Value"}
BOOLEAN: dict[str, Any] = {"dtype": "bool", "_type": "Value"}
JSON_LIST: dict[str, Any] = {"feature": {"_type": "Json"}, "_type": "List"}

_ROW_GROUP = 2048
"""Rows of a row group. `datasets` reads a group at a time, and a dialogue with its tools takes some 30 kB."""
_LEAST_LINE = 1 << 20


class ParquetAndLines:
    """Writes both files of each split from rows that come one by one; memory does not grow with their number."""

    def __init__(self, files: Replacement, folder: str, features: Features) -> None:
        """Open the files under temporary names.

        Args:
            files: Where they go.
            folder: Folder below the export's, which their paths begin with.
            features: Their columns.
        """
        self._files = files
        self._folder = folder
        self._features = features
        self._staged: dict[Split, _Staged] = {split: _Staged(files.file(f"{folder}/{split}.jsonl")) for split in SPLITS}

    def add(self, split: Split, line: str) -> None:
        """Add one row as its line, which :func:`line_of` made."""
        self._staged[split].add(line)

    def finish(self) -> list[FileReport]:
        """Write the Parquet files under their temporary names and compare all files with what went in.

        Raises:
            ExportError: If a file read back differs from the rows given.
        """
        reports: list[FileReport] = []
        for split, staged in self._staged.items():
            staged.close()
            relative = f"{self._folder}/{split}.parquet"
            path = self._files.file(relative)
            _copy(staged, path, self._features)
            read = _Digest()
            for cells in read_cells(path, self._features):
                read.add(line_of(self._features, cells))
            if read.value() != staged.digest.value():
                raise ExportError(f"{relative} read back differs from the {staged.digest.rows} rows written")
            reports.append(self._files.report(relative, split=split, rows=read.rows))
        for split, staged in self._staged.items():
            relative = f"{self._folder}/{split}.jsonl"
            # The Parquet file was made of these lines and compared with what went in, so counting them is enough.
            with staged.path.open("rb") as stream:
                rows = sum(1 for _ in stream)
            if rows != staged.digest.rows:
                raise ExportError(f"{relative} has {rows} lines, {staged.digest.rows} were written")
            reports.append(self._files.report(relative, split=split, rows=rows))
        return reports

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for staged in self._staged.values():
            staged.close()


def read_parquet(path: Path, features: Features) -> Iterator[dict[str, Any]]:
    """Read a file back, row by row, as `datasets` would show it.

    Args:
        path: One of the Parquet files.
        features: Its columns.

    Yields:
        Dicts by column.
    """
    for cells in read_cells(path, features):
        yield {
            name: [json.loads(text) for text in cast("Sequence[str]", cell)] if _is_list(column) else cell
            for (name, column), cell in zip(features.items(), cells, strict=True)
        }


def read_cells(path: Path, features: Features) -> Iterator[Sequence[Cell]]:
    """Read a file back as the texts it holds."""
    names = ", ".join(f"{name}::VARCHAR[]" if _is_list(column) else name for name, column in features.items())
    with _connection() as connection:
        cursor = connection.execute(f"SELECT {names} FROM read_parquet(?)", [str(path)])  # noqa: S608 - our own names
        while batch := cursor.fetchmany(256):
            yield from batch


def line_of(features: Features, cells: Sequence[Cell]) -> str:
    """A row as its line: a cell for each column, in their order."""
    return json.dumps(dict(zip(features, cells, strict=True)))


class _Digest:
    """A running hash over lines."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, line: str) -> None:
        self.rows += 1
        self._hash.update(line.encode())
        self._hash.update(b"\n")

    def value(self) -> tuple[int, str]:
        return self.rows, self._hash.hexdigest()


class _Staged:
    """One split's JSON lines, which DuckDB turns into Parquet without holding them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = _Digest()
        self.longest = _LEAST_LINE
        self._stream: TextIO = path.open("w", encoding="utf-8", newline="\n")

    def add(self, line: str) -> None:
        self.longest = max(self.longest, len(line) + 1)
        self.digest.add(line)
        self._stream.write(line + "\n")

    def close(self) -> None:
        self._stream.close()


def _is_list(column: Mapping[str, Any]) -> bool:
    return column["_type"] == "List"


def _copy(staged: _Staged, path: Path, features: Features) -> None:
    # Read as texts first: DuckDB would write a column read as JSON[] in its own spelling, and numbers must keep ours.
    kinds = {
        name: "VARCHAR[]" if _is_list(column) else "BOOLEAN" if column["dtype"] == "bool" else "VARCHAR"
        for name, column in features.items()
    }
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in kinds.items())
    chosen = ", ".join(f"{n}::JSON[] AS {n}" if kind == "VARCHAR[]" else n for n, kind in kinds.items())
    metadata = json.dumps({"info": {"features": features}})
    with _connection() as connection:
        connection.execute(
            f"COPY (SELECT {chosen} FROM read_json({_quoted(str(staged.path))}, "  # noqa: S608 - our own names
            f"format='newline_delimited', columns={{{columns}}}, maximum_object_size={staged.longest})) "
            f"TO {_quoted(str(path))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}, "
            f"KV_METADATA {{huggingface: {_quoted(metadata)}}})"
        )


def _connection() -> duckdb.DuckDBPyConnection:
    # One thread: the bytes depend on the number of threads (measured), and by default that is the machine's.
    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": True, "temp_directory": ""})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
