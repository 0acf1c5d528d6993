"""Days and times of day that a text names, outright or from today.

Notations that can be read in two ways (``3/4/2026``) count in both. Month names are read in English, German,
French, Spanish, Italian, Portuguese and Dutch; relative days and weekdays in English, German, French and Spanish.

Belongs here: finding days and times in texts and in values. Does not belong here:
deciding whether a value has a source (``tracing``).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from toolace_dagster.grounding.folding import Span
from toolace_dagster.grounding.quantities import quantities
from toolace_dagster.words import words_of

_MONTH_ROWS = (
    "january february march april may june july august september october november december",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "jan feb mrz apr mai jun jul aug sept okt nov dez",
)
_MONTHS = {name: number for row in _MONTH_ROWS for number, name in enumerate(row.split(), start=1)}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY_ROWS = (
    "monday tuesday wednesday thursday friday saturday sunday",
    "mon tue wed thu fri sat sun",
    "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "lunes martes miercoles jueves viernes sabado domingo",
)
_WEEKDAYS = {name: number for row in _WEEKDAY_ROWS for number, name in enumerate(row.split())} | {
    "tues": 1, "weds": 2, "thur": 3, "thurs": 3,
}  # fmt: skip
_WEEKDAY = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_DAYS_FROM_TODAY = {
    "day after tomorrow": 2, "day before yesterday": -2, "tomorrow": 1, "yesterday": -1, "today": 0, "tonight": 0,
    "this morning": 0, "this afternoon": 0, "this evening": 0, "right now": 0, "last night": -1,
    "ubermorgen": 2, "vorgestern": -2, "morgen": 1, "gestern": -1, "heute": 0,
    "apres-demain": 2, "avant-hier": -2, "demain": 1, "hier": -1, "aujourd'hui": 0,
    "pasado manana": 2, "anteayer": -2, "manana": 1, "ayer": -1, "hoy": 0,
}  # fmt: skip

_NUMERIC = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_SHORT = re.compile(r"(?<![\d.,/-])(\d{1,2})\s?([/.-])\s?(\d{1,2})(?:\s?\2\s?(\d{4}|\d{2}))?(?!\d)")
_CJK = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]")
_DAY_MONTH = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|\.)?\s?-?(?:of |de |d')?\s?({_MONTH})\b"
    r"\.?(?:\s?-?,?\s?(?:de |del )?(\d{4})(?!\d))?"
)
_MONTH_DAY = re.compile(
    rf"\b({_MONTH})\b\.?\s?-?(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:(?:\s?,\s?|\s|-)(\d{{4}})(?!\d))?"
)
_MONTH_YEAR = re.compile(rf"\b({_MONTH})\b\.?,?\s(?:of |de )?(\d{{4}})\b")
_MONTH_ALONE = re.compile(rf"\b({_MONTH})\b")
_YEAR_MONTH = re.compile(r"(?<![\d-])(?:(\d{4})[-/](\d{1,2})|(\d{1,2})[-/](\d{4}))(?![\d/-])")
_DAY_ALONE = re.compile(
    r"\b(?:the |on |am |le |el )(\d{1,2})(?:st|nd|rd|th|\.)?(?=\W|$)|(?<!\d)(\d{1,2})(?:st|nd|rd|th)\b"
)
_COMPACT = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)")

_TODAY_WORDS = re.compile(r"\b(" + "|".join(sorted(_DAYS_FROM_TODAY, key=len, reverse=True)) + r")\b")
_SPAN_WORDS = ("day", "week", "month", "night", "year", "tag", "woche", "monat", "jour", "semaine", "dia", "semana")
_NAMED_DAY = re.compile(
    rf"\b(?:(next|this|coming|last|past|nachsten|kommenden|letzten) )?({_WEEKDAY})(?:s)?\b(?: (prochain|next|week))?"
)
_LATER = re.compile(
    r"\b(?:in|within|dans|en|for|after|another) (?:about |the next )?([a-z]+|\d+) "
    r"(day|week|month|night|tag|woche|monat|jour|semaine|dia|semana)"
)
_FROM_NOW = re.compile(r"\b([a-z]+|\d+) (day|week|month)s? (from (?:now|today)|ago|later|before|earlier|after)\b")
_NEXT_SPAN = re.compile(r"\b(next|this|coming|last|past) (week|weekend|month|year)\b")
_END_OF = re.compile(r"\b(?:end|beginning|start|first|last day) of (?:the|this|next) (week|month|year)\b")

_WITH_SPANS = {"week": "week", "weekend": "weekend", "month": "month", "year": "year"}
_OF_TODAY: tuple[tuple[re.Pattern[str], Mapping[str, str]], ...] = (
    (_TODAY_WORDS, {words_of(phrase)[-1]: phrase for phrase in sorted(_DAYS_FROM_TODAY, key=len, reverse=True)}),
    (_NEXT_SPAN, _WITH_SPANS),
    (_LATER, {}),
    (_FROM_NOW, {word: word for word in ("day", "days", "week", "weeks", "month", "months")}),
    (_NAMED_DAY, {word: name for name in _WEEKDAYS for word in (name, f"{name}s")}),
    (_END_OF, _WITH_SPANS),
)
"""Patterns of days that only today's date can tell, the most telling first. A text where one of them finds anything has
one of these words, and what is said of the word; ``_LATER`` is told by where its words stand."""
TODAY_PATTERNS = tuple(pattern for pattern, _ in _OF_TODAY)
"""The patterns alone."""
_LATER_BEGINS = frozenset({"in", "within", "dans", "en", "for", "after", "another"})

_CLOCK = re.compile(
    r"(?<![\d.:])(\d{1,2})(?:[:.h](\d{2})(?::\d{2}(?:\.\d+)?)?|\s?(?=[ap]\.?m\b|o'clock|uhr|h\b|am\b|pm\b))"
    r"\s?(a\.?m\b|p\.?m\b|o'clock|uhr|h\b)?(?:[^a-z\d]*in the (morning|afternoon|evening))?"
)
_BARE_HOUR = re.compile(
    r"\b(?:at|by|from|until|till|to|around|um|a las|between|and|-)\s?(\d{1,2})(?![\d:.]|\s?[a-z%°€$])"
)
_SPOKEN_HOUR = re.compile(
    r"\b(half past|quarter past|quarter to|at|around|by) "
    r"(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})\b"
    r"(?: ?(a\.?m|p\.?m|o'clock|in the (?:morning|afternoon|evening)))?"
)
_HOURS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
}
_NOON = re.compile(r"\b(noon|midday|mittag|midi|mediodia|midnight|mitternacht|minuit|medianoche)\b")
_MIDDAY = frozenset({"noon", "midday", "mittag", "midi", "mediodia"})
_VALUE_TIME = re.compile(
    r"[Tt ]?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s?([AaPp]\.?[Mm]\.?)?\s?(?:[Zz]|[+-]\d{2}:?\d{2})?$"
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it was said: parts that were left open are None."""

    year: int | None
    month: int | None
    day: int | None

    def fits(self, other: Day) -> bool:
        """Whether two can be the same day (or month): what both name is equal."""
        return all(
            left is None or right is None or left == right
            for left, right in ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        )

    @property
    def exact(self) -> date | None:
        """The date, when all parts are known."""
        if self.year is None or self.month is None or self.day is None:
            return None
        try:
            return date(self.year, self.month, self.day)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Moment:
    """A value that is a day, a time of day, or both.

    Attributes:
        days: Readings of its day; empty for a time alone.
        minutes: Minutes after midnight, or None for a day alone.
    """

    days: tuple[Day, ...]
    minutes: int | None


