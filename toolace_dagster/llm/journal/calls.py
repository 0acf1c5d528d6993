"""The calls of one domain: written down, folded into DuckDB, found again.

Lines that wait for the disk share one sync, and lookups that arrive together
share one query, which reads ahead when a stage is run again.

Belongs here: when things are written, folded and looked up. Does not belong here:
the file (``file``), the cache that homes share (``cache``).
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from toolace_dagster.llm.cache import CachedResponse, ResponseCache
from toolace_dagster.llm.chain import NO_TRIES, REPLY_FAULTS, StoredTries, UnusableReply
from toolace_dagster.llm.journal.file import JournalBroken, JournalFile, line
from toolace_dagster.llm.journal.hold import UpkeepAtWork
from toolace_dagster.llm.journal.known import KnownKeys
from toolace_dagster.llm.journal.together import Together, fail
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.llm.records import BorrowedCall, CallRecord, CallUse
from toolace_dagster.warehouse import Row, Store, fetch, insert, insert_texts, sql

_TABLES = {"call": "model_calls", "borrowed": "borrowed_calls", "use": "call_uses"}
_ROWS_AT_ONCE = 2_000

_A_RERUN = 32
"""From this many stored responses asked for at once, those stored next are likely to be asked for next."""

_SLOW_SYNC = 0.005
"""Seconds from which on a sync is worth a thread; the way there and back takes longer than a sync of a good disk."""
_SLOW_SYNCS = 3

_PATIENCE = 60.0
"""Seconds to wait for a command that looks after the home."""
_PAUSE = 0.1


class CallJournal:
    """Keeps the calls of one domain.

    Attributes:
        run_id: Run that pays for new calls.
    """

    def __init__(
        self,
        store: Store,
        path: Path,
        run_id: str,
        cache: ResponseCache | None = None,
        *,
        given_up: Callable[[], Mapping[str, datetime]] | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        """Name store and file; nothing is opened yet.

        Args:
            store: The domain's DuckDB file, with the tables of ``sql/calls/tables.sql``.
            path: The journal file.
            run_id: Run that pays for new calls.
            cache: Cache that other homes share, if any.
            given_up: Reads which calls, by id, rows failed by, and when that was last told. Unusable replies that came
                later count; None where nobody keeps such rows.
            patience: Seconds that :meth:`open_in_turn` waits.
        """
        self.run_id = run_id
        self._store = store
        self._path = path
        self._cache = cache
        self._given_up = given_up
        self._told: Mapping[str, datetime] | None = None
        self._patience = patience
        self._file: JournalFile | None = None
        self._lines: list[_Waiting] = []
        self._uses: list[bytes] = []
        self._file_lock = threading.Lock()
        self._slow_syncs = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._writer: asyncio.Task[None] | None = None
        self._broken: JournalBroken | None = None
        self._known = KnownKeys()
        self._unusable = KnownKeys()
        self._fresh: dict[str, int] = {}
        self._found: dict[str, CachedResponse] = {}
        self._ahead: dict[str, str] = {}
        self._borrowed: set[str] = set()
        self._lookups = Together(self._stored_anywhere)
        self._tries = Together(self._all_stored_tries)

    @property
    def batches(self) -> Path:
        """Folder of the batches these calls go through."""
        return batches_beside(self._path)

    def in_batches(self, batch_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Which calls of some batches are kept, as pairs of batch id and key; asked after :meth:`open`."""
        ids = sorted(set(batch_ids))
        rows = self._store.read(sql("calls/in_batches"), {"ids": ids}) if ids else []
        return {(row["batch_id"], row["key"]) for row in rows}

    async def open_in_turn(self, on_wait: Callable[[str], None] | None = None) -> None:
        """Open it like :meth:`open`, but wait where a command such as ``toolace gc`` has it.

        Args:
            on_wait: Told once who is waited for.

        Raises:
            JournalInUse: If another run has it, or such a command for longer than the patience.
        """
        until = time.monotonic() + self._patience
        while True:
            try:
                self.open()
            except UpkeepAtWork as upkeep:
                if time.monotonic() >= until:
                    raise
                if on_wait is not None:
                    on_wait(f"{upkeep} Waiting for it.")
                    on_wait = None
            else:
                return
            await asyncio.sleep(_PAUSE)

    def open(self) -> None:
        """Take the journal for this process, and fold in what an earlier run left in it.

        Raises:
            JournalInUse: If another process has it.
        """
        self._file = JournalFile(self._path)
        try:
            self._offer_what_was_left()
            self.fold()
            rows = self._store.read(sql("calls/known_keys"))
            self._known = KnownKeys(rows[0]["beginnings"] or () if rows else ())
            self._unusable = KnownKeys(rows[0]["unusable"] or () if rows else ())
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Fold everything into DuckDB and let go of the file; what can't be folded stays in it for the next run."""
        if self._file is None:
            return
        try:
            if self._file.is_ours and self._broken is None:
                self.fold()
        finally:
            self._release()

    def keep(self) -> None:
        """Write down what still waits to be, and let go of the file without folding."""
        if self._file is None:
            return
        try:
            if self._file.is_ours and self._broken is None:
                self._flush()
        finally:
            self._release()

    async def lookup(self, key: str) -> str | None:
        """Find a usable response by key: in this stage, in the domain's file, in the shared cache.

        When it is used, :meth:`note_borrowed` is to be told.
        """
        if key in self._fresh:
            return self.lookup_fresh(key)
        # Nobody else adds calls while we hold the file, so what was not there when it was opened needs no query.
        if key not in self._known and self._cache is None:
            return None
        if key in self._ahead:
            return self._ahead.pop(key)
        return await self._lookups.ask(key)

    def lookup_fresh(self, key: str) -> str | None:
        """Find a usable response that was written down since the journal was opened."""
        if key not in self._fresh:
            return None
        assert self._file is not None
        return self._file.record_at(self._fresh[key])["response"]

    async def stored_tries(self, key: str) -> StoredTries:
        """Replies to a request that earlier runs paid for and could not use."""
        return (await self._tries.ask(key) if key in self._unusable else None) or NO_TRIES

    async def append(self, record: CallRecord) -> None:
        """Write a call down; returns once it is on disk.

        Raises:
            JournalBroken: If it can't be kept, such as when the disk is full.
        """
        self.check()
        written = _Waiting(line("call", record))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.append(written)
        self._waiting.append(future)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await future
        if record.usable and record.response is not None:
            self._fresh[record.key] = written.place
            if self._cache is not None:
                self._cache.put([vars(record)])

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
        self._uses.append(line("use", use))

    def note_borrowed(self, key: str, request: ModelRequest[Any]) -> None:
        """Write down that a response was used which :meth:`lookup` found; does something only for one from the cache.

        So the home that uses it has prompt and reply too, whatever becomes of the cache.
        """
        found = self._found.pop(key, None)
        if found is None or key in self._borrowed:
            return
        self._borrowed.add(key)
        purpose = request.purpose
        record = BorrowedCall(
            key=key,
            call_id=f"c-{key[:16]}",
            stage=purpose.stage,
            task=purpose.task,
            role=purpose.role,
            domain=purpose.domain,
            dialogue_id=purpose.dialogue_id,
            round=purpose.round,
            turn_ids=purpose.turn_ids,
            messages=[message.model_dump() for message in request.messages],
            sampling=request.sampling.model_dump(exclude_none=True),
            borrowed_by=self.run_id,
            **found.facts,
        )
        self._uses.append(line("borrowed", record))

    def fold(self) -> None:
        """Move all lines of the file into DuckDB; safe to be interrupted at any point."""
        file = self._file
        assert file is not None
        self._flush()
        with self._file_lock:
            if file.size:
                self._fold_file(file)
                file.empty()
        self._fresh.clear()

    def _fold_file(self, file: JournalFile) -> None:
        journal_id = next((row["id"] for kind, row in file.records() if kind == "journal"), None)
        records = file.texts()
        with self._store.write() as connection:
            if fetch(connection, "SELECT 1 FROM journal_folds WHERE journal_id = $id", {"id": journal_id}):
                return
            while rows := list(islice(records, _ROWS_AT_ONCE)):
                for kind, table in _TABLES.items():
                    texts = [text for of, text in rows if of == kind]
                    if texts:
                        insert_texts(connection, table, texts, json.loads(texts[0]).keys())
            if journal_id is not None:
                insert(connection, "journal_folds", [{"journal_id": journal_id}])

    def _offer_what_was_left(self) -> None:
        """Give the shared cache what a run that was killed may not have given it any more."""
        assert self._file is not None
        if self._cache is None:
            return
        records = self._file.records()
        while rows := list(islice(records, _ROWS_AT_ONCE)):
            self._cache.put(row for kind, row in rows if kind == "call")

    def _release(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
            if self._cache is not None and file.is_ours:
                self._cache.close()

    async def _stored_anywhere(self, keys: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        here = sorted(key for key in keys if key in self._known)
        if here:
            # In a thread, since it may have to wait for another process that writes.
            found = await asyncio.to_thread(self._stored, here)
        elsewhere = sorted(keys - found.keys())
        if elsewhere and self._cache is not None:
            shared = await self._cache.find(elsewhere)
            self._found |= shared
            found |= {key: response.response for key, response in shared.items()}
        return found

    def _stored(self, keys: Sequence[str]) -> dict[str, str]:
        statement = "calls/lookup_ahead" if len(keys) >= _A_RERUN else "calls/lookup"
        rows = self._read(sql(statement), {"keys": keys})
        self._store.give_memory_back()
        # In order of time: where a request was paid twice, its last response is the one in use.
        responses: dict[str, str] = {row["key"]: row["response"] for row in rows}
        found = {key: responses.pop(key) for key in keys if key in responses}
        if len(keys) >= _A_RERUN:
            self._ahead = responses
        return found

    async def _all_stored_tries(self, keys: set[str]) -> dict[str, StoredTries]:
        return await asyncio.to_thread(self._read_tries, sorted(keys))

    def _read_tries(self, keys: Sequence[str]) -> dict[str, StoredTries]:
        if self._told is None:
            self._told = self._given_up() if self._given_up is not None else {}
        found: dict[str, list[UnusableReply]] = {}
        for row in self._read(sql("calls/unusable_replies"), {"keys": keys, "kinds": list(REPLY_FAULTS)}):
            key, told = row.pop("key"), self._told.get(row.pop("call_id"))
            created = datetime.fromisoformat(row.pop("created_at"))
            if told is None or created > told:
                found.setdefault(key, []).append(UnusableReply(**row))
        ended_too = self._given_up is not None
        return {key: StoredTries(replies, ended_too) for key, replies in found.items()}

    def _read(self, statement: str, params: Mapping[str, Any]) -> list[Row]:
        try:
            return self._store.read(statement, params)
        except duckdb.Error as error:
            raise JournalBroken(f"Stored responses can't be read: {error}") from error

    async def _write(self) -> None:
        await asyncio.sleep(0)
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                if self._slow_syncs < _SLOW_SYNCS:
                    begun = time.perf_counter()
                    self._flush()
                    self._slow_syncs += time.perf_counter() - begun > _SLOW_SYNC
                else:
                    await asyncio.to_thread(self._flush)
            except BaseException as error:
                fail(waiting, error)
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
                places = self._file.append([*uses, *(waiting.line for waiting in lines)])
            except OSError as error:
                self._broken = JournalBroken(
                    f"Responses can't be kept: {error.strerror or error} ({self._path}). "
                    "Make room or mend the disk; the same command goes on from what was kept."
                )
                raise self._broken from error
            for waiting, place in zip(lines, places[len(uses) :], strict=True):
                waiting.place = place
            del self._lines[: len(lines)], self._uses[: len(uses)]


@dataclass
class _Waiting:
    """A line, and where in the file it begins once it is there."""

    line: bytes
    place: int = -1


def batches_beside(journal: Path) -> Path:
    """Folder of the batches whose answers go into a journal file."""
    return journal.with_suffix(".batches")
