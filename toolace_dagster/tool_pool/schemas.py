"""One JSON Schema made valid under 2020-12, saying what it said before.

Belongs here: repairs inside a schema whose references are already written out.
Does not belong here: references (``references``), and what a tool's
``parameters`` have to look like as a whole (``normal_form``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs
from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.keywords import (
    APPLICATORS,
    MAX_DEPTH,
    REFERENCES,
    SAME_VALUE,
    SCHEMA_LISTS,
    SCHEMA_MAPS,
    SILENT,
    SINGLE_SCHEMAS,
)
from toolace_dagster.tool_pool.old_keywords import converted, read_types
from toolace_dagster.tool_pool.repairs import RepairLog

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_fault(schema: JsonObject) -> str | None:
    """Say why a schema is not valid JSON Schema 2020-12.

    Args:
        schema: A schema without references; nothing is ever fetched.

    Returns:
        The first fault in one line, None for a valid schema.
    """
    try:
        jsonschema_rs.meta.validate({"$schema": _DIALECT, **schema})
        jsonschema_rs.Draft202012Validator(schema, retriever=_fetch_nothing)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return str(error).strip().split("\n", 1)[0] or "unknown fault"
    return None


def mend_schema(schema: JsonValue, where: str, log: RepairLog) -> JsonObject | bool:
    """Repair one schema and all schemas in it.

    Args:
        schema: What stands where a schema should.
        where: Its path in notes, such as ``parameters``.
        log: Takes what was changed.

    Returns:
        The schema, equal to the input apart from silent keywords when nothing needed repair.
    """
    return _mend(schema, where, log, depth=0, branch=False)


def _mend(schema: JsonValue, where: str, log: RepairLog, *, depth: int, branch: bool) -> JsonObject | bool:
    if isinstance(schema, bool):
        return schema
    if isinstance(schema, str):
        log.add(f"the text {schema[:40]!r} was read as a type", "write a schema object such as {'type': ...}", where)
        schema = {"type": schema}
    if not isinstance(schema, dict):
        log.add("no schema object stood here, so any value is allowed", "write a schema object", where)
        return {}
    schema = {key: value for key, value in schema.items() if key not in SILENT}
    if depth >= MAX_DEPTH and any(key in APPLICATORS or key in REFERENCES for key in schema):
        log.add(f"everything below depth {MAX_DEPTH} was left out", "flatten the schema", where)
        schema = {key: value for key, value in schema.items() if key not in APPLICATORS and key not in REFERENCES}
    schema = converted(schema, where, log)
    schema = read_types(schema, where, log)
    schema = _lift_required(schema, where, log)
    mended: JsonObject = {}
    for key, value in schema.items():
        if key in APPLICATORS:
            kept = _mend_applicator(key, value, where, log, depth)
            if kept is not None:
                mended[key] = kept
        else:
            mended[key] = value
    return _mend_required(_drop_invalid(mended, where, log), where, log, branch=branch)


def _mend_applicator(key: str, value: JsonValue, where: str, log: RepairLog, depth: int) -> JsonValue | None:
    """Repair the schemas under one keyword; None when the keyword has to go."""

    def below(child: JsonValue, place: str) -> JsonValue:
        return _mend(child, f"{where}.{place}", log, depth=depth + 1, branch=key in SAME_VALUE)

    if key in SCHEMA_MAPS and isinstance(value, dict):
        return {
            name: below(child, f"{key}.{name}")
            for name, child in value.items()
            if key != "patternProperties" or _regex_known(name, where, log)
        }
    if key in SCHEMA_LISTS and isinstance(value, list) and value:
        return [below(child, f"{key}[{at}]") for at, child in enumerate(value)]
    if key in SINGLE_SCHEMAS and isinstance(value, (dict, bool)):
        return below(value, key)
    if key == "items" and isinstance(value, str):
        return below(value, key)
    log.add(f"{key} held no schema and was left out", f"give {key} a schema", where)
    return None


def _lift_required(schema: JsonObject, where: str, log: RepairLog) -> JsonObject:
    """Move ``required: true`` of a property (JSON Schema draft 3) to the list of the object."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    flagged = {name: p["required"] for name, p in properties.items() if isinstance(p, dict) and _is_flag(p)}
    if not flagged:
        return schema
    log.add(
        "required stood in the property and was moved to the object", "list required names beside properties", where
    )
    plain: JsonObject = dict(properties)
    for name in flagged:
        inner = properties[name]
        if isinstance(inner, dict):
            plain[name] = {key: value for key, value in inner.items() if key != "required"}
    listed = schema.get("required")
    names: list[JsonValue] = listed if isinstance(listed, list) else []
    return {
        **schema,
        "properties": plain,
        "required": [*names, *(name for name, on in flagged.items() if on is True and name not in names)],
    }


