"""The shared cache beside a running stage: in threads of its own, and never in the way.

One thread reads and one writes, each with a connection of its own, so a lookup waits
for no writer, of this process or another.

A cache that is full, broken or not there any more costs a warning, and from then
on the run goes on without it.

Belongs here: when the cache is read and written. Does not belong here: its file
(``shared``).
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from toolace_dagster.llm.cache.response import CachedResponse
from toolace_dagster.llm.cache.shared import CacheUnusable, SharedCache

_AT_ONCE = 500
_FAULTS = (sqlite3.Error, OSError, ValidationError, CacheUnusable)

ResultT = TypeVar("ResultT")


class ResponseCache:
    """The shared cache as a stage uses it; opened on first use."""

    def __init__(self, folder: Path, on_warning: Callable[[str], None] | None = None) -> None:
        """Name the cache.

        Args:
            folder: Its folder, made on first use.
            on_warning: Told once when the cache can't be used any more; a log message by default.
        """
        self._folder = folder
        self._warn = on_warning or logging.getLogger(__name__).warning
        self._reader = _Hand(folder, "shared-cache-reader")
        self._writer = _Hand(folder, "shared-cache-writer")
        self._broken = False
        self._waiting: list[CachedResponse] = []
        self._lock = threading.Lock()

    async def find(self, keys: Sequence[str]) -> dict[str, CachedResponse]:
        """Find responses by key; nothing when the cache can't be read."""
        if self._broken:
            return {}
        loop = asyncio.get_running_loop()
        reader, writer = self._reader, self._writer
        found = await loop.run_in_executor(
            reader.thread(), lambda: self._guarded(reader, lambda cache: cache.find(keys), {})
        )
        if found:
            # Nobody waits for it: a writer elsewhere may hold the cache for a while.
            writer.thread().submit(lambda: self._guarded(writer, lambda cache: cache.note_use(found), None))
        return found

    def put(self, calls: Iterable[Mapping[str, Any]]) -> None:
        """Take calls, as the fields of a :class:`CallRecord`, to be stored soon; returns at once."""
        responses = [response for call in calls if (response := CachedResponse.of(call)) is not None]
        if self._broken or not responses:
            return
        with self._lock:
            idle = not self._waiting
            self._waiting += responses
        if idle:
            self._writer.thread().submit(self._store)

    def close(self) -> None:
        """Store what waits, and close the file; the cache is opened again when it is used again."""
        self._reader.close()
        self._writer.close()

    def _store(self) -> None:
        while True:
            with self._lock:
                responses = self._waiting[:_AT_ONCE]
            if not responses:
                return
            self._guarded(self._writer, lambda cache, batch=responses: cache.add(batch), None)
            with self._lock:
                del self._waiting[: len(responses)]

    def _guarded(self, hand: _Hand, work: Callable[[SharedCache], ResultT], otherwise: ResultT) -> ResultT:
        if self._broken:
            return otherwise
        try:
            return work(hand.cache())
        except _FAULTS as fault:
            with self._lock:
                told, self._broken = self._broken, True
            if told:
                return otherwise
            self._warn(
                f"The shared cache can't be used, so this stage goes on without it: {fault} ({self._folder}). "
                "What is paid for is kept in the home as ever."
            )
            return otherwise


class _Hand:
    """A thread, and the connection that is used in it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._thread: ThreadPoolExecutor | None = None
        self._cache: SharedCache | None = None

    def thread(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return self._thread

    def cache(self) -> SharedCache:
        """The open cache; called in the thread."""
        if self._cache is None:
            self._cache = SharedCache(self._folder)
        return self._cache

    def close(self) -> None:
        """Wait for what was submitted, and close the connection."""
        if self._thread is not None:
            self._thread.submit(self._let_go)
            self._thread.shutdown(wait=True)
            self._thread = None

    def _let_go(self) -> None:
        if self._cache is not None:
            self._cache.close()
            self._cache = None