@lru_cache(maxsize=8192)
def moment_of(value: str) -> Moment | None:
    """Read a whole value as a day, a time or both.

    Args:
        value: As a call has it: ``2026-07-14``, ``14.07.2026 09:30``, ``9:30 PM``, ``July 14, 2026``, ``07/2026``.

    Returns:
        What it means, or None when it is something else.
    """
    text = value.strip()
    if not 4 <= len(text) <= 40 or not any(char.isdigit() for char in text):
        return None
    clock = _VALUE_TIME.search(text)
    minutes = None
    rest = text
    if clock is not None:
        rest = text[: clock.start()].strip(" ,")
        hour = int(clock[1])
        if clock[4]:
            hour = hour % 12 + (12 if clock[4][0] in "pP" else 0)
        if hour > 24 or int(clock[2]) > 59:
            return None
        minutes = hour * 60 + int(clock[2])
        if not rest:
            return Moment((), minutes)
    lowered = rest.lower()
    lowered = re.sub(rf"^(?:{_WEEKDAY})\.?,?\s+", "", lowered)
    for pattern in (_NUMERIC, _DAY_MONTH, _MONTH_DAY, _SHORT, _MONTH_YEAR, _YEAR_MONTH, _CJK, _COMPACT):
        found = pattern.fullmatch(lowered)
        if found is not None and (pattern is not _SHORT or found[4] is not None):
            days = tuple(_days(pattern, found))
            return Moment(days, minutes) if days else None
    return None


