"""Two schemas for the same value, made one.

Belongs here: the conjunction of schemas where it can be written without
``allOf``. Does not belong here: anything that only strict output needs.
"""

from __future__ import annotations

import json
from typing import Any, cast

from toolace_dagster.llm.schema.subset import ANNOTATIONS

Schema = dict[str, Any]

_LARGEST = frozenset(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"))
_SMALLEST = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"))
_CLOSING = frozenset(("additionalProperties", "patternProperties", "unevaluatedProperties"))


def merged(one: Schema, other: Schema) -> Schema | None:
    """A schema for the values that fit both, or None where there is no plain way to write it.

    Args:
        one: Its annotations win.
        other: The other.
    """
    for mine, yours in ((one, other), (other, one)):
        # What a schema says of "all other" names depends on the names beside it.
        if mine.keys() & _CLOSING and yours.keys() & {"properties", *_CLOSING} and not _same(mine, yours, _CLOSING):
            return None
    result = dict(one)
    for key, value in other.items():
        if key not in result:
            result[key] = value
            continue
        if key in ANNOTATIONS or _text(result[key]) == _text(value):
            continue
        both = _both(key, result[key], value)
        if both is None:
            return None
        result[key] = both
    return result


def types_of(schema: Schema) -> list[str]:
    """The types a schema names; none when it names none."""
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    return [name for name in cast("list[Any]", named) if isinstance(name, str)] if isinstance(named, list) else []


def _both(key: str, mine: Any, yours: Any) -> Any:
    match key:
        case "type":
            return _common_types(types_of({"type": mine}), types_of({"type": yours}))
        case "required":
            return list(dict.fromkeys([*mine, *yours]))
        case "enum":
            allowed = {_text(value) for value in yours}
            return [value for value in mine if _text(value) in allowed] or None
        case "properties":
            return _properties(mine, yours)
        case _ if key in _LARGEST:
            return max(mine, yours)
        case _ if key in _SMALLEST:
            return min(mine, yours)
        case _:
            return None


def _common_types(mine: list[str], yours: list[str]) -> list[str] | str | None:
    common = [name for name in mine if name in yours or (name == "integer" and "number" in yours)]
    common += ["integer"] if "number" in mine and "integer" in yours and "integer" not in common else []
    return common[0] if len(common) == 1 else common or None


def _properties(mine: dict[str, Any], yours: dict[str, Any]) -> dict[str, Any] | None:
    result = dict(mine)
    for name, schema in yours.items():
        held = result.get(name, True)
        if held is True or held == {}:
            result[name] = schema
        elif schema is not True and schema != {}:
            both = merged(held, schema) if isinstance(held, dict) and isinstance(schema, dict) else None  # pyright: ignore[reportUnknownArgumentType]
            if both is None:
                return None
            result[name] = both
    return result


def _same(one: Schema, other: Schema, keys: frozenset[str]) -> bool:
    return all(key in one and key in other and _text(one[key]) == _text(other[key]) for key in keys & one.keys()) and (
        one.get("properties", {}).keys() == other.get("properties", {}).keys()
    )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
