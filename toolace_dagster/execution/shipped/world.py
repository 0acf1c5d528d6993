"""What the shipped backends share: a small world that is made up as it is asked about, and then stays as it is.

Every dialogue has a world of its own, fixed by its seed. What nobody asked about does
not exist yet; once a tool has told of it, it is remembered, and later calls change it.
So whatever a user plausibly names can be found, and identifiers are those the
world handed out: any other one is unknown.

Belongs here: seeded choices, dates, identifiers, errors. Does not belong here:
any domain. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")
TODAY = dt.date(2026, 3, 2)
"""The day it is in every world, so that runs are the same on any day."""


class World:
    """A seeded world.

    Attributes:
        seed: Fixes everything the world makes up.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _rng(self, *about: object) -> random.Random:
        """Chance about one thing: the same thing comes out the same, in whatever order it is asked about."""
        text = "\x1f".join(str(part) for part in (self.seed, *about))
        return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))  # noqa: S311 - no secret

    def _pick(self, choices: Sequence[Choice], *about: object) -> Choice:
        return self._rng("pick", *about).choice(choices)

    def _number(self, low: int, high: int, *about: object) -> int:
        return self._rng("number", *about).randint(low, high)

    def _likely(self, share: float, *about: object) -> bool:
        return self._rng("likely", *about).random() < share

    def _digits(self, prefix: str, count: int, *about: object) -> str:
        return prefix + "".join(self._rng("digits", prefix, *about).choices("0123456789", k=count))


def later(days: int, since: dt.date = TODAY) -> str:
    """A day that many days on, as ISO 8601."""
    return (since + dt.timedelta(days=days)).isoformat()


def day_of(text: str, name: str) -> dt.date:
    """A date argument.

    Raises:
        ValueError: If it is none.
    """
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"{name} must be a date written YYYY-MM-DD") from None
