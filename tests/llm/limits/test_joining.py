"""A limiter that joins others, and is interrupted at each of its writes: the system may stop a process anywhere."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolace_dagster.llm.limits import Limiter, Limits
from toolace_dagster.llm.limits.permit import Permit

MOST = 16


class One:
    """A limiter and its calls in flight."""

    def __init__(self, folder: Path) -> None:
        self.limiter = Limiter(Limits(MOST), folder, clock=lambda: 1_800_000_000.0)
        self.permits: list[Permit] = []

    def start(self) -> None:
        """Start what may start at this moment; also in the middle of somebody else's write."""
        while True:
            asking = self.limiter.admit()
            try:
                asking.send(None)
            except StopIteration as granted:
                self.permits.append(granted.value)
            else:
                asking.close()
                return

    def end(self, count: int) -> None:
        """End some calls."""
        for _ in range(min(count, len(self.permits))):
            self.permits.pop().answered()


def after_each_write(monkeypatch: pytest.MonkeyPatch, turn: Callable[[], None]) -> None:
    """Give others a turn whenever one write, or the taking of the lock, is done."""
    busy = False

    def interrupted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any) -> Any:
            nonlocal busy
            done = real(*words)
            if not busy:
                busy = True
                turn()
                busy = False
            return done

        return call

    monkeypatch.setattr(os, "pwrite", interrupted(os.pwrite))
    monkeypatch.setattr(fcntl, "flock", interrupted(fcntl.flock))


def test_whoever_is_told_of_a_newcomer_counts_its_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = One(tmp_path), One(tmp_path)
    most = 0

    def turn() -> None:
        nonlocal most
        old.end(MOST // 2)
        old.start()
        most = max(most, len(old.permits) + len(new.permits))

    async def work() -> None:
        old.start()
        assert len(old.permits) == MOST
        with monkeypatch.context() as patched:
            after_each_write(patched, turn)
            new.start()
        old.end(MOST // 2)
        new.start()
        assert new.permits, "the newcomer has its share"
        turn()

    asyncio.run(work())
    # Each may start one call while the other's last is not written yet.
    assert most <= MOST + 1


def test_those_who_join_at_once_all_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [One(tmp_path) for _ in range(4)]
    most = 0

    def turn() -> None:
        nonlocal most
        for one in crowd[1:]:
            one.start()
        most = max(most, sum(len(one.permits) for one in crowd))

    async def work() -> None:
        with monkeypatch.context() as patched:
            after_each_write(patched, turn)
            crowd[0].start()
        turn()

    asyncio.run(work())
    assert MOST <= most <= MOST + len(crowd) - 1
