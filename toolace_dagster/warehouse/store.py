"""Opening DuckDB files: short transactions, many readers, never a file held across a model call.

DuckDB lets one read-write process *or* many readers hold a file. So each access
opens, works and closes, and retries with jitter when, and only when, somebody
else holds the lock.

Belongs here: transactions, reads, bulk inserts. Does not belong here: the engine that
files are attached to (``engine``), or what the tables mean (``warehouse.domain``, ``warehouse.shared``).
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from toolace_dagster.entities import canonical_json, content_hash
from toolace_dagster.warehouse.engine import PATIENCE, attach, attached, copy_file, engine
from toolace_dagster.warehouse.upgrade import add_missing_columns, column_faults, stored_columns

Row = dict[str, Any]
Params = Sequence[Any] | Mapping[str, Any]

_SOURCE = "source"
"""What statements call the file that they copy from."""


class Store:
    """One DuckDB file.

    Attributes:
        path: The file; made with its schema on the first write.
    """

    def __init__(self, path: Path, schema: str) -> None:
        """Name a file; nothing is opened yet.

        Args:
            path: The DuckDB file.
            schema: SQL that makes all tables and views, safe to run again.
        """
        self.path = path
        self._schema = schema
        self._stamp = content_hash(schema)
        self._open: duckdb.DuckDBPyConnection | None = None
        # A connection refuses a second statement while one runs, and may be shared by the event loop and a thread.
        self._using = threading.RLock()

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def read(self, statement: str, params: Params = ()) -> list[Row]:
        """Run one query on a read-only connection.

        Args:
            statement: SQL.
            params: Positional or named parameters.

        Returns:
            Rows as dicts by column name; an empty list when the file does not exist yet.
        """
        if not self.path.exists():
            return []
        with self._using, self.reading():
            assert self._open is not None
            return fetch(self._open, statement, params)

    @contextmanager
    def reading(self) -> Generator[None]:
        """Let all reads inside share one connection, since opening costs more than most queries.

        Reads of other threads share it too, and take turns. Writing inside is a mistake and fails: a file is open for
        reading or for writing.
        """
        with ExitStack() as closing:
            with self._using:
                if self._open is None and self.path.exists():
                    self._bring_up_to_date()
                    self._open = closing.enter_context(attached(self.path, read_only=True))
                    closing.enter_context(self._not_open_after())
            yield

    @contextmanager
    def _not_open_after(self) -> Generator[None]:
        try:
            yield
        finally:
            with self._using:
                self._open = None

    @contextmanager
    def beside_memory(self, patience: float = PATIENCE) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection that reads this file and may write tables of ``memory.main``, which only this process has.

        Args:
            patience: Seconds to wait for somebody who writes the file.

        Raises:
            duckdb.IOException: If it is still being written then.
        """
        self._bring_up_to_date()
        with attached(self.path, read_only=True, patience=patience) as connection:
            yield connection

    @contextmanager
    def memory(self) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection to the tables of ``memory.main`` alone; the file is not opened."""
        connection = engine(self.path.parent).cursor()
        try:
            yield connection
        finally:
            connection.close()

    def give_memory_back(self) -> None:
        """Give the system what reading took.

        DuckDB itself has let go of it by then, but its allocator keeps as much as the largest read took until a limit
        is set anew, even if it is the same one.
        """
        with self.memory() as connection:
            connection.execute("RESET memory_limit")

    @contextmanager
    def write(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Open a transaction; it commits on leaving and rolls back on an exception."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            _prepared.discard(self._file)
            self._begin()
        with attached(self.path, read_only=False) as connection:
            # Once a process and file, and only when it changed: it takes longer than most writes.
            if self._file not in _prepared:
                if not self._is_current(connection):
                    # Before the schema itself, whose views may name what an older table lacks.
                    add_missing_columns(connection, self._schema)
                    self._lay_out(connection)
                _prepared.add(self._file)
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def write_from(self, other: Store) -> Generator[duckdb.DuckDBPyConnection]:
        """Open a transaction like ``write``, in which ``source`` names another file, which is only read.

        Args:
            other: The other file; it exists.
        """
        other._bring_up_to_date()
        with self.write():
            # The file has its tables now.
            pass
        with attached(self.path, read_only=False) as connection:
            attach(connection, other.path, _SOURCE, read_only=True)
            try:
                connection.execute("BEGIN")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            finally:
                connection.execute(f"DETACH {_SOURCE}")

    def column_faults(self) -> list[str]:
        """What is different in the file's tables from what its schema says, in words."""
        if not self.path.exists():
            return []
        with self._using, self.reading():
            assert self._open is not None
            return column_faults(stored_columns(self._open), self._schema)

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is between two transactions.

        Args:
            path: The copy; its folder is made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        # Nobody can write while we read.
        with attached(self.path, read_only=True):
            for file in (self.path, self.path.with_name(f"{self.path.name}.wal")):
                if file.exists():
                    shutil.copyfile(file, path.with_name(file.name.replace(self.path.name, path.name)))

    def compact(self) -> None:
        """Write the file anew without the room that removed values took; readers keep the old one until they close it.

        Raises:
            duckdb.Error: If there is no room for both; the file is as it was.
        """
        fresh = self.path.with_suffix(".compact")
        fresh.unlink(missing_ok=True)
        # Nobody can write while we read, and what a crash left beside the file is no part of the copy.
        with attached(self.path, read_only=True) as connection:
            if self.path.with_name(f"{self.path.name}.wal").exists():
                return
            copy_file(connection, fresh, self.path)

    def write_copy(self, path: Path) -> None:
        """Write what the file holds into another for good: it is there whole or not at all.

        Args:
            path: The other file; replaced if it exists.

        Raises:
            duckdb.Error: If there is no room for both.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with attached(self.path, read_only=True) as connection:
            copy_file(connection, part, path)

    def _begin(self) -> None:
        """Put an empty file with all tables in place; where somebody else was faster, theirs stays.

        Making tables takes tens of times as long as copying them, and an experiment has a file for each arm.
        """
        if self.path.with_name(f"{self.path.name}.wal").exists():
            # Of a file that is gone. DuckDB drops it where it makes a file, and can't play it into another.
            return
        part = self.path.with_name(f"{self.path.name}.{uuid4().hex}.part")
        # On a disk without links, or without room, the write that is to come makes the tables, or says why it can't.
        with suppress(OSError, duckdb.IOException):
            try:
                if self._stamp not in _empty:
                    with attached(part, read_only=False) as connection:
                        self._lay_out(connection)
                    _empty[self._stamp] = part.read_bytes()
                else:
                    part.write_bytes(_empty[self._stamp])
                # Unlike a rename, a link never takes the place of a file.
                os.link(part, self.path)
            finally:
                for file in (part, part.with_name(f"{part.name}.wal")):
                    file.unlink(missing_ok=True)

    def _lay_out(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(self._schema)
        connection.execute("CREATE OR REPLACE TABLE schema_stamp AS SELECT ? AS stamp", [self._stamp])

    @property
    def _file(self) -> tuple[str, str]:
        return str(self.path), self._stamp

    def _bring_up_to_date(self) -> None:
        """Give a file that an earlier version made the tables and views it lacks, before they are read."""
        if self._file in _prepared:
            return
        with attached(self.path, read_only=True) as connection:
            current = self._is_current(connection)
        if current:
            _prepared.add(self._file)
        else:
            with self.write():
                pass

    def _is_current(self, connection: duckdb.DuckDBPyConnection) -> bool:
        try:
            return connection.execute("SELECT stamp FROM schema_stamp").fetchone() == (self._stamp,)
        except duckdb.CatalogException:
            return False


_prepared: set[tuple[str, str]] = set()
_empty: dict[str, bytes] = {}
"""Files that hold nothing yet, by their schema's stamp."""