@lru_cache(maxsize=2048)
def days_in(text: str) -> tuple[tuple[Day, Span], ...]:
    """All days and months that a folded text names outright, each reading by itself.

    Args:
        text: Folded.
    """
    found: list[tuple[Day, Span]] = []
    patterns = [_MONTH_DAY, _DAY_MONTH, _MONTH_YEAR, _MONTH_ALONE] if _MONTH_ALONE.search(text) else []
    if any(char.isdigit() for char in text):
        patterns += [_NUMERIC, _SHORT, _YEAR_MONTH, _CJK, _COMPACT]
    for pattern in patterns:
        found.extend((day, match.span()) for match in pattern.finditer(text) for day in _days(pattern, match))
    return tuple(found)


@lru_cache(maxsize=2048)
def days_of_month_in(text: str) -> tuple[tuple[int, Span], ...]:
    """Days of the month said by their number alone: ``the 14th``."""
    return tuple((int(match[1] or match[2]), match.span()) for match in _DAY_ALONE.finditer(text))


def _days(pattern: re.Pattern[str], match: re.Match[str]) -> Iterator[Day]:
    parts = match.groups()
    if pattern in (_NUMERIC, _COMPACT):
        readings = [(int(parts[0]), int(parts[1]), int(parts[2]))]
        if pattern is _NUMERIC and int(parts[1]) > 12:
            readings = [(int(parts[0]), int(parts[2]), int(parts[1]))]
    elif pattern is _CJK:
        readings = [(int(parts[0]) if parts[0] else None, int(parts[1]), int(parts[2]))]
    elif pattern is _SHORT:
        year = int(parts[3]) + (2000 if len(parts[3]) == 2 else 0) if parts[3] else None
        readings = [(year, int(parts[2]), int(parts[0])), (year, int(parts[0]), int(parts[2]))]
    elif pattern is _DAY_MONTH:
        readings = [(int(parts[2]) if parts[2] else None, _MONTHS[parts[1]], int(parts[0]))]
    elif pattern is _MONTH_DAY:
        readings = [(int(parts[2]) if parts[2] else None, _MONTHS[parts[0]], int(parts[1]))]
    elif pattern is _MONTH_YEAR:
        readings = [(int(parts[1]), _MONTHS[parts[0]], None)]
    elif pattern is _MONTH_ALONE:
        readings = [(None, _MONTHS[parts[0]], None)]
    else:
        year, month = (parts[0], parts[1]) if parts[0] else (parts[3], parts[2])
        readings = [(int(year), int(month), None)]
    for year, month, day in dict.fromkeys(readings):
        if 1 <= month <= 12 and (day is None or 1 <= day <= 31):
            yield Day(year, month, day)


def speaks_of_today(text: str) -> Span | None:
    """Where a folded text names a day that only today's date can tell: ``tomorrow``, ``next Friday``."""
    # Most texts name no day at all, and looking their words up is far quicker than the patterns are.
    words = words_of(text, underscores=True)
    said = set(words)
    for pattern, telling in _OF_TODAY:
        told = any(telling[word] in text for word in telling.keys() & said) if telling else _may_be_later(words, text)
        found = pattern.search(text) if told else None
        if found is not None:
            return found.span()
    return None


def _may_be_later(words: list[str], text: str) -> bool:
    """Whether a word that opens ``_LATER`` has a span of time two to four words on."""
    return any(span in text for span in _SPAN_WORDS) and any(
        near.startswith(_SPAN_WORDS)
        for at, word in enumerate(words)
        if word in _LATER_BEGINS
        for near in words[at + 2 : at + 5]
    )


