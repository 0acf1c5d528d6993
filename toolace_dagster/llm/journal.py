"""The write-ahead journal of model calls, and the cache over it.

A response is on disk before it is used. It goes to an append-only file first,
since DuckDB's readers block writers and a file append waits for nobody, and is
folded into the domain's DuckDB file when a stage ends or the next one begins.
Lines that wait for the disk share one sync.

Each file begins with an id. A fold stores it in the transaction that stores the
lines, so one that was killed between commit and truncation is not done again.

Belongs here: durability and lookups. Does not belong here: making calls
(``gateway``).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import duckdb

from toolace_dagster.entities import Entity, canonical_json
from toolace_dagster.llm.records import CallRecord, CallUse
from toolace_dagster.warehouse import Store, fetch, insert, sql

_TABLES = {"call": "model_calls", "use": "call_uses"}
_ROWS_AT_ONCE = 2_000


class JournalInUse(RuntimeError):
    """Another process is making calls for the same domain."""


class JournalBroken(RuntimeError):
    """Responses can no longer be kept, so no more may be paid for. The message names the mend."""


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
        self._pid = 0
        self._lines: list[bytes] = []
        self._uses: list[bytes] = []
        self._file_lock = threading.Lock()
        self._waiting: list[asyncio.Future[None]] = []
        self._writer: asyncio.Task[None] | None = None
        self._broken: JournalBroken | None = None
        self._known: set[str] = set()
        self._fresh: dict[str, str] = {}
        self._wanted: list[tuple[str, asyncio.Future[str | None]]] = []
        self._lookup: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Take the journal for this process, and fold in what an earlier run left in it.

        Raises:
            JournalInUse: If another process has it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=0)
        self._pid = os.getpid()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_folder(self._path.parent)
            self.fold()
            self._known = {row["key"] for row in self._store.read(sql("calls/known_keys"))}
        except BlockingIOError as error:
            self._release()
            raise JournalInUse(
                f"Another run is making calls for this domain (it holds {self._path.name}). "
                "Wait until it has ended, or stop it."
            ) from error
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Fold everything into DuckDB and let go of the file; what can't be folded stays in it for the next run."""
        if self._file is None:
            return
        try:
            # A forked child shares file and lock with its parent, to whom the lines belong.
            if self._pid == os.getpid() and self._broken is None:
                self.fold()
        finally:
            self._release()

    def keep(self) -> None:
        """Write down what still waits to be, and let go of the file without folding."""
        if self._file is None:
            return
        try:
            if self._pid == os.getpid() and self._broken is None:
                self._flush()
        finally:
            self._release()

    async def lookup(self, key: str) -> str | None:
        """Find a usable response by key; lookups that arrive together share one query."""
        if key in self._fresh:
            return self._fresh[key]
        # Nobody else adds calls while we hold the file, so what was not there when it was opened needs no query.
        if key not in self._known:
            return None
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._wanted.append((key, future))
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(self._look_up())
        return await future

    async def append(self, record: CallRecord) -> None:
        """Write a call down; returns once it is on disk.

        Raises:
            JournalBroken: If it can't be kept, such as when the disk is full.
        """
        self.check()
        line = _line("call", record)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.append(line)
        self._waiting.append(future)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await future
        if record.usable and record.response is not None:
            self._fresh[record.key] = record.response

    def check(self) -> None:
        """Make sure that a response could be kept, before it is paid for.

        Raises:
            JournalBroken: If it could not.
        """
        if self._broken is not None:
            raise self._broken
        if self._file is None:
            raise JournalBroken("Responses can't be kept: the journal is closed.")

    def note_use(self, use: CallUse) -> None:
        """Note a use; uses can be told again from rows, so they wait for the next write."""
        self._uses.append(_line("use", use))

    def fold(self) -> None:
        """Move all lines of the file into DuckDB; safe to be interrupted at any point."""
        file = self._file
        assert file is not None
        self._flush()
        with self._file_lock:
            if os.fstat(file.fileno()).st_size:
                self._fold_file()
                file.truncate(0)
                os.fsync(file.fileno())
        self._known |= self._fresh.keys()
        self._fresh.clear()

    def _fold_file(self) -> None:
        journal_id = next((row["id"] for kind, row in _read(self._path) if kind == "journal"), None)
        lines = _read(self._path)
        with self._store.write() as connection:
            if fetch(connection, "SELECT 1 FROM journal_folds WHERE journal_id = $id", {"id": journal_id}):
                return
            while rows := list(islice(lines, _ROWS_AT_ONCE)):
                for kind, table in _TABLES.items():
                    insert(connection, table, [row for of, row in rows if of == kind])
            if journal_id is not None:
                insert(connection, "journal_folds", [{"journal_id": journal_id}])

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _look_up(self) -> None:
        # One turn of the loop lets all rows that start together ask first.
        await asyncio.sleep(0)
        while self._wanted:
            wanted, self._wanted = self._wanted, []
            try:
                # In a thread, since it may have to wait for another process that writes.
                found = await asyncio.to_thread(self._stored, {key for key, _ in wanted})
            except BaseException as error:
                _fail([future for _, future in wanted], error)
                if not isinstance(error, Exception):
                    raise
                continue
            for key, future in wanted:
                if not future.done():
                    future.set_result(found.get(key))

    def _stored(self, keys: Iterable[str]) -> dict[str, str]:
        try:
            rows = self._store.read(sql("calls/lookup"), {"keys": sorted(keys)})
        except duckdb.Error as error:
            raise JournalBroken(f"Stored responses can't be read: {error}") from error
        return {row["key"]: row["response"] for row in rows}

    async def _write(self) -> None:
        await asyncio.sleep(0)
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._flush)
            except BaseException as error:
                _fail(waiting, error)
                if not isinstance(error, Exception):
                    raise
                continue
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def _flush(self) -> None:
        """Write all waiting lines; in a thread or not, they are written once and in order.

        Raises:
            JournalBroken: If the disk does not take them.
        """
        with self._file_lock:
            # Whoever held the lock before may have written everything.
            lines, uses = list(self._lines), list(self._uses)
            if not (lines or uses):
                return
            if self._broken is not None:
                raise self._broken
            assert self._file is not None
            try:
                _append(self._file, [*uses, *lines])
            except OSError as error:
                self._broken = JournalBroken(
                    f"Responses can't be kept: {error.strerror or error} ({self._path}). "
                    "Make room or mend the disk; the same command goes on from what was kept."
                )
                raise self._broken from error
            del self._lines[: len(lines)], self._uses[: len(uses)]


def _append(file: IO[bytes], lines: Sequence[bytes]) -> None:
    """Append lines as a whole or not at all: half a line would spoil the next one too."""
    size = os.fstat(file.fileno()).st_size
    head = b"" if size else _line("journal", {"id": uuid4().hex})
    rest = memoryview(b"".join((head, *lines)))
    try:
        while rest:
            rest = rest[os.write(file.fileno(), rest) :]
        os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            os.ftruncate(file.fileno(), size)
        raise


def _line(kind: str, record: Entity | dict[str, str]) -> bytes:
    return f"{canonical_json([kind, record])}\n".encode()


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """All whole lines; a torn one is what a kill left of a response that nobody has used."""
    with path.open("rb") as file:
        for line in file:
            try:
                kind, row = json.loads(line)
            except (ValueError, TypeError):
                continue
            yield kind, row


def _sync_folder(path: Path) -> None:
    """Make sure that a file that was just made is found again after a power cut."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fail(futures: Iterable[asyncio.Future[Any]], error: BaseException) -> None:
    for future in futures:
        if future.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
