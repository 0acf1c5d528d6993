"""The single values inside a call's arguments, each with its path, its name and its schema.

Belongs here: walking arguments and schema side by side. Does not belong here:
where values come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject, Tool

Scalar = str | int | float | bool
_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value inside arguments.

    Attributes:
        steps: JSON path below the arguments, such as ``.guests[1].name``.
        name: The nearest property name around it.
        value: The value.
        schema: Its schema; empty when there is none.
        required: Whether its parameter has to be given.
    """

    steps: str
    name: str
    value: Scalar
    schema: JsonObject
    required: bool = True


def leaves(arguments: JsonObject, tool: Tool | None) -> Iterator[Leaf]:
    """All single values of a call's arguments in order; nulls are none.

    Args:
        arguments: The arguments.
        tool: The tool, or None when it is not known.
    """
    properties = tool.properties if tool is not None else {}
    required = tool.required if tool is not None else frozenset[str]()
    root = tool.parameters if tool is not None else {}
    for name, value in arguments.items():
        schema = properties.get(name, {})
        if (
            isinstance(value, (str, int, float))
            and "$ref" not in schema
            and "anyOf" not in schema
            and "oneOf" not in schema
        ):
            yield Leaf(step(name), name, value, schema, name in required)
        else:
            yield from _below(value, schema, root, step(name), name, name in required, 0)


def step(name: str) -> str:
    """One step of a JSON path to a property."""
    return f".{name}" if name.isidentifier() else f"[{name!r}]"


def _below(
    value: JsonValue, schema: JsonObject, root: JsonObject, steps: str, name: str, required: bool, depth: int
) -> Iterator[Leaf]:
    if value is None or depth > _DEPTH:
        return
    schema = _resolved(schema, value, root)
    if isinstance(value, dict):
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        more = schema.get("additionalProperties")
        for key, item in value.items():
            inner = known.get(key, more)
            yield from _below(
                item, inner if isinstance(inner, dict) else {}, root, steps + step(key), key, required, depth + 1
            )
    elif isinstance(value, list):
        items = schema.get("items")
        inner = items if isinstance(items, dict) else {}
        if "description" not in inner and "description" in schema:
            inner = {**inner, "description": schema["description"]}
        for place, item in enumerate(value):
            yield from _below(item, inner, root, f"{steps}[{place}]", name, required, depth + 1)
    else:
        yield Leaf(steps, name, value, schema, required)


def _resolved(schema: JsonObject, value: JsonValue, root: JsonObject, depth: int = 0) -> JsonObject:
    """A schema without references and alternatives, as far as they concern a value of this kind."""
    if depth > _DEPTH:
        return {}
    pointer = schema.get("$ref")
    if isinstance(pointer, str) and pointer.startswith("#/"):
        found: JsonValue = root
        for part in pointer[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return _resolved(found, value, root, depth + 1) if isinstance(found, dict) else {}
    for keyword in ("anyOf", "oneOf", "allOf"):
        options = schema.get(keyword)
        if isinstance(options, list) and "type" not in schema:
            branches = [_resolved(option, value, root, depth + 1) for option in options if isinstance(option, dict)]
            if all("const" in branch for branch in branches) and branches:
                return schema
            return next((branch for branch in branches if _may_be(branch, value)), JsonObject())
    return schema


def _may_be(schema: JsonObject, value: JsonValue) -> bool:
    kind = schema.get("type")
    if isinstance(value, dict):
        return kind == "object"
    if isinstance(value, list):
        return kind == "array"
    if isinstance(value, bool):
        return kind == "boolean"
    return kind in ("string", "integer", "number", None)
