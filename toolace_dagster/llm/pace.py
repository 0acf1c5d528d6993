"""The pace of calls: all slow down together when the endpoint says there are too many.

A single refusal is its own call's affair. When several come in a row and nobody is
answered in between, everyone waits as long as the endpoint asks, and then starts
one after the other, ever closer together as answers come.

Belongs here: when a call may start. Does not belong here: making it (``gateway``).
"""

from __future__ import annotations

import asyncio
import time

_IN_A_ROW = 3
_FIRST_SPACING = 0.02
_LONGEST_SPACING = 2.0
_SHORTEST_SPACING = 0.002
_SLOWER = 2.0
_FASTER = 0.9


class Pace:
    """Lets calls start; made for one gateway."""

    def __init__(self) -> None:
        self._refusals = 0
        self._spacing = 0.0
        self._next = 0.0
        self._slowed_at = 0.0

    async def turn(self) -> None:
        """Wait until the next call may start."""
        while True:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._spacing
            if turn <= now:
                return
            slowed_at = self._slowed_at
            await asyncio.sleep(turn - now)
            if self._slowed_at == slowed_at:
                return

    def answered(self) -> None:
        """Note that a call was answered."""
        self._refusals = 0
        if self._spacing:
            self._spacing = self._spacing * _FASTER if self._spacing > _SHORTEST_SPACING else 0.0

    def refused(self, started: float, wait: float) -> None:
        """Note that a call was refused for there being too many.

        Args:
            started: When it was sent, by the monotonic clock.
            wait: Seconds to wait, as the endpoint asks or as we would.
        """
        self._refusals += 1
        if self._refusals < _IN_A_ROW:
            return
        # Refusals of calls that were under way when the pace was slowed say nothing new.
        if started > self._slowed_at:
            now = time.monotonic()
            self._next = now + wait
            self._spacing = min(_LONGEST_SPACING, max(_FIRST_SPACING, self._spacing * _SLOWER))
            self._slowed_at = now
