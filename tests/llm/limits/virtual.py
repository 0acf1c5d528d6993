"""Time that passes only when everybody waits, and endpoints with rules of their own to spend it on.

Belongs here: the clock, the model endpoints, callers. Does not belong here: what a
test expects of them.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import selectors
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from toolace_dagster.llm.limits import Limiter

EPOCH = 1_800_000_000.0


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting, puts the clock forward."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everybody waits, and nothing will ever happen")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which an hour of waiting takes no time."""

    def __init__(self) -> None:
        self._waits = _NoWaiting()
        super().__init__(self._waits)

    def time(self) -> float:
        return self._waits.now


class Clock:
    """Virtual time since 1970; goes on from loop to loop."""

    def __init__(self) -> None:
        self.past = EPOCH
        self.loop: VirtualLoop | None = None

    def __call__(self) -> float:
        return self.past + (self.loop.time() if self.loop else 0.0)

    def run(self, work: Coroutine[Any, Any, Any], within: float = 100_000.0) -> Any:
        """Run in a loop of its own; fails if it takes longer than so many virtual seconds."""

        def new_loop() -> VirtualLoop:
            self.loop = VirtualLoop()
            return self.loop

        with asyncio.Runner(loop_factory=new_loop) as runner:
            try:
                return runner.run(asyncio.wait_for(work, within))
            finally:
                self.past, self.loop = self(), None


@dataclass
class Reply:
    """How an endpoint answers: after how long, and for how long it refuses (None: it answers)."""

    after: float
    refused: float | None = None


class Server(Protocol):
    """Rules of an endpoint."""

    def arrive(self, now: float, tokens: int, /) -> Reply:
        """Answer a call."""
        ...


@dataclass
class Sometimes:
    """Refuses each call with the same probability, or every n-th."""

    latency: float = 0.05
    probability: float = 0.0
    every: int = 0
    wait: float = 1.0
    random: random.Random = field(default_factory=lambda: random.Random(7))
    arrivals: int = 0

    def arrive(self, _now: float, _tokens: int, /) -> Reply:
        self.arrivals += 1
        refuse = self.arrivals % self.every == 0 if self.every else self.random.random() < self.probability
        return Reply(self.latency * self.random.uniform(0.8, 1.2), self.wait if refuse else None)


@dataclass
class Capped:
    """Serves so many at once and refuses more, at once or after a while."""

    cap: int
    latency: float = 0.05
    refuses_after: float = 0.001
    wait: float = 1.0
    random: random.Random = field(default_factory=lambda: random.Random(7))
    serving: list[float] = field(default_factory=list)

    def arrive(self, now: float, _tokens: int, /) -> Reply:
        while self.serving and self.serving[0] <= now:
            heapq.heappop(self.serving)
        if len(self.serving) >= self.cap:
            return Reply(self.refuses_after, self.wait)
        took = self.latency * self.random.uniform(0.8, 1.2)
        heapq.heappush(self.serving, now + took)
        return Reply(took)


@dataclass
class TokenBucket:
    """Lets a rate through and a burst besides; says exactly, or in whole seconds, when there is room again."""

    rate: float
    burst: float
    latency: float = 0.05
    whole_seconds: bool = False
    level: float | None = None
    at: float = 0.0

    def arrive(self, now: float, _tokens: int, /) -> Reply:
        level = self.burst if self.level is None else min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if level >= 1:
            self.level = level - 1
            return Reply(self.latency)
        self.level = level
        wait = (1 - level) / self.rate
        return Reply(0.005, float(int(wait) + 1) if self.whole_seconds else wait)


@dataclass
class Window:
    """Lets so many calls (or tokens) through in any minute, counted strictly."""

    calls: int
    tokens: int = 10**12
    latency: float = 0.05
    recent: deque[tuple[float, int]] = field(default_factory=deque)

    def arrive(self, now: float, tokens: int, /) -> Reply:
        while self.recent and self.recent[0][0] <= now - 60:
            self.recent.popleft()
        if len(self.recent) >= self.calls or sum(used for _, used in self.recent) + tokens > self.tokens:
            return Reply(0.005, self.recent[0][0] + 60 - now)
        self.recent.append((now, tokens))
        return Reply(self.latency)


@dataclass
class Tally:
    """What callers saw."""

    answered: int = 0
    refused: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)


async def call_until_answered(
    limiter: Limiter, server: Server, clock: Clock, tally: Tally, tokens: int = 0, used: int | None = None
) -> None:
    """One row: asks until it is answered; waits as it is told, outside its slot."""
    while True:
        permit = await limiter.admit(tokens)
        tally.starts.append(clock())
        tally.in_flight += 1
        tally.most_in_flight = max(tally.most_in_flight, tally.in_flight)
        reply = server.arrive(clock(), tokens if used is None else used)
        await asyncio.sleep(reply.after)
        tally.in_flight -= 1
        if reply.refused is None:
            permit.answered(tokens if used is None else used)
            tally.answered += 1
            tally.ends.append(clock())
            return
        permit.refused(reply.refused)
        tally.refused += 1
        await asyncio.sleep(reply.refused)


async def all_rows(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Many at once."""
    await asyncio.gather(*calls)
