"""An even pace out of a limit per minute.

Belongs here: the leaky bucket. Does not belong here: whose limit it is (``limiter``).
"""

from __future__ import annotations

import math

_SLACK = 0.25
"""Seconds of the rate that may start at once, so that timers may be late."""
_MARGIN = 0.25
"""Seconds by which calls may come closer together on their way."""
_MINUTE = 60.0


class Bucket:
    """Fills as calls start and drains evenly.

    In any minute no more starts than the limit allows, and one call more at most
    (a call larger than what drains in a minute must start some time).
    """

    __slots__ = ("_at", "debt", "rate")

    def __init__(self) -> None:
        """Without a limit."""
        self.rate = math.inf
        self.debt = 0.0
        self._at = 0.0

    def set_limit(self, per_minute: float, now: float) -> None:
        """Drain at another pace from now on."""
        self._drain(now)
        self.rate = per_minute / (_MINUTE + _SLACK + _MARGIN)

    def wait(self, now: float) -> float:
        """Seconds until the next call may start; 0 or less for now."""
        if self.rate == math.inf:
            return 0.0
        self._drain(now)
        return self.debt / self.rate - _SLACK

    def take(self, amount: float) -> None:
        """Note what started."""
        self.debt += amount

    def give_back(self, amount: float) -> None:
        """Note that so much of what was taken was not used; negative when it was more."""
        self.debt = max(0.0, self.debt - amount)

    def _drain(self, now: float) -> None:
        if self.rate == math.inf:
            self.debt = 0.0
        elif now > self._at:
            self.debt = max(0.0, self.debt - self.rate * (now - self._at))
        self._at = now
