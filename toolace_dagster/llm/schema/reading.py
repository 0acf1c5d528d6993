"""Reading single keywords of a JSON Schema.

Belongs here: what a schema says of its types, constants and references. Does not
belong here: deciding what becomes of it (``strict``).
"""

from __future__ import annotations

from typing import Any, Final, cast
from urllib.parse import unquote

from toolace_dagster.llm.schema.forms import Schema
from toolace_dagster.llm.schema.merge import types_of
from toolace_dagster.llm.schema.subset import CONSTRAINTS
from toolace_dagster.llm.schema.unions import kind_of

ALTERNATIVES: Final = ("anyOf", "oneOf")
OBJECT_WORDS: Final = ("properties", "required", "additionalProperties", "patternProperties", "propertyNames")
_WORDS_OF: dict[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"),
    "number": CONSTRAINTS["number"],
    "integer": CONSTRAINTS["integer"],
    "boolean": (),
    "null": (),
    "array": (
        *("items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems"),
        *("uniqueItems", "unevaluatedItems"),
    ),
    "object": (
        *OBJECT_WORDS,
        *("minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties"),
    ),
}


def constants_of(schema: Schema) -> list[Any] | None:
    """The values a schema lists; None when it lists none."""
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return cast("list[Any]", listed) if isinstance(listed, list) else None


def is_of(value: Any, types: list[str]) -> bool:
    """Whether a value is of one of the types."""
    kind = kind_of(value)
    if kind == "number" and "number" not in types:
        return "integer" in types and (isinstance(value, int) or float(value).is_integer())
    return kind in types


def concerning(kind: str, schema: Schema) -> Schema:
    """A schema of several types as one of them sees it."""
    foreign = {word for other, words in _WORDS_OF.items() if other != kind for word in words} - set(
        _WORDS_OF.get(kind, ())
    )
    return {key: value for key, value in schema.items() if key not in foreign and key != "description"}


def description_of(schema: Schema, more: str = "") -> str | None:
    """What a schema says of itself, and what we add."""
    said = schema.get("description")
    words = said if isinstance(said, str) else ""
    return "; ".join(part for part in (words, more) if part) or None


def likely_kinds(target: Any) -> frozenset[str]:
    """JSON types a schema names itself; all when it does not say."""
    types = types_of(cast(Schema, target)) if isinstance(target, dict) else []
    if not types or (isinstance(target, dict) and any(word in target for word in (*ALTERNATIVES, "$ref", "allOf"))):
        return frozenset(("string", "number", "boolean", "null", "array", "object"))
    return frozenset("number" if name == "integer" else name for name in types)


def resolved(document: Schema, pointer: str) -> Any:
    """What a reference into the document names; None when it leads nowhere."""
    if not pointer.startswith("#"):
        return None
    place: Any = document
    for step in [unquote(part).replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")[1:]]:
        if isinstance(place, dict) and step in place:
            place = cast(Schema, place)[step]
        elif isinstance(place, list) and step.isdigit() and int(step) < len(cast("list[Any]", place)):
            place = cast("list[Any]", place)[int(step)]
        else:
            return None
    # An anchor is no pointer.
    return place if pointer == "#" or pointer.startswith("#/") else None
