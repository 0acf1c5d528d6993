"""Values in texts and results: whether one is said, and what a result holds.

Belongs here: comparing values with texts, and results with one another. Does not
belong here: what follows from it for a fill (``injected``, ``screen``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache

from pydantic import JsonValue

from toolace_dagster.entities import Turn

Scalar = str | int | float

_BREAKS = re.compile(r"[\s_\-–—/.,;:'\"’“”()\[\]{}<>?!]+")
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")
_DAY = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])")
_CODE = re.compile(r"(?=[\w#:-]*\d)[A-Za-z0-9][\w#:-]{2,}")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def scalars(value: JsonValue) -> Iterator[Scalar]:
    """All texts and numbers inside a JSON value, in order."""
    if isinstance(value, dict):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield value


class Known:
    """What was said and returned so far, in a form that values can be looked up in."""

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        """Take in the sources among some turns: users' words and tools' outputs."""
        self._text = " "
        self._numbers: set[float] = set()
        for turn in turns:
            self.add(turn)

    def add(self, turn: Turn) -> None:
        """Take in a turn; an assistant's own words and calls are no source."""
        if turn.role == "user":
            self.add_text(turn.content)
        for output in turn.outputs:
            for value in scalars(output.content):
                self.add_text(str(value))

    def add_text(self, text: str) -> None:
        """Take in words."""
        form, numbers = _read(text)
        self._text += f"{form} "
        self._numbers |= numbers

    def holds(self, value: Scalar) -> bool:
        """Whether a value was said or returned, letters and punctuation aside; dates also as people say them."""
        if isinstance(value, (int, float)):
            return float(value) in self._numbers
        form = _normal(value)
        if not form or f" {form} " in self._text:
            return True
        return any(f" {spoken} " in self._text for spoken in _spoken(value))


def says(text: str, value: Scalar) -> bool:
    """Whether a text holds a value."""
    known = Known()
    known.add_text(text)
    return known.holds(value)


def codes(text: str) -> list[str]:
    """Words of a text that look like identifiers, dates or large numbers: those that have to be copied."""
    found = [match.rstrip(":-#") for match in _CODE.findall(text)]
    return [code for code in found if sum(letter.isdigit() for letter in code) >= 2]


def lists_in(value: JsonValue) -> Iterator[list[JsonValue]]:
    """All lists inside a JSON value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from lists_in(item)
    elif isinstance(value, list):
        yield value
        for item in value:
            yield from lists_in(item)


def is_empty(content: JsonValue) -> bool:
    """Whether a result says that nothing was found: its lists are empty, or it has next to nothing in it."""
    found = list(lists_in(content))
    if found:
        return not any(found)
    return sum(1 for value in scalars(content) if value) <= 1


def is_part(content: JsonValue, whole: JsonValue) -> bool:
    """Whether a result holds some, and not all, of what another holds."""
    some, every = set(scalars(content)), set(scalars(whole))
    return bool(some & every) and not every <= some


@lru_cache(maxsize=8192)
def _read(text: str) -> tuple[str, frozenset[float]]:
    """A text without case and punctuation, and its numbers; versions of a dialogue share most of their texts."""
    return _normal(text), frozenset(float(found.replace(",", "")) for found in _NUMBER.findall(text))


def _normal(text: str) -> str:
    return " ".join(_BREAKS.split(text.casefold())).strip()


def _spoken(value: str) -> Iterator[str]:
    found = _DAY.match(value)
    if found is None:
        return
    try:
        day = date(*map(int, found.groups()))
    except ValueError:
        return
    month = _MONTHS[day.month - 1]
    ending = "th" if 10 <= day.day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    for name in (month, month[:3]):
        for number in (str(day.day), f"{day.day}{ending}"):
            yield from (f"{number} {name}", f"{number} of {name}", f"{name} {number}")
    yield f"{day.year} {day.month:02d} {day.day:02d}"
    yield f"{day.day:02d} {day.month:02d} {day.year}"
