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
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
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
_AT_ONCE = 2
"""Files written and read back at once; with more, memory would grow with the machine."""
_BETWEEN, _WITHIN = "\x1f", "\x1e"
"""What stands between cells and between their parts where they are hashed. JSON text can't hold them."""


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

    def add(self, split: Split, line: str, digest: str) -> None:
        """Add one row as its line and digest, which :func:`line_of` and :func:`digest_of` made of its cells."""
        self._staged[split].add(line, digest)

    def finish(self) -> list[FileReport]:
        """Write the Parquet files under their temporary names and compare all files with what went in.

        Raises:
            ExportError: If a file read back differs from the rows given.
        """
        paths = {split: self._files.file(f"{self._folder}/{split}.parquet") for split in self._staged}
        for staged in self._staged.values():
            staged.close()

        def copy(split: Split) -> Split:
            _copy(self._staged[split], paths[split], self._features)
            return split

        def compare(split: Split, parts: Sequence[Future[list[str]]]) -> FileReport:
            staged, relative = self._staged[split], f"{self._folder}/{split}.parquet"
            read = _Digest()
            for part in parts:
                for digest in part.result():
                    read.add(digest)
            if read.value() != staged.digest.value():
                raise ExportError(f"{relative} read back differs from the {staged.digest.rows} rows written")
            return self._files.report(relative, split=split, rows=read.rows)

        def lines(split: Split) -> FileReport:
            # The Parquet file was made of these lines and compared with what went in, so counting them is enough.
            report = self._files.report_lines(f"{self._folder}/{split}.jsonl", split=split)
            if report.rows != (rows := self._staged[split].digest.rows):
                raise ExportError(f"{report.path} has {report.rows} lines, {rows} were written")
            return report

        # Threads: nearly all of it is DuckDB and hashing, which work without the interpreter's lock.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                copies: list[Future[Split]] = [pool.submit(copy, split) for split in self._staged]
                counted = pool.map(lines, self._staged)
                parts: dict[Split, list[Future[list[str]]]] = {}
                for done in as_completed(copies):
                    split = done.result()
                    # In parts: the largest file alone would leave one thread without work at the end.
                    parts[split] = [
                        pool.submit(_read_digests, paths[split], self._features, first, end)
                        for first, end in _parts_of(self._staged[split].digest.rows)
                    ]
                return [*(compare(split, parts[split]) for split in self._staged), *counted]
            except BaseException:
                # What has not begun need not be waited for.
                pool.shutdown(wait=False, cancel_futures=True)
                raise

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
    return _selected(path, names)


def line_of(features: Features, cells: Sequence[Cell], known: Mapping[str, str] | None = None) -> str:
    """A row as its line.

    Args:
        features: The columns.
        cells: A cell for each of them, in their order.
        known: By column, the JSON of a cell that many rows share, as :func:`cell_json` writes it.
    """
    known = known or {}
    pairs = (
        f"{_json(name)}: {known[name] if name in known else cell_json(cell)}"
        for name, cell in zip(features, cells, strict=True)
    )
    return "{" + ", ".join(pairs) + "}"


def cell_json(cell: Cell) -> str:
    """A cell as JSON of ASCII alone."""
    return _json(cell) if isinstance(cell, str | bool) else "[" + ", ".join(map(_json, cell)) + "]"


_json = json.JSONEncoder().encode


def digest_of(cells: Sequence[Cell]) -> str:
    """A hash over a row's cells as they stand, which reading its file back must give again."""
    parts: list[str] = []
    for cell in cells:
        if isinstance(cell, str):
            parts.append(cell)
        elif isinstance(cell, bool):
            parts.append("true" if cell else "false")
        else:
            parts.append(f"{len(cell)}{_WITHIN}{_WITHIN.join(cell)}")
    return _hashed(_BETWEEN.join(parts))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _parts_of(rows: int) -> list[tuple[int, int | None]]:
    """The first and the end of each part that a file is read back in; the last one goes on to the file's end."""
    step = max(_ROW_GROUP, -(-rows // _AT_ONCE))
    begins = range(0, max(rows, 1), step)
    return [(begin, begin + step if begin + step < rows else None) for begin in begins]


def _read_digests(path: Path, features: Features, first: int, end: int | None) -> list[str]:
    """The same of some rows of a file, joined by DuckDB; a null anywhere makes one that no row has."""
    parts = (
        f"(len({name}) || '{_WITHIN}' || array_to_string({name}::VARCHAR[], '{_WITHIN}'))"
        if _is_list(column)
        else f"{name}::VARCHAR"
        for name, column in features.items()
    )
    joined = f" || '{_BETWEEN}' || ".join(parts)
    # Hashed here: that takes DuckDB several times as long.
    return ["null" if row is None else _hashed(row) for (row,) in _selected(path, joined, first, end)]


class _Digest:
    """A running hash over the digests of rows, in their order."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, digest: str) -> None:
        self.rows += 1
        self._hash.update(digest.encode())

    def value(self) -> tuple[int, str]:
        return self.rows, self._hash.hexdigest()


class _Staged:
    """One split's JSON lines, which DuckDB turns into Parquet without holding them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = _Digest()
        self.longest = _LEAST_LINE
        self._stream: TextIO = path.open("w", encoding="ascii", newline="\n", buffering=_LEAST_LINE)

    def add(self, line: str, digest: str) -> None:
        self.longest = max(self.longest, len(line) + 1)
        self.digest.add(digest)
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


def _selected(path: Path, columns: str, first: int = 0, end: int | None = None) -> Iterator[tuple[Any, ...]]:
    within = "file_row_number >= $first AND ($end IS NULL OR file_row_number < $end)"
    statement = f"SELECT {columns} FROM read_parquet($path, file_row_number = true) WHERE {within}"  # noqa: S608 - our own names
    with _connection() as connection:
        cursor = connection.execute(statement, {"path": str(path), "first": first, "end": end})
        while batch := cursor.fetchmany(256):
            yield from batch


def _connection() -> duckdb.DuckDBPyConnection:
    # One thread: the bytes written depend on how many there are, and so does the memory that reading takes (measured).
    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": True, "temp_directory": ""})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
