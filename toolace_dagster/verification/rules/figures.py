"""Numbers in texts and results, and which numbers follow from others.

A reply may round, add up, count, compare and convert, and repeat what a call asked
for. What is left after that was stated out of nothing.

Belongs here: reading numbers and deriving them. Does not belong here: rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydantic import JsonValue

_STATED: Final = re.compile(
    r"(?<![\w.,#/:-])[-+\u2212]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.,#/:-])[-+\u2212]?\d+(?:\.\d+)?"
)
"""A number that stands by itself; not the digits of a code, date, time, version or path."""
_ANY: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_PLAIN: Final = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_THOUSANDS: Final = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)")
_TIME: Final = re.compile(r"\b(\d{1,2}):(\d{2})\b")
_INSIDE: Final = re.compile(r"[\w#/:-]")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS: Final = {
    **{word: float(number) for number, word in enumerate(_UNITS.split())},
    **{word: float(number) for number, word in zip(range(20, 100, 10), _TENS.split(), strict=True)},
    "half": 0.5,
    "dozen": 12.0,
    "hundred": 100.0,
    "thousand": 1000.0,
    "million": 1e6,
}
_WORD: Final = re.compile(r"\b(?:" + "|".join(_WORDS) + r")\b", re.IGNORECASE)
_SCALES: Final = {
    "": (1.0,),
    "%": (100.0,),
    "time": (60.0, 3600.0, 24.0, 1440.0, 7.0, 12.0, 1000.0),
    "amount": (1000.0, 1e6, 1e9, 1024.0, 1024.0**2, 1024.0**3),
}
"""Factors between units people say and units systems store, by the kind of unit that follows a number."""
_UNITS_SAID: Final = {
    "%": re.compile(r"\s?(?:%|percent|per cent)"),
    "time": re.compile(r"[\s-]?(?:s|sec|second|min|minute|h|hour|hr|day|week|month|year)s?\b", re.IGNORECASE),
    "amount": re.compile(
        r"[\s-]?(?:k|m|km|kg|g|t|l|ml|cm|mm|kb|mb|gb|tb|thousand|million|billion|kilo\w*|met(?:er|re)s?|lit(?:er|re)s?"
        r"|grams?|tons?|tonnes?)\b",
        re.IGNORECASE,
    ),
}
_ABOUT: Final = re.compile(
    r"(?:about|around|roughly|nearly|almost|over|under|some|approximately|circa|ca\.|~|\u2248)\s*[^\w\s]?$",
    re.IGNORECASE,
)
_MOST_COMBINED: Final = 60
"""Numbers of one exchange that are added, subtracted and multiplied with each other, the latest first."""
_CLOSE: Final = 1e-9
_LEAST_PART: Final = 0.01
"""What one number has to be of another, at least, to be added to it or taken from it: no count is added to a code."""


@dataclass(frozen=True)
class Stated:
    """A number as a text states it.

    Attributes:
        value: The number.
        text: The words.
        decimals: Digits after the point.
        unit: Kind of unit that follows it: ``%``, ``time``, ``amount`` or none.
        about: Whether the text says that it is rounded.
    """

    value: float
    text: str
    decimals: int
    unit: str = ""
    about: bool = False


@lru_cache(maxsize=4096)
def stated_numbers(text: str) -> tuple[Stated, ...]:
    """Numbers a text states as quantities, thousands separators understood; kept for the texts seen last."""
    return tuple(_stated(text))


def _stated(text: str) -> Iterator[Stated]:
    for found in _STATED.finditer(text):
        after = text[found.end() : found.end() + 2]
        # 14:30, 2026-07-14, 3/4, 7a, 1.2.3: parts of something else, which is looked for as a whole.
        if after and (_INSIDE.match(after[0]) and not _is_unit(text, found.end())):
            continue
        if len(after) == 2 and after[0] in ".," and after[1].isdigit():
            continue
        unit = next((kind for kind, said in _UNITS_SAID.items() if said.match(text, found.end())), "")
        about = _ABOUT.search(text[max(0, found.start() - 16) : found.start()]) is not None
        words = found[0].replace(",", "").replace("\u2212", "-")
        yield Stated(float(words), found[0], len(words.partition(".")[2]), unit, about)


@lru_cache(maxsize=4096)
def numbers_in(text: str) -> tuple[float, ...]:
    """All numbers in a text, in codes, dates and words too."""
    found = [float(each.replace(",", "") if "," in each else each) for each in _ANY.findall(text)]
    found += [_WORDS[word.lower()] for word in _WORD.findall(text)]
    return (*found, *(float(int(hour) % 12 or 12) for hour, _ in _TIME.findall(text)))


@lru_cache(maxsize=4096)
def numbers_of(text: str) -> tuple[float, ...]:
    """All numbers of a JSON value, as they stand in its values, texts and names.

    Args:
        text: The value as canonical JSON.
    """
    # A comma between digits separates values here as often as thousands, so both readings count.
    found = [float(each) for each in _PLAIN.findall(text)]
    found += [float(each.replace(",", "")) for each in _THOUSANDS.findall(text)]
    return (*found, *(float(int(hour) % 12 or 12) for hour, _ in _TIME.findall(text)))


def derived_from(value: JsonValue) -> Iterator[float]:
    """What follows from a JSON value as a whole: lengths of its lists, sums, means and spans of lists and columns."""
    if isinstance(value, dict):
        yield float(len(value))
        yield from _total(list(value.values()))
        for inner in value.values():
            yield from derived_from(inner)
    elif isinstance(value, list):
        yield float(len(value))
        yield from _total(value)
        columns: dict[str, list[JsonValue]] = {}
        for inner in value:
            yield from derived_from(inner)
            if isinstance(inner, dict):
                for name, cell in inner.items():
                    columns.setdefault(name, []).append(cell)
        for column in columns.values():
            yield from _total(column)


def longest_list(value: JsonValue) -> int:
    """Length of the longest list or text of lines; any smaller count may be one of a part of it."""
    if isinstance(value, list):
        return max([len(value), *map(longest_list, value)])
    if isinstance(value, dict):
        return max([0, *map(longest_list, value.values())])
    return value.count("\n") + 1 if isinstance(value, str) else 0


class Figures:
    """Numbers known at some point of a dialogue."""

    def __init__(self) -> None:
        self.known: set[float] = set()
        self.recent: list[float] = []
        self._results: list[JsonValue] = []
        self._derived: set[float] = set()
        self._most_counted = 0

    def begin_exchange(self) -> None:
        """Forget which numbers are recent: a user speaks."""
        self.recent = []

    def add(self, numbers: Iterable[float], result: JsonValue = None) -> None:
        """Take numbers in.

        Args:
            numbers: As they stand.
            result: The result they are of, from which counts and sums follow; looked into when one is asked for.
        """
        fresh = list(numbers)
        self.known.update(fresh)
        self.recent += fresh
        if result is not None:
            self._results.append(result)

    def explains(self, stated: Stated, said: Collection[float]) -> bool:
        """Whether a stated number is known, or follows from known ones by what a helpful reply may do.

        Args:
            stated: The number.
            said: The other numbers of the same text; what a number is reckoned from is told with it.
        """
        value = abs(stated.value)
        if value in self.known:
            return True
        for result in self._results:
            self._derived.update(map(abs, derived_from(result)))
            self._most_counted = max(self._most_counted, longest_list(result))
        self._results.clear()
        if value in self._derived or (value <= self._most_counted and value == int(value)):
            return True
        return self._rounded(value, stated) or self._reckoned(value, stated, said)

    def _rounded(self, value: float, stated: Stated) -> bool:
        slack = max(10.0**-stated.decimals / 2, _last_place(value) / 2) + _CLOSE
        if stated.about:
            slack = max(slack, 0.05 * value)
        whole = stated.decimals == 0 and not stated.about
        factors = (1.0, *_SCALES[stated.unit])
        for known in (*self.known, *self._derived):
            for factor in factors:
                if abs(known * factor - value) <= slack or abs(known / factor - value) <= slack:
                    # A whole number is the rounding of a fraction or of a longer one, not of its neighbour.
                    if whole and factor == 1.0 and known == int(known) and _last_place(value) == 1:
                        continue
                    return True
        return False

    def _reckoned(self, value: float, stated: Stated, said: Collection[float]) -> bool:
        slack = 10.0**-stated.decimals / 2 + _CLOSE
        pool = [number for number in dict.fromkeys(reversed(self.recent)) if number][:_MOST_COMBINED]
        told = [number for number in pool if number in said]
        for one in told:
            for other in pool:
                if min(one, other) >= _LEAST_PART * max(one, other) and (
                    abs(one + other - value) <= slack or abs(abs(one - other) - value) <= slack
                ):
                    return True
                if other in said and (abs(one * other - value) <= slack or abs(one / other - value) <= slack):
                    return True
        return stated.unit == "%" and any(abs(100 * one / other - value) <= slack for one in pool for other in pool)

    def miscopied_from(self, stated: Stated) -> float | None:
        """A known number that a stated one differs from in one digit, or in two exchanged ones.

        Args:
            stated: A number of four digits or more; a year is none.

        Returns:
            The known number, or None.
        """
        digits = _digits(abs(stated.value))
        if len(digits) < 4 or (stated.decimals == 0 and 1900 <= stated.value < 2100):
            return None
        return next((known for known in sorted(self.known) if _one_slip(digits, _digits(known))), None)


def _total(values: list[JsonValue]) -> Iterator[float]:
    numbers = [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) > 1 and len(numbers) == len(values):
        yield abs(round(sum(numbers), 6))
        yield abs(round(sum(numbers) / len(numbers), 6))
        yield abs(round(max(numbers) - min(numbers), 6))


def _is_unit(text: str, at: int) -> bool:
    """Whether what follows a number is a unit of letters, such as ``kg`` or ``th``, and not part of a code."""
    word = re.match(r"[A-Za-z°]{1,3}(?![\w-])", text[at:])
    return word is not None


def _last_place(value: float) -> float:
    """The place of a round number's last digit that is no zero: 10 for 1,250, 1 for 1,248."""
    digits = _digits(value)
    if value < 100 or value != int(value):
        return 0.0
    return 10.0 ** (len(digits) - len(digits.rstrip("0")))


def _digits(value: float) -> str:
    return f"{value:.10g}"


def _one_slip(one: str, other: str) -> bool:
    if len(one) != len(other) or one == other or one.find(".") != other.find("."):
        return False
    spots = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(spots) == 1:
        return True
    return (
        len(spots) == 2
        and spots[1] == spots[0] + 1
        and one[spots[0]] == other[spots[1]]
        and one[spots[1]] == other[spots[0]]
    )
