"""What strict structured output accepts: keywords, formats, sizes.

Source: OpenAI's guide "Structured model outputs", section "Supported schemas"
(developers.openai.com/api/docs/guides/structured-outputs), as documented in 2026.
Two rules are not in the guide and known from the API's own refusals: alternatives
of ``anyOf`` that are objects need distinct first keys (or a first key whose
constants tell them apart), and ``$ref`` has no keywords beside it.

Belongs here: the subset as data, and measuring a schema. Does not belong here:
converting one (``strict``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

MAX_DEPTH: Final = 10
"""Levels of nesting; objects and lists are both counted, which is the careful reading of the guide."""
MAX_PROPERTIES: Final = 5_000
MAX_STRINGS: Final = 120_000
"""Characters of all names of properties and definitions, enum and const values together."""
MAX_ENUM_VALUES: Final = 1_000
LARGE_ENUM: Final = 250
"""Values from which on a single enum of strings has a budget of its own."""
MAX_LARGE_ENUM_STRINGS: Final = 15_000

FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"),
)
_NUMBER: Final = ("multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum")
CONSTRAINTS: Final[dict[str, tuple[str, ...]]] = {
    "string": ("pattern", "format"),
    "number": _NUMBER,
    "integer": _NUMBER,
    "boolean": (),
    "null": (),
    "array": ("minItems", "maxItems"),
    "object": (),
}
"""Keywords beside ``type`` that are kept, by type. Fine-tuned models and several servers take none of them."""
ANNOTATIONS: Final = frozenset(
    ("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"),
)
"""Keywords that constrain nothing; only ``description`` is kept."""

_ODD_REGEX = re.compile(r"\(\?(?!:)|\\[1-9bBpPkAZzGuxc]|[*+?}][?+]|\[\[|&&|\\[dwsDWS]-")
"""Constructs that engines of constrained decoding disagree about: look-around, back-references, lazy quantifiers."""


def is_portable(pattern: str) -> bool:
    """Whether a regular expression means the same to every engine; half-anchored ones are refused by some."""
    return pattern.startswith("^") and pattern.endswith("$") and not _ODD_REGEX.search(pattern)


@dataclass
class Size:
    """How much of the limits a schema uses.

    Attributes:
        properties: Object properties.
        strings: Characters of names and constants.
        enum_values: Values of all enums.
        depth: Levels of objects and lists, references not followed.
    """

    properties: int = 0
    strings: int = 0
    enum_values: int = 0
    depth: int = 0

    @property
    def fault(self) -> str | None:
        """The first limit it exceeds, in words."""
        checks = (
            (self.properties, MAX_PROPERTIES, "properties"),
            (self.strings, MAX_STRINGS, "characters of names and constants"),
            (self.enum_values, MAX_ENUM_VALUES, "enum values"),
            (self.depth, MAX_DEPTH, "levels of nesting"),
        )
        return next((f"{used:,} {what}, {most:,} are allowed" for used, most, what in checks if used > most), None)


def measure(schema: dict[str, Any]) -> Size:
    """Measure a schema of the subset."""
    size = Size()
    _measure(schema, size, 0)
    return size


def _measure(schema: dict[str, Any], size: Size, depth: int) -> None:
    if schema.get("type") in ("object", "array"):
        depth += 1
        size.depth = max(size.depth, depth)
    for word in ("properties", "$defs"):
        for name, inner in cast("dict[str, dict[str, Any]]", schema.get(word, {})).items():
            size.properties += word == "properties"
            size.strings += len(name)
            _measure(inner, size, depth if word == "properties" else 0)
    values = cast("list[Any]", schema.get("enum", []))
    size.enum_values += len(values)
    size.strings += sum(len(value) if isinstance(value, str) else len(str(value)) for value in values)
    for inner in _inside(schema):
        _measure(inner, size, depth)


def _inside(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "items" in schema:
        yield schema["items"]
    yield from schema.get("anyOf", ())
