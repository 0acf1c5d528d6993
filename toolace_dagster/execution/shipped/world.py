"""What the shipped backends share: a small world that is made up as it is asked about, and then stays as it is.

Every dialogue has a world of its own, fixed by its seed. What nobody asked about does
not exist yet; once a tool has told of it, it is remembered, and later calls change it.
So whatever a user plausibly names can be found. An identifier is good when the world
handed it out, or when the user brought it: a number on a card or in a letter, of a kind
that this dialogue has not yet been told any of. Every other one is unknown.

Belongs here: seeded choices, dates, identifiers, records. Does not belong here:
any domain. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

Choice = TypeVar("Choice")
Record = TypeVar("Record")
SOME_DAY = dt.date(2026, 1, 5)
"""The day it is in a world that is told none, until the user looks ahead to one: runs are the same on any day."""
MISREMEMBERED = 0.1
"""Share of brought identifiers that do not exist."""

PEOPLE = (
    "Piotr Zawadzki",
    "Saoirse Kavanagh",
    "Mei-Ling Chou",
    "Rafael Teixeira",
    "Tariq Mansoor",
    "Ximena Robledo",
    "Aroha Tamihana",
    "Henrik Lindqvist",
    "Adaeze Umeh",
    "Matteo Bianchi",
    "Noor Al-Sabah",
    "Iwona Kalinowska",
    "Tobias Brandt",
    "Lakshmi Raghavan",
    "Élodie Charpentier",
    "Kofi Amponsah",
)
_SIGNS = {
    "#": "0123456789",
    "@": "ABCDEFGHJKLMNPRSTVWXYZ",
    "*": "abcdefghjkmnpqrstvwxyz23456789",
    "%": "ABCDEFGHJKMNPRTWXYZ2346789",
}


class World:
    """A seeded world.

    Attributes:
        seed: Fixes everything the world makes up.
        today: The day it is.
    """

    def __init__(self, seed: int = 0, today: dt.date | None = None) -> None:
        self.seed = seed
        self.today = today or SOME_DAY
        self._told = today is not None
        self._dated = False

    def later(self, days: int) -> str:
        """A day that many days from now, as ISO 8601."""
        return (self.today + dt.timedelta(days=days)).isoformat()

    def clock(self, hour: str = "10:15") -> str:
        """A time of today, as ISO 8601."""
        return f"{self.today.isoformat()}T{hour}:00Z"

    def coming(self, text: str, name: str, *, may_lie_behind: bool = False) -> dt.date:
        """A date argument that somebody looks ahead to.

        In a world that is not told what day it is, it is a week before the first day that is looked ahead to, or as
        early as any later one.

        Args:
            text: The argument.
            name: Its name, for errors.
            may_lie_behind: Whether a day that is past means from now on.

        Raises:
            ValueError: If it is none, or lies behind and may not.
        """
        day = day_of(text, name)
        if not self._told:
            self.today = min(self.today, day) if self._dated else day - dt.timedelta(days=7)
            self._dated = True
        if day < self.today and not may_lie_behind:
            raise ValueError(f"{name} lies in the past: today is {self.today}")
        return day

    def pass_to(self, day: dt.date) -> None:
        """Let time pass to a day: somebody asks for what there can't be before it.

        Two requests of a dialogue may lie days apart, which no call says. One about what came of a thing that was only
        arranged is made after it.
        """
        self.today = max(self.today, day)

    def _rng(self, *about: object) -> random.Random:
        """Chance about one thing: the same thing comes out the same, in whatever order it is asked about."""
        text = "\x1f".join(str(part) for part in (self.seed, *about))
        return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))  # noqa: S311 - no secret

    def pick(self, choices: Sequence[Choice], *about: object) -> Choice:
        """One of the choices."""
        return self._rng("pick", *about).choice(choices)

    def several(self, choices: Sequence[Choice], count: int, *about: object) -> list[Choice]:
        """That many of the choices, each once."""
        return self._rng("several", *about).sample(list(choices), count)

    def number(self, low: int, high: int, *about: object) -> int:
        """A whole number, both ends included."""
        return self._rng("number", *about).randint(low, high)

    def likely(self, share: float, *about: object) -> bool:
        """True with that probability."""
        return self._rng("likely", *about).random() < share

    def code(self, form: str, *about: object) -> str:
        """An identifier: ``#`` is a digit, ``@`` a capital, ``*`` and ``%`` either, small or capital."""
        rng = self._rng("code", form, *about)
        return "".join(rng.choice(_SIGNS[sign]) if sign in _SIGNS else sign for sign in form)


class Records(Generic[Record]):
    """The world's records of one kind, by identifier.

    Args:
        world: The world.
        kind: What one is called in an error.
        form: Form of the identifiers, as ``World.code`` takes it.
        brought: Makes the record of an identifier that the user brought.
    """

    def __init__(self, world: World, kind: str, form: str, brought: Callable[[str], Record]) -> None:
        self._world = world
        self._kind = kind
        self._form = form
        self._brought = brought
        self._records: dict[str, Record] = {}
        self._told = False

    def add(self, make: Callable[[str], Record], *about: object, told: bool = True) -> Record:
        """A new record under an identifier that is fixed by what it is about.

        Args:
            make: Makes the record of an identifier.
            about: What the record is about.
            told: Whether the user gets to see its identifier.

        Returns:
            The record.
        """
        self._told = self._told or told
        identifier = self._world.code(self._form, self._kind, *about)
        turn = 0
        while identifier in self._records:
            turn += 1
            identifier = self._world.code(self._form, self._kind, *about, turn)
        self._records[identifier] = make(identifier)
        return self._records[identifier]

    def expect(self) -> None:
        """The user asked for a record of this kind: whether there is one or not, identifiers are now told."""
        self._told = True

    def get(self, identifier: str) -> Record:
        """The record of an identifier.

        Raises:
            ValueError: If there is none.
        """
        if identifier not in self._records:
            if self._told or self._world.likely(MISREMEMBERED, self._kind, identifier):
                raise ValueError(f"there is no {self._kind} {identifier}")
            self._records[identifier] = self._brought(identifier)
        return self._records[identifier]

    def all(self) -> Iterable[Record]:
        """The records, in the order in which they came about."""
        return self._records.values()


def day_of(text: str, name: str) -> dt.date:
    """A date argument.

    Raises:
        ValueError: If it is none.
    """
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"{name} must be a date written YYYY-MM-DD") from None


def time_of(text: str, name: str) -> dt.datetime:
    """A time argument, without its zone.

    Raises:
        ValueError: If it is none.
    """
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f"{name} must be a time written YYYY-MM-DDTHH:MM:SSZ") from None


def stamp(moment: dt.datetime) -> str:
    """A time as ISO 8601."""
    return f"{moment:%Y-%m-%dT%H:%M}:00Z"
