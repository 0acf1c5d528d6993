"""The record of what an import changed in one entry.

Belongs here: collecting repairs and wording them as the reason and mend of an
import note. Does not belong here: deciding what to repair (``references``,
``schemas``, ``normal_form``).
"""

from __future__ import annotations

PLACES_SHOWN = 3


class Unusable(Exception):
    """An entry that cannot become a tool.

    Attributes:
        reason: What is wrong with it.
        mend: What the user can do about it.
    """

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend


class RepairLog:
    """Repairs of one entry, equal ones grouped by the places they were made at."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], list[str]] = {}

    def add(self, what: str, mend: str, where: str = "") -> None:
        """Record one repair.

        Args:
            what: What was wrong and what was changed.
            mend: What the user can write instead.
            where: Path of the schema, empty when the repair is not about a place.
        """
        places = self._places.setdefault((what, mend), [])
        if where and where not in places:
            places.append(where)

    def merge(self, other: RepairLog) -> None:
        """Take over all repairs of another log."""
        for (what, mend), places in other._places.items():
            for where in places or [""]:
                self.add(what, mend, where)

    def __bool__(self) -> bool:
        return bool(self._places)

    @property
    def reason(self) -> str:
        """All repairs in words, in the order they were made."""
        return "; ".join(what + _shown(places) for (what, _), places in self._places.items())

    @property
    def mend(self) -> str:
        """The mends of all repairs, each once."""
        return "; ".join(dict.fromkeys(mend for _, mend in self._places))


def _shown(places: list[str]) -> str:
    if not places:
        return ""
    more = len(places) - PLACES_SHOWN
    return f" (at {', '.join(places[:PLACES_SHOWN])}{f' and {more} more' if more > 0 else ''})"
