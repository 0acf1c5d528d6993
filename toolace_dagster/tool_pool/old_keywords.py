"""Type words and keywords of other dialects, in the words of JSON Schema 2020-12.

Belongs here: what OpenAPI 3.0, JSON Schema drafts 3 to 7 and the type names of
programming languages mean today. Does not belong here: repairs of schemas that
are wrong in every dialect (``schemas``).
"""

from __future__ import annotations

import re

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.repairs import RepairLog

TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})

TYPE_WORDS: dict[str, str | None] = {
    "object": "object", "dict": "object", "dictionary": "object", "hashmap": "object", "map": "object",
    "mapping": "object", "record": "object", "struct": "object", "json": "object",
    "array": "array", "arraylist": "array", "list": "array", "tuple": "array", "set": "array", "sequence": "array",
    "string": "string", "str": "string", "text": "string", "char": "string", "character": "string", "enum": "string",
    "binary": "string", "bytes": "string", "date": "string", "datetime": "string", "time": "string", "uuid": "string",
    "url": "string", "file": "string",
    "number": "number", "float": "number", "double": "number", "decimal": "number", "numeric": "number",
    "integer": "integer", "int": "integer", "long": "integer", "short": "integer", "bigint": "integer",
    "int32": "integer", "int64": "integer",
    "boolean": "boolean", "bool": "boolean",
    "null": "null", "none": "null", "nonetype": "null", "void": "null",
    "any": None, "unknown": None, "mixed": None, "": None,
}  # fmt: skip
"""JSON type of each type word, in lower case; None for a word that allows any value."""


MAX_TYPE_WORD = 200
_OPTIONAL = re.compile(r"optional\s*\[(.+)\]", re.IGNORECASE)
_LIST_OF = re.compile(r"(?:list|array|arraylist|sequence|set)\s*[\[<(](.+)[\])>](?:\s*,\s*optional)?$", re.IGNORECASE)


def type_of_word(word: JsonValue) -> str | None:
    """Read a type word.

    Args:
        word: A type name in any spelling, such as ``dict``, ``NUMBER`` or ``List<String>``.

    Returns:
        The JSON type; None when the word allows any value or is not known.
    """
    if not isinstance(word, str):
        return None
    optional = _OPTIONAL.fullmatch(word.strip())
    plain = optional[1] if optional else word
    return TYPE_WORDS.get(re.split(r"[\[<(,;]", plain, maxsplit=1)[0].strip().lower())


def _items_of(word: JsonValue) -> str:
    """What a type word says of the items, such as ``int`` in ``List[int]``; empty when it says nothing."""
    found = _LIST_OF.match(word.strip()) if isinstance(word, str) and len(word) < MAX_TYPE_WORD else None
    return found[1].strip() if found and type_of_word(found[1]) else ""


def read_types(schema: JsonObject, where: str, log: RepairLog) -> JsonObject:
    """Replace type words that JSON Schema does not know.

    Args:
        schema: One schema; schemas in it are not looked at.
        where: Its path in notes.
        log: Takes what was changed.

    Returns:
        The schema with a valid ``type``, or without one where any value is allowed.
    """
    if "type" not in schema:
        return schema
    given = schema["type"]
    words = given if isinstance(given, list) else [given]
    known = [word for word in words if isinstance(word, str) and word in TYPES]
    if words and len(known) == len(words) == len(set(known)):
        return schema
    read = [type_of_word(word) for word in words]
    # A union with a word that allows anything allows anything.
    types: list[JsonValue] = [] if None in read else list(dict.fromkeys(word for word in read if word is not None))
    kept = {key: value for key, value in schema.items() if key != "type"}
    mend = f"use one of {', '.join(sorted(TYPES))}"
    if not types:
        log.add(f"the type {_short(given)} is no JSON type, so any is allowed", mend, where)
        return kept
    if _is_enum_of_others(given, schema.get("enum")):
        log.add(f"the type {_short(given)} was left out, the listed values say it", mend, where)
        return kept
    items = "" if isinstance(given, list) or types != ["array"] or "items" in schema else _items_of(given)
    if items:
        kept["items"] = {"type": items}
        schema = {**schema, "items": kept["items"]}
    meant: JsonValue = types if isinstance(given, list) and len(types) > 1 else types[0]
    log.add(f"the type {_short(given)} was read as {_short(meant)}", mend, where)
    return {key: meant if key == "type" else value for key, value in schema.items()}


def _is_enum_of_others(given: JsonValue, allowed: JsonValue) -> bool:
    """Whether values are listed for the word ``enum`` that are not all text, which it usually stands for."""
    is_enum = isinstance(given, str) and given.strip().lower() == "enum"
    return is_enum and isinstance(allowed, list) and not all(isinstance(value, str) for value in allowed)


def converted(schema: JsonObject, where: str, log: RepairLog) -> JsonObject:
    """Say in today's keywords what older ones said.

    Args:
        schema: One schema; schemas in it are not looked at.
        where: Its path in notes.
        log: Takes what was changed.

    Returns:
        The schema without boolean ``exclusiveMinimum``, lists in ``items``, ``dependencies`` and ``nullable``.
    """
    result = dict(schema)
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(result.get(exclusive), bool):
            log.add(f"{exclusive} was true or false and now is the bound", f"give {exclusive} the bound itself", where)
            if result.pop(exclusive) and bound in result:
                result[exclusive] = result.pop(bound)
    if isinstance(result.get("items"), list):
        log.add("items was a list and is now prefixItems", "use prefixItems", where)
        result["prefixItems"] = result.pop("items")
        if "additionalItems" in result:
            result["items"] = result.pop("additionalItems")
    if "dependencies" in result:
        log.add("dependencies was split", "use dependentRequired and dependentSchemas", where)
        _split_dependencies(result)
    if isinstance(result.get("nullable"), bool):
        _allow_null(result, where, log)
    return result


def _split_dependencies(schema: JsonObject) -> None:
    dependencies = schema.pop("dependencies")
    if not isinstance(dependencies, dict):
        return
    names: JsonObject = {key: value for key, value in dependencies.items() if isinstance(value, list)}
    schemas: JsonObject = {key: value for key, value in dependencies.items() if isinstance(value, (dict, bool))}
    if names:
        schema.setdefault("dependentRequired", names)
    if schemas:
        schema.setdefault("dependentSchemas", schemas)


def _allow_null(schema: JsonObject, where: str, log: RepairLog) -> None:
    # `nullable: false` is the default, so that leaving it out changes nothing.
    if not schema.pop("nullable"):
        return
    given = schema.get("type")
    if given is None:
        return
    types = given if isinstance(given, list) else [given]
    schema["type"] = [*types, *([] if "null" in types else ["null"])]
    allowed = schema.get("enum")
    if isinstance(allowed, list) and None not in allowed:
        schema["enum"] = [*allowed, None]
    log.add("nullable was written as the type null", "add null to type", where)


def _short(value: JsonValue) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
