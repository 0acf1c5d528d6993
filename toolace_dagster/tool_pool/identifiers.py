"""Which values are identifiers that a system hands out, and of what.

Belongs here: telling identifiers from other values by name, type and pattern,
and the noun an identifier is of. Does not belong here: who returns and who takes
them (``dependencies``).
"""

from __future__ import annotations

import re

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Tool
from toolace_dagster.tool_pool.naming import ID_WORDS, nouns_of, singular, snake

# A person knows these by heart, digits or not; no tool has to hand them out first.
_KNOWN_TO_PEOPLE = frozenset({"postal", "post", "zip", "phone", "house", "country", "currency", "area", "dial"})
_IDENTIFIER_LIST = re.compile(r"(^|_)(ids|uuids|guids|numbers|refs|references|codes)$")
_DIGITS = re.compile(r"\\d|0-9|\[[^\]]*\d[^\]]*\]|(?<![{,\d])\d(?![\d,]*\})")
_OF_NOUN = re.compile(
    r"\b(?:id|ids|identifier|identifiers|number|uuid|key|reference)\s+(?:of|for)\s+(?:the|a|an|each|this|your)?\s*"
    r"([a-z]+(?: [a-z]+)?)",
    re.IGNORECASE,
)
_NOUN_ID = re.compile(r"\b([a-z]+)(?:'s)?\s+(?:id|identifier|uuid)\b", re.IGNORECASE)
_NO_NOUNS = frozenset("the a an its this that unique valid optional their your internal external numeric".split())


def identifier_parameters(tool: Tool) -> tuple[str, ...]:
    """Name the parameters that look like identifiers a system hands out.

    Args:
        tool: Any tool.

    Returns:
        Parameter names in the order of the schema; those from a fixed list (``enum``) are not among them.
    """
    return tuple(name for name, schema in tool.properties.items() if is_identifier(*single(name, schema)))


def is_identifier(name: str, schema: JsonObject) -> bool:
    """Whether a value is one that a system hands out.

    Args:
        name: Its name in snake case, of a single value (``single``).
        schema: Its schema.
    """
    types = types_of(schema)
    if "enum" in schema or "const" in schema or (types and not types & {"string", "integer", "number"}):
        return False
    words = name.split("_")
    if words[-1] in ("id", "uuid", "guid"):
        return True
    if words[-1] not in ("number", "ref", "reference", "code") or _KNOWN_TO_PEOPLE & set(words):
        return False
    return digit_pattern(schema) is not None


def digit_pattern(schema: JsonObject) -> str | None:
    """A pattern that asks for digits, which only one kind of identifier is likely to have."""
    pattern = schema.get("pattern")
    return pattern if isinstance(pattern, str) and _DIGITS.search(pattern) else None


def noun_of(name: str) -> str:
    """What an identifier is of, from its own name: ``member_id`` gives ``member``, ``id`` nothing."""
    return singular("_".join(word for word in name.split("_") if word not in ID_WORDS))


def said_noun(schema: JsonObject) -> str:
    """What an identifier is of, from its description: ``Identifier of the order`` gives ``order``."""
    text = schema.get("description")
    if not isinstance(text, str):
        return ""
    found = _OF_NOUN.search(text) or _NOUN_ID.search(text)
    if found is None:
        return ""
    words = [word for word in found[1].lower().split() if word not in _NO_NOUNS]
    return singular(words[0]) if words else ""


def noun_of_tool(tool: Tool) -> str:
    """What a tool's own ``id`` is of: the last noun of its name."""
    nouns = nouns_of(tool)
    return nouns[-1] if nouns else ""


def single(name: str, schema: JsonObject) -> tuple[str, JsonObject]:
    """Name and schema of one value: a list of identifiers is looked at as one of them, ``X | null`` as X."""
    name = snake(name)
    branches = schema.get("anyOf", schema.get("oneOf"))
    if "type" not in schema and isinstance(branches, list):
        real = [branch for branch in branches if isinstance(branch, dict) and branch.get("type") != "null"]
        if len(real) == 1:
            return single(name, real[0])
    items = schema.get("items")
    if types_of(schema) == {"array"} and isinstance(items, dict) and _IDENTIFIER_LIST.search(name):
        return name[:-1], items
    return name, schema


def types_of(schema: JsonObject) -> set[str]:
    """The types a schema allows, without null; empty when it does not say."""
    given = schema.get("type")
    words: list[JsonValue] = given if isinstance(given, list) else [given]
    return {word for word in words if isinstance(word, str) and word != "null"}


def compatible(offered: JsonObject, wanted: JsonObject) -> bool:
    """Whether a returned value's schema allows it to be passed on; schemas that say nothing allow it."""
    left, right = types_of(offered), types_of(wanted)
    if left and right and not left & right and not (left == {"integer"} and "number" in right):
        return False
    for keyword in ("pattern", "format"):
        if keyword in offered and keyword in wanted and offered[keyword] != wanted[keyword]:
            return False
    some, others = offered.get("enum"), wanted.get("enum")
    if isinstance(some, list) and isinstance(others, list):
        return any(value in others for value in some)
    return True
