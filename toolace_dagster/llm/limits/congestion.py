"""What an endpoint takes, learned from its refusals: how many calls at once, and how many a second.

A single refusal is its own call's affair: some endpoints refuse a share of all calls
at random, and slowing down does not help there. When refusals are a good part of the
last outcomes the window is halved; refusals of calls that were sent before say
nothing new. When many come in a row everybody waits as long as the endpoint asks,
and then starts evenly, at first somewhat slower than calls were answered before.
Answers let window and pace grow: fast at first, so that getting back does not take
minutes, and slowly near where it was too much.

The window is the endpoint's, not the process's: all share one, through the board.
The pace is each limiter's own.

Belongs here: the window, the holding back. Does not belong here: the pace after it
(``pace``), the queue (``limiter``), who gets which part of the window (``shares``).

Source: additive increase and multiplicative decrease as in TCP (RFC 5681), the slow
approach to the last maximum as in CUBIC (RFC 9438).
"""

from __future__ import annotations

import math

from toolace_dagster.llm.limits.board import CUT_AT, HOLD_UNTIL, KNEE, WINDOW, Board
from toolace_dagster.llm.limits.pace import Pace

_REMEMBERED = 16
_FEWEST = 3
_SHARE = 0.4
_MOST_IN_A_ROW = 8
_CUT = 0.5
_NEAR = 0.9
_STEPS = 16
_SMALL_STEP = 0.5
_FLUSH = 0.25


class Congestion:
    """The window of an endpoint, as one limiter sees and changes it."""

    def __init__(self, board: Board, most: int, longest_hold: float = 120.0) -> None:
        """Start at the maximum: refusals at the start cost little, a slow start costs every run.

        Args:
            board: Where the window is.
            most: Calls in flight at most.
            longest_hold: Seconds that everybody waits at most.
        """
        self._longest_hold = longest_hold
        self._board = board
        self._most = most
        self._outcomes = 0
        self._remembered = 0
        self._in_a_row = 0
        self._shortest_hold = math.inf
        self._cut_at = 0.0
        self._growth = 0.0
        self._held_until = 0.0
        self._pace = Pace()

    @property
    def window(self) -> float:
        """Calls in flight at most, at present; at least 1."""
        window = self._board.numbers[WINDOW]
        return window if 1.0 <= window < self._most else float(self._most)

    def hold(self, now: float, room: int, last_start: float) -> float:
        """Seconds until the next call may start; 0 or less for now.

        Args:
            now: Seconds since 1970.
            room: Calls that we may have in flight.
            last_start: When our last call started.
        """
        until = self._board.numbers[HOLD_UNTIL]
        # What is further off than anyone asks for is a clock that was put back.
        if until - now > self._longest_hold:
            return 0.0
        if until != self._held_until:
            self._held_until = until
            if until > now:
                self._pace.slow_down(now, room)
        return max(until - now, self._pace.wait(now, last_start))

    def answered(self, sent: float, load: int, now: float) -> None:
        """Note an answer.

        Args:
            sent: When the call was sent.
            load: Calls in flight then, this one included.
            now: Seconds since 1970.
        """
        self._in_a_row = 0
        self._shortest_hold = math.inf
        self._pace.answered(now)
        window = self._board.numbers[WINDOW]
        if not window:
            self._remember(0)
        elif self._is_news(sent, now):
            self._remember(0)
            # A window that is not made use of has not shown that it is small.
            if window < self._most and 2 * load > window:
                self._grow(window)

    def refused(self, sent: float, load: int, wait: float, now: float) -> None:
        """Note that a call was refused for there being too many.

        Args:
            sent: When the call was sent.
            load: Calls in flight then or now, this one included.
            wait: Seconds to wait, as the endpoint asks or as we would.
            now: Seconds since 1970.
        """
        self._in_a_row += 1
        self._shortest_hold = min(self._shortest_hold, max(0.0, wait))
        self._board.load()
        if self._is_news(sent, now):
            self._remember(1)
            refusals = self._outcomes.bit_count()
            if refusals >= _FEWEST and refusals >= _SHARE * self._remembered:
                self._cut(load, now)
        held = now < self._board.numbers[HOLD_UNTIL] <= now + self._longest_hold
        if not held and self._in_a_row >= max(_FEWEST, min(_MOST_IN_A_ROW, int(self.window))):
            self._board.set(HOLD_UNTIL, now + min(self._longest_hold, self._shortest_hold))
            self._in_a_row = 0

    def _is_news(self, sent: float, now: float) -> bool:
        """Whether a call was sent since the last cut; another process may have made it."""
        cut_at = self._board.numbers[CUT_AT]
        if cut_at != self._cut_at:
            self._cut_at = cut_at
            self._outcomes = self._remembered = 0
            self._growth = 0.0
        return sent > cut_at or not cut_at <= now

    def _remember(self, refused: int) -> None:
        self._outcomes = (self._outcomes << 1 | refused) & ((1 << _REMEMBERED) - 1)
        if self._remembered < _REMEMBERED:
            self._remembered += 1

    def _cut(self, load: int, now: float) -> None:
        too_many = max(1.0, min(self.window, float(load)))
        self._board.set(WINDOW, max(1.0, too_many * _CUT))
        self._board.set(KNEE, too_many)
        self._board.set(CUT_AT, now)

    def _grow(self, window: float) -> None:
        near = self._board.numbers[KNEE] * _NEAR
        step = max(1.0, self._most / _STEPS)
        if window < near:
            step = min(step, max(_SMALL_STEP, near - window))
        elif window * _NEAR * _NEAR <= near:
            step = _SMALL_STEP
        self._growth += step / window
        if self._growth >= _FLUSH:
            self._board.load()
            self._board.set(WINDOW, min(float(self._most), max(1.0, self._board.numbers[WINDOW]) + self._growth))
            self._growth = 0.0
