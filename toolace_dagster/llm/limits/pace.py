"""How fast calls start after an endpoint made everybody wait.

Belongs here: the pace. Does not belong here: when to wait (``congestion``), limits
that somebody told (``rates``).
"""

from __future__ import annotations

import math

_PERIOD = 5.0
_SLOWER = 0.8
_FASTER = 1.1
_SLIGHTLY_FASTER = 1.02
_FREE = 500.0
_NEAR = 0.9


class Pace:
    """How fast calls start after a hold.

    A limit on calls a second that no header tells is found this way: the calls that were
    answered a second are what the endpoint takes.
    """

    def __init__(self) -> None:
        """Unhindered."""
        self._rate = math.inf
        self._known = math.inf
        self._answers = 0
        self._since = 0.0
        self._before = 0.0

    def wait(self, now: float, last_start: float) -> float:
        """Seconds until the next start; 0 or less for now."""
        return 0.0 if self._rate == math.inf else min(_PERIOD, last_start + 1.0 / self._rate - now)

    def answered(self, now: float) -> None:
        """Count an answer."""
        if not 0 <= now - self._since < _PERIOD:
            self._before = self._answered_a_second(now)
            self._since, self._answers = now, 0
        self._answers += 1
        if self._rate < math.inf:
            near = self._known * _NEAR * _NEAR <= self._rate <= self._known / _NEAR
            self._rate *= _SLIGHTLY_FASTER if near else _FASTER
            if self._rate > _FREE:
                self._rate = math.inf

    def slow_down(self, now: float, room: int) -> None:
        """Start evenly from now on.

        Args:
            now: Seconds since 1970.
            room: Calls in flight at most; so many a second if none was answered yet.
        """
        answered = max(self._before, self._answered_a_second(now))
        self._known = answered or math.inf
        self._rate = answered * _SLOWER or float(max(1, room))

    def _answered_a_second(self, now: float) -> float:
        return self._answers / max(1.0, now - self._since)