@lru_cache(maxsize=2048)
def relative_days(text: str, today: date) -> tuple[tuple[date, date, Span], ...]:
    """Days that a folded text names from today, each as the first and last day that can be meant.

    Args:
        text: Folded.
        today: The day the dialogue happens on.

    Returns:
        First day, last day and span; of a weekday each reading (this week's, next week's) by itself.
    """
    found: list[tuple[date, date, Span]] = []
    for match in _TODAY_WORDS.finditer(text):
        day = today + timedelta(days=_DAYS_FROM_TODAY[match[1]])
        found.append((day, day, match.span()))
    for match in _NAMED_DAY.finditer(text):
        ahead = (_WEEKDAYS[match[2]] - today.weekday()) % 7
        steps = (ahead - 7,) if match[1] in ("last", "past", "letzten") else (ahead, ahead + 7)
        found.extend((today + timedelta(days=step), today + timedelta(days=step), match.span()) for step in steps)
    for pattern in (_LATER, _FROM_NOW):
        for match in pattern.finditer(text):
            found.extend((day, day, match.span()) for day in _moved(today, match))
    for match in _NEXT_SPAN.finditer(text):
        first, last = _span_of(match[1], match[2], today)
        found.append((first, last, match.span()))
    for match in _END_OF.finditer(text):
        first, _ = _span_of("this", match[1], today)
        _, last = _span_of("next", match[1], today)
        found.append((first, last, match.span()))
    return tuple(found)


def _moved(today: date, match: re.Match[str]) -> Iterator[date]:
    counted = quantities(match[1]) if match[1] not in ("a", "an", "ein", "eine", "une", "un") else ()
    numbers = [1.0] if match[1] in ("a", "an", "ein", "eine", "une", "un") else [each.value for each in counted]
    back = match.re is _FROM_NOW and match[3] in ("ago", "before", "earlier")
    for number in numbers:
        step = int(number) * (-1 if back else 1)
        if abs(step) > 400:
            continue
        if match[2] in ("month", "monat"):
            yield months_later(today, step)
        else:
            yield today + timedelta(days=step * (7 if match[2] in ("week", "woche", "semaine", "semana") else 1))


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _span_of(which: str, unit: str, today: date) -> tuple[date, date]:
    step = {"next": 1, "coming": 1, "last": -1, "past": -1}.get(which, 0)
    if unit == "year":
        return date(today.year + step, 1, 1), date(today.year + step, 12, 31)
    if unit == "month":
        first = months_later(today.replace(day=1), step)
        return first, months_later(first, 1) - timedelta(days=1)
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
    if unit == "weekend":
        # On a weekday both the one that comes and the one after are called the next.
        saturday = today + timedelta(days=(5 - today.weekday()) % 7)
        return (
            (saturday, saturday + timedelta(days=8 if step else 1))
            if step >= 0
            else (monday + timedelta(days=5), monday + timedelta(days=6))
        )
    return monday, monday + timedelta(days=6)


@lru_cache(maxsize=2048)
def times_in(text: str) -> tuple[tuple[int, Span], ...]:
    """Times of day that a folded text names, in minutes after midnight; without a.m. or p.m. both count.

    Args:
        text: Folded.
    """
    found: list[tuple[int, Span]] = []
    for match in _CLOCK.finditer(text):
        minutes = int(match[2] or 0)
        if minutes < 60:
            found.extend(
                (time, match.span()) for time in _on_the_clock(int(match[1]), minutes, match[3] or match[4] or "")
            )
    for match in _SPOKEN_HOUR.finditer(text):
        hour = _HOURS.get(match[2]) or (int(match[2]) if match[2].isdigit() else 0)
        shift = {"half past": 30, "quarter past": 15, "quarter to": -15}.get(match[1], 0)
        found.extend(((time + shift) % 1440, match.span()) for time in _on_the_clock(hour, 0, match[3] or ""))
    for match in _BARE_HOUR.finditer(text):
        found.extend((time, match.span()) for time in _on_the_clock(int(match[1]), 0, ""))
    found.extend((720 if match[1] in _MIDDAY else 0, match.span()) for match in _NOON.finditer(text))
    return tuple(found)


def _on_the_clock(hour: int, minutes: int, marker: str) -> Iterator[int]:
    if hour > 24:
        return
    half = marker.replace(".", "")
    if half in ("am", "morning", "in the morning"):
        yield (hour % 12) * 60 + minutes
    elif half in ("pm", "afternoon", "evening", "in the afternoon", "in the evening"):
        yield (hour % 12 + 12) * 60 + minutes
    else:
        yield (hour % 24) * 60 + minutes
        if 1 <= hour <= 12:
            yield ((hour + 12) % 24) * 60 + minutes
