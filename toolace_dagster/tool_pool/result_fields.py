"""What a tool's result holds, value by value.

Belongs here: walking a result's schema. Does not belong here: what a value can
be passed on to (``dependencies``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.identifiers import types_of
from toolace_dagster.tool_pool.naming import singular, snake

_SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")


@dataclass(frozen=True)
class ResultField:
    """A named value in a result.

    Attributes:
        path: Where it stands, such as ``$.holds[].hold_id``.
        name: Its own name.
        owner: The noun of the object or list it stands in; empty at the top.
        schema: Its schema.
    """

    path: str
    name: str
    owner: str
    schema: JsonObject


def result_fields(schema: JsonObject, path: str = "$", owner: str = "") -> Iterator[ResultField]:
    """Walk through everything a result can hold; schemas are bounded in depth by the normal form."""
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if isinstance(inner, dict):
            here = f"{path}.{name}"
            yield ResultField(_item_path(here, inner), name, owner, inner)
            yield from result_fields(inner, here, singular(snake(name)))
    items = schema.get("items")
    if isinstance(items, dict):
        yield from result_fields(items, f"{path}[]", owner)
    for key in _SAME_VALUE_LISTS:
        branches = schema.get(key)
        for branch in branches if isinstance(branches, list) else ():
            if isinstance(branch, dict):
                yield from result_fields(branch, path, owner)


def _item_path(path: str, schema: JsonObject) -> str:
    items = schema.get("items")
    holds_values = isinstance(items, dict) and bool(types_of(items)) and not types_of(items) & {"object", "array"}
    return f"{path}[]" if "array" in types_of(schema) and holds_values else path
