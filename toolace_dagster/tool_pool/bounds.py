"""How large the schema of a tool may be, and what is cut from one that is larger.

Belongs here: the limit on size. Does not belong here: the limits on depth
(``keywords``) and on what references expand to (``references``).
"""

from __future__ import annotations

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, canonical_json
from toolace_dagster.tool_pool.keywords import (
    APPLICATORS,
    MAX_DEPTH,
    SCHEMA_LISTS,
    SCHEMA_MAPS,
    SINGLE_SCHEMAS,
)
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable

MAX_SIZE = 40_000
"""Characters a schema may have as JSON: about 10,000 tokens, in every prompt that offers the tool."""

_WORDY = frozenset({"description", "title", "examples", "example", "default", "$comment"})


def bounded(schema: JsonObject, where: str, log: RepairLog) -> JsonObject:
    """Cut a schema that is too large, deepest levels first, texts below the first level last.

    Args:
        schema: A valid schema.
        where: Its name in notes.
        log: Takes what was cut.

    Returns:
        The schema itself when it is small enough, else a smaller one that allows at least the same values.

    Raises:
        Unusable: It is too large even without levels and texts.
    """
    if _fits(schema):
        return schema
    for depth in range(MAX_DEPTH - 1, 0, -1):
        cut = _cut(schema, depth)
        if isinstance(cut, dict) and _fits(cut):
            log.add(
                f"it was larger than {MAX_SIZE:,} characters, so everything below depth {depth} was left out",
                "make the schema smaller",
                where,
            )
            return cut
    cut = _without_texts(_cut(schema, 1), level=0)
    if isinstance(cut, dict) and _fits(cut):
        log.add(
            f"it was larger than {MAX_SIZE:,} characters, so everything below depth 1 and the texts of its "
            "properties were left out",
            "make the schema smaller",
            where,
        )
        return cut
    raise Unusable(f"{where} is larger than {MAX_SIZE:,} characters", "make the schema smaller")


def _fits(schema: JsonObject) -> bool:
    return len(canonical_json(schema)) <= MAX_SIZE


def _cut(schema: JsonValue, depth: int) -> JsonValue:
    if not isinstance(schema, dict):
        return schema
    if depth == 0:
        return {key: value for key, value in schema.items() if key not in APPLICATORS}
    done: JsonObject = {}
    for key, value in schema.items():
        if key in SCHEMA_MAPS and isinstance(value, dict):
            done[key] = {name: _cut(child, depth - 1) for name, child in value.items()}
        elif key in SCHEMA_LISTS and isinstance(value, list):
            done[key] = [_cut(child, depth - 1) for child in value]
        elif key in SINGLE_SCHEMAS:
            done[key] = _cut(value, depth - 1)
        else:
            done[key] = value
    return done


def _without_texts(schema: JsonValue, *, level: int) -> JsonValue:
    if not isinstance(schema, dict):
        return schema
    done: JsonObject = {}
    for key, value in schema.items():
        if key in SCHEMA_MAPS and isinstance(value, dict):
            done[key] = {name: _without_texts(child, level=level + 1) for name, child in value.items()}
        elif level == 0 or key not in _WORDY:
            done[key] = value
    return done
