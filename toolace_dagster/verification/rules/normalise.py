"""Bringing values and texts to a form in which they can be compared.

Verbatim comparison over-rejects: in 52 of 84 good public dialogues some argument
is not literally in the context (dates reformatted, codes, case). So values are
compared after normalising, and only what looks like an identifier may be rejected
by rule.

Belongs here: normal forms of text, numbers and dates; what looks like an
identifier. Does not belong here: which texts are compared (``grounding``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from pydantic import JsonValue

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_ISO_DATE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])")
_WORD_BREAKS = re.compile(r"[\s_\-–—/.,;:'\"’“”()\[\]{}<>?!]+")
_TOKEN = re.compile(r"[A-Za-z0-9_\-.#:]+")
_SEGMENT_BREAKS = re.compile(r"[_\-.#:]")
_COUNTED = re.compile(r"\d+[A-Za-z]{1,3}")
"""A number with a unit or an ending: ``10am``, ``18th``, ``1900s``, ``100km``."""
_YEAR = re.compile(r"1\d{3}|20\d{2}")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def normal(text: str) -> str:
    """Casefolded text with punctuation, dashes and underscores as single spaces."""
    return " ".join(_WORD_BREAKS.split(text.casefold())).strip()


def scalars(value: JsonValue) -> Iterator[str | int | float | bool]:
    """All scalars inside a JSON value, without nulls."""
    if isinstance(value, dict):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif value is not None:
        yield value


def numbers(text: str) -> set[float]:
    """All numbers in a text, thousands separators removed."""
    return {float(match.replace(",", "")) for match in _NUMBER.findall(text) if match.strip("-,")}


def spoken_dates(value: str) -> tuple[str, ...]:
    """Normal forms in which people say an ISO date: ``14 july 2026``, ``july 14``, ``14 7 2026`` and so on."""
    match = _ISO_DATE.match(value)
    if not match:
        return ()
    try:
        day = date(*(int(part) for part in match.groups()))
    except ValueError:
        return ()
    month = _MONTHS[day.month - 1]
    suffix = "th" if 10 <= day.day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    forms: list[str] = []
    for name in (month, month[:3]):
        for number in (str(day.day), f"{day.day}{suffix}"):
            forms += [f"{number} {name}", f"{number} of {name}", f"{name} {number}"]
    forms += [f"{day.year} {day.month:02d} {day.day:02d}", f"{day.day:02d} {day.month:02d} {day.year}"]
    forms += [f"{day.day} {day.month} {day.year}", f"{day.month} {day.day} {day.year}"]
    return tuple(forms)


def looks_like_identifier(value: JsonValue) -> bool:
    """Whether a value is one that a system hands out, such as ``GR-771``, ``PN-CZ34`` or ``a81bc81b``.

    Identifiers have to be copied, so one without a source was invented. Numbers, dates, times,
    addresses and words that people build with numbers (``60-minute``, ``18th-century``,
    ``COVID-19``, ``mid-2026``, ``10am``) are not taken for identifiers.
    """
    if not isinstance(value, str) or not 4 <= len(value) <= 64 or not _TOKEN.fullmatch(value):
        return False
    if _ISO_DATE.match(value) or sum(character.isdigit() for character in value) < 2:
        return False
    segments = [segment for segment in _SEGMENT_BREAKS.split(value) if segment]
    mixed = [s for s in segments if not (s.isdigit() or s.isalpha() or _COUNTED.fullmatch(s))]
    serial = max((len(s) for s in segments if s.isdigit() and not _YEAR.fullmatch(s)), default=0)
    if any(character.isupper() for character in value):
        return bool(mixed) or (serial >= 3 and any(s.isalpha() for s in segments))
    changes = sum(len(re.findall(r"(?<=\d)[a-z]|(?<=[a-z])\d", s)) for s in mixed)
    return changes >= 3 or (serial >= 5 and any(s.isalpha() for s in segments))
