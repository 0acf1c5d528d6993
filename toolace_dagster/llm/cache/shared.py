"""The shared cache's file: SQLite in write-ahead mode.

Any number of processes read it while one writes, and writers take turns by
themselves; a DuckDB file has one writing process or many reading ones. Keys are
an index on disk, so a lookup costs the same at any size and holds no memory.

Belongs here: opening, reading and writing it. Does not belong here: when that is
done (``responses``), what is in it and what to remove (``upkeep``).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from toolace_dagster.llm.cache.response import CachedResponse
from toolace_dagster.warehouse import Row, sql

FILE_NAME = "responses.sqlite"
_VERSION = 1
_PATIENCE = 15.0
_USE_IS_NEWS_AFTER = timedelta(hours=1)


class CacheUnusable(RuntimeError):
    """The file can't be used as a cache; the message names it and the mend."""


class SharedCache:
    """An open cache; to be used in one thread."""

    def __init__(self, folder: Path, *, make: bool = True) -> None:
        """Open the file, or make it.

        Args:
            folder: The cache's folder.
            make: Whether to make what is not there.

        Raises:
            CacheUnusable: If it is not there, or of a later version.
            sqlite3.Error: If it can't be opened or made.
            OSError: If the folder can't be made.
        """
        self.path = folder / FILE_NAME
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        elif not self.path.exists():
            raise CacheUnusable(f"{folder} holds no shared cache. `toolace run --cache {folder}` makes one.")
        self._connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def find(self, keys: Sequence[str]) -> dict[str, CachedResponse]:
        """Find responses by key."""
        rows = self.rows(sql("cache/find"), {"keys": json.dumps(keys)})
        return {row["key"]: CachedResponse(**row) for row in rows}

    def note_use(self, keys: Iterable[str]) -> None:
        """Note that responses are in use, unless somebody else is writing just now: the next use tells as much."""
        now = datetime.now(UTC)
        before = (now - _USE_IS_NEWS_AFTER).isoformat()
        used = {"keys": json.dumps(list(keys)), "now": now.isoformat(), "before": before}
        self._connection.execute("PRAGMA busy_timeout = 100")
        try:
            self._connection.execute(sql("cache/note_use"), used)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(_PATIENCE * 1000)}")

    def add(self, responses: Sequence[CachedResponse]) -> None:
        """Store responses in one transaction; one with a key that is there already takes its place."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for response in responses:
                row = response.model_dump()
                size = len(response.response.encode())
                self._connection.execute(sql("cache/add_call"), row | {"size": size})
                self._connection.execute(sql("cache/add_text"), row)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, statement: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a query, or a statement that changes something.

        Returns:
            Rows as dicts by column name.
        """
        cursor = self._connection.execute(statement, params or {})
        columns = [column[0] for column in cursor.description or ()]
        return [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]

    def change(self, names: Sequence[str], params: Mapping[str, Any]) -> None:
        """Run named statements in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for name in names:
                self._connection.execute(sql(name), params)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def give_back(self) -> None:
        """Give room that removed responses took back to the disk."""
        # It frees a page a step, and only a script is stepped through to its end.
        self._connection.executescript("PRAGMA incremental_vacuum")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _prepare(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._make_tables()
            except sqlite3.OperationalError as error:
                # Two processes that make the file at once may find it locked in a way that has no timeout.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _make_tables(self) -> None:
        connection = self._connection
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise CacheUnusable(f"{self.path} was made by a later version of toolace-dagster. Update, or use another.")
        if version < _VERSION:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        # A power cut may take the last responses from the cache, never from the journal of the home that paid.
        connection.execute("PRAGMA synchronous = NORMAL")
        if version < _VERSION:
            connection.executescript(
                f"BEGIN IMMEDIATE; {sql('cache/tables')} PRAGMA user_version = {_VERSION}; COMMIT;"
            )
