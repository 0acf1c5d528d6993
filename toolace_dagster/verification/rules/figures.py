"""Numbers in texts and results, and which numbers follow from others.

A reply may round, add up, count, compare and convert, and repeat what a call asked
for. What is left after that was stated out of nothing.

Belongs here: reading numbers and deriving them. Does not belong here: rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

_STATED: Final = re.compile(
    r"(?<![\w.,#/:-])[-+\u2212]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.,#/:-])[-+\u2212]?\d+(?:\.\d+)?"
)
"""A number that stands by itself; not the digits of a code, date, time, version or path."""
_ANY: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_TIME: Final = re.compile(r"\b(\d{1,2}):(\d{2})\b")
_PERCENT: Final = re.compile(r"\s?(?:%|percent|per cent)")
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
_SCALES: Final = (100.0, 1000.0, 60.0, 24.0, 7.0, 12.0, 1024.0, 3600.0, 1e6, 1e9)
"""Factors between units people say and units systems store: shares, thousands, times, sizes."""
_MOST_COMBINED: Final = 60
"""Numbers of one exchange that are added, subtracted and multiplied with each other, the latest first."""
_CLOSE: Final = 1e-6


@dataclass(frozen=True)
class Stated:
    """A number as a text states it.

    Attributes:
        value: The number.
        text: The words.
        decimals: Digits after the point.
        percent: Whether it is a share in percent.
    """

    value: float
    text: str
    decimals: int
    percent: bool = False


def stated_numbers(text: str) -> Iterator[Stated]:
    """Numbers a text states as quantities, thousands separators understood."""
    for found in _STATED.finditer(text):
        after = text[found.end() : found.end() + 2]
        # 14:30, 2026-07-14, 3/4, 7a, 1.2.3: parts of something else, which is looked for as a whole.
        if after and (_INSIDE.match(after[0]) and not _is_unit(text, found.end())):
            continue
        if len(after) == 2 and after[0] in ".," and after[1].isdigit():
            continue
        percent = _PERCENT.match(text, found.end()) is not None
        words = found[0].replace(",", "").replace("\u2212", "-")
        yield Stated(float(words), found[0], len(words.partition(".")[2]), percent)


def numbers_in(text: str) -> Iterator[float]:
    """All numbers in a text, in codes, dates and words too."""
    for found in _ANY.findall(text):
        yield float(found.replace(",", ""))
    for word in _WORD.findall(text):
        yield _WORDS[word.lower()]
    for hour, _ in _TIME.findall(text):
        yield float(int(hour) % 12 or 12)


def numbers_of(value: JsonValue) -> Iterator[float]:
    """All numbers of a JSON value, with the lengths of its lists and the sums of their columns."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, (int, float)):
        yield abs(float(value))
    elif isinstance(value, str):
        if any(map(str.isdigit, value)) or len(value) < 200:
            yield from numbers_in(value)
    elif isinstance(value, dict):
        yield float(len(value))
        yield from _total(list(value.values()))
        for inner in value.values():
            yield from numbers_of(inner)
    else:
        yield float(len(value))
        yield from _total(value)
        columns: dict[str, list[JsonValue]] = {}
        for inner in value:
            yield from numbers_of(inner)
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
        self.most_counted = 0

    def begin_exchange(self) -> None:
        """Forget which numbers are recent: a user speaks."""
        self.recent = []

    def add(self, numbers: Iterable[float]) -> None:
        """Take numbers in."""
        fresh = [abs(number) for number in numbers]
        self.known.update(fresh)
        self.recent += fresh

    def explains(self, stated: Stated) -> bool:
        """Whether a stated number is known, or follows from known ones by what a helpful reply may do."""
        value = abs(stated.value)
        if value in self.known or (value <= self.most_counted and value == int(value)):
            return True
        if self._rounded(value, stated.decimals) or self._combined(value):
            return True
        return stated.percent and self._share(value, stated.decimals)

    def _rounded(self, value: float, decimals: int) -> bool:
        step = 10.0**-decimals / 2 + _CLOSE
        for known in self.known:
            if abs(known - value) <= step and (known != int(known) or decimals):
                return True
            if known and any(abs(known * s - value) <= step or abs(known / s - value) <= step for s in _SCALES):
                return True
        return any(abs(known - value) <= _slack(value) for known in self.known)

    def _combined(self, value: float) -> bool:
        pool = list(dict.fromkeys(reversed(self.recent)))[:_MOST_COMBINED]
        held = {round(number, 2) for number in pool}
        near = round(value, 2)
        for number in pool:
            if number and {round(near - number, 2), round(near + number, 2), round(number - near, 2)} & held:
                return True
            if number > 1 and (round(near / number, 4) in held or round(near * number, 2) in held):
                return True
        return False

    def _share(self, value: float, decimals: int) -> bool:
        step = 10.0**-decimals / 2 + _CLOSE
        pool = [number for number in dict.fromkeys(reversed(self.recent)) if number][:_MOST_COMBINED]
        return any(abs(100 * one / other - value) <= step for one in pool for other in pool)

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


def _slack(value: float) -> float:
    """How far a round number may be from the one it stands for: half its last place, or 5 % of a very round one."""
    digits = _digits(value)
    told = digits.rstrip("0")
    if value < 100 or value != int(value) or told == digits:
        return 0.0
    return 0.05 * value if len(told) <= 2 else 10.0 ** (len(digits) - len(told)) / 2


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
