"""What the types in a JSON Schema are called, such as ``dict`` where JSON Schema says ``object``.

Names of parameters and values stand in a schema where keywords do: a parameter may be
called ``type`` or ``default``, and a default may be an object with a ``type``.

Belongs here: telling schemas from names and values, and spelling types otherwise. Does
not belong here: which words a format uses (``formats``, ``checking``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

_VALUES = frozenset({"default", "enum", "const", "examples", "example"})
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})


def respelled(schema: Any, words: Mapping[str, str]) -> Any:
    """The schema with its types in other words.

    Args:
        schema: A schema of anybody, or anything.
        words: The new word for each type that is to change.

    Returns:
        The same schema otherwise; names of parameters, defaults and the like stay.
    """
    if isinstance(schema, list):
        return [respelled(each, words) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    return {key: _respelled_value(key, value, words) for key, value in cast("dict[str, Any]", schema).items()}


def _respelled_value(key: str, value: Any, words: Mapping[str, str]) -> Any:
    if key in _VALUES:
        return value
    if key in _BY_NAME and isinstance(value, dict):
        return {name: respelled(held, words) for name, held in cast("dict[str, Any]", value).items()}
    if key == "type" and isinstance(value, str):
        return words.get(value, value)
    if key == "type" and isinstance(value, list):
        return [_respelled_value("type", each, words) for each in cast("list[Any]", value)]
    return respelled(value, words)


def types_in(schema: Any) -> Iterator[str]:
    """Each type that is named anywhere in a schema, in the words it uses."""
    if isinstance(schema, list):
        for each in cast("list[Any]", schema):
            yield from types_in(each)
    elif isinstance(schema, dict):
        for key, value in cast("dict[str, Any]", schema).items():
            if key == "type" and isinstance(value, str | list):
                kinds = cast("list[Any]", value) if isinstance(value, list) else [value]
                yield from (kind for kind in kinds if isinstance(kind, str))
            elif key in _BY_NAME and isinstance(value, dict):
                yield from types_in([*cast("dict[str, Any]", value).values()])
            elif key not in _VALUES:
                yield from types_in(value)
