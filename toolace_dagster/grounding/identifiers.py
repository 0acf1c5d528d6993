"""Which values are identifiers: what a system hands out and nobody can guess, so that it has to be copied.

Belongs here: telling them by their shape and by the parameter that takes them.
Does not belong here: where they come from.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject

_ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}(?:$|[T ])")
_TOKEN = re.compile(r"[A-Za-z0-9_\-.#:]+")
_SEGMENT_BREAKS = re.compile(r"[_\-.#:]")
_COUNTED = re.compile(r"\d+[A-Za-z]{1,3}")
"""A number with a unit or an ending: ``10am``, ``18th``, ``1900s``, ``100km``."""
_YEAR = re.compile(r"1\d{3}|20\d{2}")
_CLOCK = re.compile(r"(?:T?\d{1,2}(?::\d\d){1,2}(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d{1,2}[ap]m)", re.IGNORECASE)
_FILE = re.compile(r".*\.[A-Za-z][A-Za-z0-9]{1,4}")
_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_HANDED_OUT = frozenset({"id", "ids", "uuid", "uuids", "guid", "guids"})
_MAYBE = frozenset({"number", "numbers", "ref", "refs", "reference", "references", "code", "codes"})
_KNOWN_TO_PEOPLE = frozenset({"postal", "post", "zip", "phone", "house", "country", "currency", "area", "dial"})
_DIGITS = re.compile(r"\\d|0-9|\[[^\]]*\d[^\]]*\]|(?<![{,\d])\d(?![\d,]*\})")


@lru_cache(maxsize=8192)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a parameter's name, in lower case, whatever its casing and separators."""
    return tuple(word.lower() for word in _BREAK.split(name) if word)


def takes_identifier(name: str, schema: JsonObject) -> bool:
    """Whether a parameter takes a value that a system hands out.

    Args:
        name: Name of the parameter, or of the property around a list.
        schema: Schema of the single value.

    Returns:
        True for names that end in ``id`` and their like, and for numbers, codes and references with a pattern that
        asks for digits; never for a choice among fixed values.
    """
    if "enum" in schema or "const" in schema:
        return False
    kind = schema.get("type")
    kinds = {kind} if isinstance(kind, str) else set(kind) if isinstance(kind, list) else set[JsonValue]()
    if kinds and not kinds & {"string", "integer", "number"}:
        return False
    words = words_of(name)
    if not words:
        return False
    if words[-1] in _HANDED_OUT:
        return True
    if words[-1] not in _MAYBE or _KNOWN_TO_PEOPLE & set(words):
        return False
    pattern = schema.get("pattern")
    return isinstance(pattern, str) and _DIGITS.search(pattern) is not None


@lru_cache(maxsize=16384)
def looks_like_identifier(value: str) -> bool:
    """Whether a text is one that a system hands out, such as ``GR-771``, ``PN-CZ34`` or ``a81bc81b``.

    Numbers, dates, times, addresses, file names and words that people build with
    numbers (``60-minute``, ``18th-century``, ``COVID-19``, ``mid-2026``, ``10am``) are not taken for identifiers.
    """
    if not 4 <= len(value) <= 64 or not _TOKEN.fullmatch(value):
        return False
    if _ISO_DATE.match(value) or _CLOCK.fullmatch(value) or _FILE.fullmatch(value):
        return False
    if sum(character.isdigit() for character in value) < 2:
        return False
    segments = [segment for segment in _SEGMENT_BREAKS.split(value) if segment]
    mixed = [s for s in segments if not (s.isdigit() or s.isalpha() or _COUNTED.fullmatch(s))]
    serial = max((len(s) for s in segments if s.isdigit() and not _YEAR.fullmatch(s)), default=0)
    if any(character.isupper() for character in value):
        return bool(mixed) or (serial >= 3 and any(s.isalpha() for s in segments))
    changes = sum(len(re.findall(r"(?<=\d)[a-z]|(?<=[a-z])\d", s)) for s in mixed)
    return changes >= 3 or (serial >= 5 and any(s.isalpha() for s in segments))
