"""The queue for one endpoint: first come, first served, as soon as all limits allow.

A call that is tried again has waited for its turn once, and does not queue again.

Belongs here: putting the limits together, waiting. Does not belong here: each limit
by itself (``rates``, ``congestion``, ``shares``), other processes (``board``).
"""

from __future__ import annotations

import asyncio
import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from toolace_dagster.llm.limits.allowed import Limits
from toolace_dagster.llm.limits.board import GENERATION, WINDOW, Board, file_name
from toolace_dagster.llm.limits.congestion import Congestion
from toolace_dagster.llm.limits.permit import Permit
from toolace_dagster.llm.limits.rates import Rates
from toolace_dagster.llm.limits.shares import fair_slots

_LOOK_EVERY = 0.1
_POLL_EVERY = 0.02
_SHORTEST_WAIT = 0.001
_TURN = 1.0


class _Waiter:
    """One who waits for a permit."""

    __slots__ = ("future", "tokens", "waits")

    def __init__(self, future: asyncio.Future[Permit], tokens: int) -> None:
        self.future = future
        self.tokens = tokens
        self.waits = True


class Limiter:
    """Says when a call to one endpoint may start.

    Made once for an endpoint in a process, after forking; a context manager, or closed
    with `close`. It may be used from one event loop after another, not from two at once.

    Processes that name the same folder and endpoint share its limits: each gets a
    max-min fair part of the window and of the limits per minute. Together they exceed the
    window by one call for each other process at most, while several start a call in the
    same microseconds, and by the calls in flight of one that hangs for five seconds.
    A process that died is not counted for longer than a tenth of a second.
    """

    def __init__(
        self,
        limits: Limits,
        shared: Path | None = None,
        name: str = "endpoint",
        *,
        clock: Callable[[], float] = time.time,
        on_note: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare; opens nothing before the first call.

        Args:
            limits: What the settings allow.
            shared: Folder of the files through which processes share limits; None for this process alone.
            name: What the limits belong to: endpoint, model and account as far as they matter.
            clock: Seconds since 1970.
            on_note: Told once when limits can't be shared; by default it is a warning.
        """
        path = None if shared is None else shared / file_name(name)
        self._limits = limits
        self._clock = clock
        self._board = Board(path, on_note or _warn)
        self._congestion = Congestion(self._board, limits.concurrency, limits.longest_hold)
        self._rates = Rates(self._board, limits.requests_per_minute, limits.tokens_per_minute)
        self._queue: deque[_Waiter] = deque()
        self._waiting = 0
        self._in_flight = 0
        self._slots = 0
        self._load = 0
        self._started_at = 0.0
        self._looked_at = -math.inf
        self._window = 0.0
        self._generation = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def note(self) -> str:
        """Why limits are not shared with other processes; empty when they are, or need not be."""
        return self._board.note

    @property
    def in_flight(self) -> int:
        """Calls of this limiter in flight."""
        return self._in_flight

    @property
    def window(self) -> int:
        """Calls in flight at most, at present, by all processes together."""
        return int(self._congestion.window)

    def __enter__(self) -> Self:
        """Nothing to do before the first call."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give our part back to the other processes; what is known of the endpoint stays."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._looked_at = -math.inf
        self._board.leave(self._clock(), self._rates.told)

    async def admit(self, tokens: int = 0, *, again: bool = False) -> Permit:
        """Wait until a call may start.

        Args:
            tokens: What the call will probably use, prompt and reply.
            again: Whether the call was sent before, and stands in front of those that were not.

        Returns:
            Leave to make the call; tell it how the call ended.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._timer is not None:
                self._timer.cancel()
            self._loop, self._timer = loop, None
        if not self._waiting:
            now = self._clock()
            if self._wait(now) <= 0:
                return self._grant(now, tokens)
        waiter = _Waiter(loop.create_future(), tokens)
        if again:
            self._queue.appendleft(waiter)
        else:
            self._queue.append(waiter)
        self._waiting += 1
        self._pump()
        self._publish()
        try:
            return await waiter.future
        except BaseException:
            if waiter.waits:
                self._drop(waiter)
            elif waiter.future.done() and not waiter.future.cancelled():
                # Granted and cancelled at once: the call was never sent.
                self._withdraw(waiter.future.result())
            raise

    def note_headers(self, headers: Mapping[str, str]) -> None:
        """Heed what the headers of an answer, or of a refusal, say of the endpoint's limits per minute."""
        if self._rates.hear(headers, self._clock()):
            self._looked_at = -math.inf

    def on_answered(self, permit: Permit, tokens: int | None) -> None:
        """See `Permit.answered`."""
        if tokens is not None:
            self._rates.used(tokens)
            self._rates.give_back(0, permit.tokens - tokens)
        self._congestion.answered(permit.sent, permit.load, self._clock())
        self._release()

    def on_refused(self, permit: Permit, wait: float) -> None:
        """See `Permit.refused`."""
        now = self._clock()
        self._rates.give_back(0, permit.tokens)
        # The first of a burst did not know of the rest.
        load = max(permit.load, self._in_flight + self._board.in_flight_elsewhere())
        self._congestion.refused(permit.sent, load, wait, now)
        self._release()

    def on_failed(self) -> None:
        """See `Permit.failed`."""
        self._release()

    def _withdraw(self, permit: Permit) -> None:
        permit.over = True
        self._rates.give_back(1, permit.tokens)
        self._release()

    def _grant(self, now: float, tokens: int) -> Permit:
        self._in_flight += 1
        self._started_at = now
        self._rates.start(tokens)
        self._publish()
        if self._timer is None and self._board.shared:
            self._wake_in(_LOOK_EVERY)
        return Permit(self, now, self._load + 1, tokens)

    def _release(self) -> None:
        self._in_flight -= 1
        self._publish()
        if self._waiting:
            self._pump()

    def _publish(self) -> None:
        self._board.publish(self._in_flight, self._in_flight + self._waiting)

    def _drop(self, waiter: _Waiter) -> None:
        if waiter.waits:
            waiter.waits = False
            self._waiting -= 1

    def _pump(self) -> None:
        """Let start who may, in order."""
        queue = self._queue
        while queue:
            waiter = queue[0]
            if waiter.future.done() or waiter.future.get_loop().is_closed():
                queue.popleft()
                self._drop(waiter)
                continue
            now = self._clock()
            wait = self._wait(now)
            if wait > 0:
                if wait < math.inf:
                    self._wake_in(wait)
                return
            queue.popleft()
            self._drop(waiter)
            waiter.future.set_result(self._grant(now, waiter.tokens))

    def _wait(self, now: float) -> float:
        """Seconds until another call may start; 0 or less for now, infinity for when one ends."""
        board = self._board
        board.load()
        numbers = board.numbers
        if (
            not self._looked_at <= now < self._looked_at + _LOOK_EVERY
            or numbers[WINDOW] != self._window
            or numbers[GENERATION] != self._generation
        ):
            self._look(now)
        if board.joining:
            self._looked_at = -math.inf
            return _POLL_EVERY
        in_flight = self._in_flight
        if in_flight >= self._slots:
            return math.inf if in_flight else _LOOK_EVERY
        self._load = in_flight
        if board.peers:
            # What others had before we came, or before the window was cut, comes back as their calls end.
            self._load += board.in_flight_elsewhere()
            if self._load >= int(self._congestion.window):
                return _POLL_EVERY
        return max(self._rates.wait(now), self._congestion.hold(now, self._slots, self._started_at))

    def _look(self, now: float) -> None:
        """See who else asks, and take our part."""
        board = self._board
        board.look(now, self._rates.told)
        self._rates.refresh(now)
        others = {place: board.wanted(place) for place in board.peers}
        self._slots = fair_slots(int(self._congestion.window), others, board.place, int(now / _TURN))
        self._looked_at = now
        self._window = board.numbers[WINDOW]
        self._generation = board.numbers[GENERATION]

    def _wake_in(self, seconds: float) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        at = loop.time() + max(_SHORTEST_WAIT, seconds)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._woken)

    def _woken(self) -> None:
        self._timer = None
        now = self._clock()
        if not self._looked_at <= now < self._looked_at + _LOOK_EVERY:
            self._look(now)
        self._pump()
        if self._timer is None and self._board.shared and (self._in_flight or self._waiting):
            self._wake_in(_LOOK_EVERY)


def _warn(note: str) -> None:
    warnings.warn(note, RuntimeWarning, stacklevel=2)