def _is_flag(schema: JsonObject) -> bool:
    return isinstance(schema.get("required"), bool)


def _drop_invalid(schema: JsonObject, where: str, log: RepairLog) -> JsonObject:
    """Leave out keywords whose value the metaschema refuses; ``required`` has its own repair."""
    own = {key: value for key, value in schema.items() if key not in APPLICATORS and key != "required"}
    if _valid_alone(own):
        return schema
    kept: JsonObject = {}
    for key, value in schema.items():
        if key == "enum" and value == []:
            log.add("the empty enum allowed no value and was left out", "list the allowed values", where)
        elif key not in own or _valid_alone({key: value}):
            kept[key] = value
        elif key == "examples":
            kept[key] = [value]
            log.add("examples held a single value, it was put in a list", "write examples as a list", where)
        elif (number := _as_number(value)) is not None and _valid_alone({key: number}):
            kept[key] = number
            log.add(f"{key} was text and was read as a number", f"write {key} as a number", where)
        else:
            log.add(f"{key} had a value JSON Schema does not allow and was left out", f"correct or delete {key}", where)
    return kept


def _valid_alone(keywords: JsonObject) -> bool:
    if keywords.get("enum") == []:
        return False
    if not jsonschema_rs.meta.is_valid({"$schema": _DIALECT, **keywords}):
        return False
    pattern = keywords.get("pattern")
    return not isinstance(pattern, str) or _is_regex(pattern)


def _as_number(value: JsonValue) -> int | float | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    for read in (int, float):
        try:
            number = read(value)
        except ValueError:
            continue
        return number if abs(number) < float("inf") else None
    return None


def _mend_required(schema: JsonObject, where: str, log: RepairLog, *, branch: bool) -> JsonObject:
    if "required" not in schema:
        return schema
    listed = schema["required"]
    if not isinstance(listed, list):
        log.add("required was no list and was left out", "list the required names", where)
        return {key: value for key, value in schema.items() if key != "required"}
    names: list[JsonValue] = list(dict.fromkeys(name for name in listed if isinstance(name, str)))
    if len(names) < len(listed):
        log.add("required listed a name twice or something that is no name", "list each required name once", where)
    # A branch of anyOf and the like may require what the schema around it declares, and a pattern declares
    # names nobody can list.
    if "properties" in schema and not branch and "patternProperties" not in schema:
        declared = _declared(schema)
        unknown = [name for name in names if name not in declared]
        if unknown:
            shown = ", ".join(str(name) for name in unknown)
            log.add(
                f"required named what properties does not have, the name was removed: {shown}",
                "add the property or delete the name",
                where,
            )
            names = [name for name in names if name in declared]
    return schema if names == listed else {**schema, "required": names}


def _declared(schema: JsonObject) -> set[str]:
    """Names of all properties that a schema, or a schema for the same value in it, speaks of."""
    found: set[str] = set()
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            found |= set(value)
        elif key in SAME_VALUE:
            inner = list(value.values()) if key == "dependentSchemas" and isinstance(value, dict) else [value]
            for child in value if isinstance(value, list) else inner:
                found |= _declared(child) if isinstance(child, dict) else set()
    return found


def _regex_known(pattern: str, where: str, log: RepairLog) -> bool:
    if _is_regex(pattern):
        return True
    log.add("a name pattern is no regular expression and was left out", "correct the pattern", where)
    return False


@lru_cache(maxsize=4096)
def _is_regex(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, retriever=_fetch_nothing)
    except ValueError:
        return False
    return True


def _fetch_nothing(uri: str) -> Any:
    raise ValueError(f"{uri} is another document; tool pools fetch nothing")
