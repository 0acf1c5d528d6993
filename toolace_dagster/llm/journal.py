"""The write-ahead journal of model calls, and the cache over it.

A response is on disk before it is used. It goes to an append-only file first,
since DuckDB's readers block writers and a file append waits for nobody, and is
folded into the domain's DuckDB file when a stage ends or the next one begins.
Lines that wait for the disk share one sync.

Belongs here: durability and lookups. Does not belong here: making calls
(``gateway``).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from toolace_dagster.entities import Entity, canonical_json
from toolace_dagster.llm.records import CallRecord, CallUse
from toolace_dagster.warehouse import Store, insert, sql

_TABLES = {"call": "model_calls", "use": "call_uses"}


class JournalInUse(RuntimeError):
    """Another process is making calls for the same domain."""


class CallJournal:
    """Keeps the calls of one domain.

    Attributes:
        run_id: Run that pays for new calls.
    """

    def __init__(self, store: Store, path: Path, run_id: str) -> None:
        """Name store and file; nothing is opened yet.

        Args:
            store: The domain's DuckDB file, with the tables of ``sql/calls/tables.sql``.
            path: The journal file.
            run_id: Run that pays for new calls.
        """
        self.run_id = run_id
        self._store = store
        self._path = path
        self._file: IO[bytes] | None = None
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._uses: list[bytes] = []
        self._writer: asyncio.Task[None] | None = None
        self._fresh: dict[str, str] = {}
        self._wanted: list[tuple[str, asyncio.Future[str | None]]] = []
        self._lookup: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Take the journal for this process, and fold in what an earlier run left in it.

        Raises:
            JournalInUse: If another process has it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            self._file = None
            raise JournalInUse(
                f"Another run is making calls for this domain (it holds {self._path.name}). "
                "Wait until it has ended, or stop it."
            ) from error
        self.fold()

    def close(self) -> None:
        """Fold everything into DuckDB and let go of the file."""
        if self._file is not None:
            self.fold()
            self._file.close()
            self._file = None

    async def lookup(self, key: str) -> str | None:
        """Find a usable response by key; lookups that arrive together share one query."""
        if key in self._fresh:
            return self._fresh[key]
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._wanted.append((key, future))
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(self._look_up())
        return await future

    async def append(self, record: CallRecord) -> None:
        """Write a call down; returns once it is on disk."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((_line("call", record), future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await future
        if record.usable and record.response is not None:
            self._fresh[record.key] = record.response

    def note_use(self, use: CallUse) -> None:
        """Note a use; uses can be told again from rows, so they wait for the next write."""
        self._uses.append(_line("use", use))

    def fold(self) -> None:
        """Move all lines of the file into DuckDB; safe to be interrupted at any point.

        The file is emptied only after the commit, and a call that is already in the
        table is not inserted again.
        """
        file = self._file
        assert file is not None
        if self._uses:
            _append(file, self._uses)
            self._uses = []
        if self._path.stat().st_size == 0:
            return
        rows: dict[str, list[dict[str, Any]]] = {"call": [], "use": []}
        for kind, row in _read(self._path):
            rows[kind].append(row)
        with self._store.write() as connection:
            known = {
                (row[0], row[1])
                for row in connection.execute(
                    "SELECT key, created_at FROM model_calls WHERE key IN (SELECT unnest($keys::VARCHAR[]))",
                    {"keys": [row["key"] for row in rows["call"]]},
                ).fetchall()
            }
            insert(connection, _TABLES["call"], [r for r in rows["call"] if (r["key"], r["created_at"]) not in known])
            insert(connection, _TABLES["use"], rows["use"])
        file.truncate(0)
        os.fsync(file.fileno())
        self._fresh.clear()

    async def _look_up(self) -> None:
        # One turn of the loop lets all rows that start together ask first.
        await asyncio.sleep(0)
        while self._wanted:
            wanted, self._wanted = self._wanted, []
            found = self._stored({key for key, _ in wanted})
            for key, future in wanted:
                if not future.done():
                    future.set_result(found.get(key))

    def _stored(self, keys: Iterable[str]) -> dict[str, str]:
        rows = self._store.read(sql("calls/lookup"), {"keys": sorted(keys)})
        return {row["key"]: row["response"] for row in rows}

    async def _write(self) -> None:
        await asyncio.sleep(0)
        while self._pending:
            batch, self._pending = self._pending, []
            uses, self._uses = self._uses, []
            assert self._file is not None
            await asyncio.to_thread(_append, self._file, [*uses, *(line for line, _ in batch)])
            for _, future in batch:
                if not future.done():
                    future.set_result(None)


def _append(file: IO[bytes], lines: Sequence[bytes]) -> None:
    file.write(b"".join(lines))
    file.flush()
    os.fsync(file.fileno())


def _line(kind: str, record: Entity) -> bytes:
    return f"{canonical_json([kind, record])}\n".encode()


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """All whole lines; a torn one is what a kill left of a response that nobody has used."""
    for line in path.read_bytes().splitlines():
        try:
            kind, row = json.loads(line)
        except ValueError:
            continue
        yield kind, row