def fetch(connection: duckdb.DuckDBPyConnection, statement: str, params: Params = ()) -> list[Row]:
    """Run a query on an open connection.

    Returns:
        Rows as dicts by column name.
    """
    cursor = connection.execute(statement, params or None)
    columns = [column[0] for column in cursor.description or []]
    return [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by column name, in one statement.

    The rows travel as JSON texts and are typed by the table itself: guessing
    types from Python objects fails on columns that are all null.

    Args:
        connection: An open write transaction.
        table: Table name, from our own code.
        rows: The rows, all with the same keys; values are JSON-able. None is fine.
    """
    if rows:
        insert_texts(connection, table, [canonical_json(row) for row in rows], tuple(rows[0]))


def insert_texts(
    connection: duckdb.DuckDBPyConnection, table: str, texts: Sequence[str], fields: Collection[str]
) -> None:
    """Insert rows that are JSON texts already; see :func:`insert`.

    Args:
        connection: An open write transaction.
        table: Table name, from our own code.
        texts: A JSON object for each row.
        fields: Their keys.
    """
    if not texts:
        return
    described = connection.execute(f"DESCRIBE {table}").fetchall()
    types = {name: _structure(kind) for name, kind, *_ in described if name in fields}
    if unknown := set(fields) - set(types):
        raise KeyError(f"table {table} has no column {', '.join(sorted(unknown))}")
    names = ", ".join(types)
    connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(f'r.{n}' for n in types)} "  # noqa: S608 - names from the table
        "FROM (SELECT from_json(text, ?) AS r FROM (SELECT unnest(?::VARCHAR[]) AS text))",
        [canonical_json(types), list(texts)],
    )


def _structure(kind: str) -> Any:
    return [kind.removesuffix("[]")] if kind.endswith("[]") else kind
