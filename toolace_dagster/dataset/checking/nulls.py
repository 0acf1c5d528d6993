"""Nulls that a loader padded arguments with.

A table of Arrow gives every object the keys of all objects of its column, with null
where it had none, and a trainer then learns calls that nobody made. Such a null is told
from one that was meant by the tool's schema.

Belongs here: finding them. Does not belong here: whether arguments are valid otherwise
(``checklist``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from toolace_dagster.llm.schema.reading import resolved

Schema = dict[str, Any]


def undeclared_nulls(value: Any, schema: Any) -> Iterator[tuple[str, bool]]:
    """Find nulls under keys that the schema does not have.

    Args:
        value: The arguments.
        schema: The tool's parameters.

    Yields:
        Where such a null stands, such as ``near.symbol``, and whether the schema says in so many words that there
        can be keys besides its own.
    """
    root = cast("Schema", schema) if isinstance(schema, dict) else {}
    open_values: list[tuple[tuple[str, ...], Any, Any]] = [((), value, schema)]
    while open_values:
        path, given, of = open_values.pop()
        parts = list(_parts(of, root))
        if isinstance(given, list):
            items = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
            open_values += [(path, item, {"anyOf": items}) for item in cast("list[Any]", given)]
        elif isinstance(given, dict):
            declared: dict[str, list[Any]] = {}
            for part in parts:
                if isinstance(part.get("properties"), dict):
                    for key, schema_of_key in part["properties"].items():
                        declared.setdefault(key, []).append(schema_of_key)
            free = any(part.get("additionalProperties") or part.get("patternProperties") for part in parts)
            for key, held in cast("dict[str, Any]", given).items():
                if key in declared:
                    open_values.append(((*path, key), held, {"anyOf": declared[key]}))
                elif held is None and (declared or not path):
                    yield ".".join((*path, key)), free


def _parts(schema: Any, root: Schema) -> Iterator[Schema]:
    """A schema and the schemas it is put together of, at the same place."""
    open_schemas, seen = [schema], set[int]()
    while open_schemas:
        each: Any = open_schemas.pop()
        if not isinstance(each, dict) or id(each) in seen:  # pyright: ignore[reportUnknownArgumentType]
            continue
        seen.add(id(each))  # pyright: ignore[reportUnknownArgumentType]
        part = cast("Schema", each)
        yield part
        for key in ("allOf", "anyOf", "oneOf"):
            if isinstance(part.get(key), list):
                open_schemas += part[key]
        if isinstance(part.get("$ref"), str):
            open_schemas.append(resolved(root, part["$ref"]))
