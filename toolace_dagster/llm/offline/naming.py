"""Names of tools, parameters and fields as words, and which of them look like identifiers.

Belongs here: splitting, singulars, stems, and the guess whether a name stands
for something a system handed out. Does not belong here: sentences (``phrases``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_SPLIT = re.compile(r"[_\-\s./]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ID_WORDS = frozenset({"id", "ids", "uuid", "guid", "sha", "cursor", "hash"})
_ID_SAMPLE = re.compile(r"^(?=.*\d)[A-Za-z0-9]+(?:[-./#:][A-Za-z0-9]+)*$")
_IRREGULAR = {
    "children": "child",
    "people": "person",
    "adults": "adult",
    "companies": "company",
    "addresses": "address",
    "branches": "branch",
    "switches": "switch",
    "boxes": "box",
    "classes": "class",
    "statuses": "status",
    "indices": "index",
    "analyses": "analysis",
    "series": "series",
    "news": "news",
}


@lru_cache(maxsize=8192)
def parts(name: str) -> tuple[str, ...]:
    """The lower-case words of a name in any casing."""
    return tuple(word.lower() for word in _SPLIT.split(name) if word)


def last_word(name: str) -> str:
    """The last word of a name; empty when it has none."""
    found = parts(name)
    return found[-1] if found else ""


def first_word(name: str) -> str:
    """The first word of a name; empty when it has none."""
    found = parts(name)
    return found[0] if found else ""


@lru_cache(maxsize=8192)
def words(name: str) -> str:
    """A name as words: ``startLine`` and ``start_line`` give ``start line``."""
    return " ".join(parts(name))


@lru_cache(maxsize=8192)
def singular(word: str) -> str:
    """The singular of an English noun, roughly."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(maxsize=8192)
def plural(word: str) -> str:
    """The plural of an English noun, roughly."""
    if word.endswith(("child",)):
        return word + "ren"
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and len(word) > 1 and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


@lru_cache(maxsize=8192)
def stem(name: str) -> str:
    """What an identifier's name is about: ``member_id`` gives ``member``, ``id`` gives nothing."""
    kept = [word for word in parts(name) if word not in _ID_WORDS]
    return " ".join([*kept[:-1], singular(kept[-1])]) if kept else ""


def same_name(first: str, second: str) -> bool:
    """Whether two names are the same but for casing and separators."""
    return parts(first) == parts(second)


def is_identifier(name: str, schema: dict[str, Any]) -> bool:
    """Whether a value of this name is something a system hands out, such as a record's identifier.

    Args:
        name: Parameter or field name.
        schema: Its plain schema.

    Returns:
        True for names that end in ``id`` or alike, descriptions that say so, and formats such as ``uuid``.
    """
    if schema.get("type") in ("boolean", "object", "array") or schema.get("enum"):
        return False
    found = parts(name)
    if found and found[-1] in _ID_WORDS:
        return True
    if schema.get("format") == "uuid":
        return True
    return str(schema.get("description", "")).lower().startswith(("identifier of", "unique identifier", "id of"))


def looks_like_identifier(value: Any) -> bool:
    """Whether a value has the shape of an identifier: letters with digits in one word, no date, time or number."""
    if not isinstance(value, str) or not 4 <= len(value) <= 48 or not _ID_SAMPLE.match(value):
        return False
    return any(char.isalpha() for char in value) and not re.match(r"^\d{4}-\d{2}(-\d{2})?(T|$)", value)


def noun_of(name: str, schema: dict[str, Any]) -> str:
    """The noun an identifier's parameter is about, from its name or, failing that, its description."""
    from_name = stem(name)
    if from_name:
        return from_name
    found = re.search(
        r"\b(?:id|identifier|number) of (?:the|a|an)?\s*([a-z]+(?: [a-z]+)?)",
        str(schema.get("description", "")),
        re.IGNORECASE,
    )
    return found.group(1).lower() if found else "record"
