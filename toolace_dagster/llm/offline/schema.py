"""Reading JSON Schemas that nobody promised to be tidy.

Belongs here: one plain view of a schema (references followed, alternatives
chosen, a single type), and a check of simple constraints. Does not belong here:
values (``values``), or full validation.
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.llm.offline.patterns import matches
from toolace_dagster.llm.offline.shapes import as_list, as_object, objects_in

Schema = dict[str, Any]
_DEPTH = 8
_INDIRECT = frozenset(("$ref", "allOf", "anyOf", "oneOf"))


def plain(schema: Any, root: Schema | None = None, depth: int = 0) -> Schema:
    """One concrete reading of a schema.

    Args:
        schema: Any JSON Schema, or what stands in its place.
        root: Schema that local references point into.
        depth: How many references and alternatives were followed already.

    Returns:
        A schema with a single ``type``, no ``$ref`` and no alternatives at its top.
    """
    if not isinstance(schema, dict):
        return {"type": "string"}
    known = as_object(schema)
    if isinstance(known.get("type"), str) and _INDIRECT.isdisjoint(known):
        return known
    if depth > _DEPTH:
        return {"type": "string"} if "type" not in known else known | {"type": _one_type(known)}
    if isinstance(known.get("$ref"), str):
        target = _target(known["$ref"], root or {})
        rest = {key: value for key, value in known.items() if key != "$ref"}
        return plain({**target, **rest}, root, depth + 1)
    if isinstance(known.get("allOf"), list) and known["allOf"]:
        merged: Schema = {key: value for key, value in known.items() if key != "allOf"}
        for part in known["allOf"]:
            merged = _merge(merged, plain(part, root, depth + 1))
        return plain(merged, root, depth + 1)
    for word in ("anyOf", "oneOf"):
        options = as_list(known.get(word))
        if options:
            rest = {key: value for key, value in known.items() if key not in ("anyOf", "oneOf")}
            if "properties" in rest and all(isinstance(o, dict) and "type" not in o for o in options):
                return plain(_merge(rest, options[0]), root, depth + 1)
            chosen = next((o for o in objects_in(options) if o.get("type") != "null"), options[0])
            return plain(_merge(rest, plain(chosen, root, depth + 1)), root, depth + 1)
    return known if isinstance(known.get("type"), str) else known | {"type": _one_type(known)}


def properties(schema: Schema) -> dict[str, Any]:
    """The properties of an object schema; empty when it has none."""
    return as_object(schema.get("properties"))


def required(schema: Schema) -> list[str]:
    """Names an object must have."""
    return [name for name in as_list(schema.get("required")) if isinstance(name, str)]


def fits(value: Any, schema: Any, root: Schema | None = None, depth: int = 0) -> bool:
    """Whether a value satisfies the constraints that matter here, over all alternatives."""
    if not isinstance(schema, dict) or depth > _DEPTH:
        return True
    known = as_object(schema)
    if isinstance(known.get("type"), str) and _INDIRECT.isdisjoint(known):
        return _fits_plainly(value, known, root, depth, declared=True)
    for word in ("anyOf", "oneOf"):
        options = as_list(known.get(word))
        if options:
            return any(fits(value, option, root, depth + 1) for option in options)
    types = as_list(known.get("type"))
    if types:
        return any(fits(value, known | {"type": name}, root, depth + 1) for name in types)
    declared = "type" in known or "$ref" in known or "allOf" in known
    return _fits_plainly(value, plain(known, root), root, depth, declared=declared)


def _fits_plainly(value: Any, view: Schema, root: Schema | None, depth: int, *, declared: bool) -> bool:
    if "const" in view and value != view["const"]:
        return False
    if isinstance(view.get("enum"), list) and not any(value == v and type(value) is type(v) for v in view["enum"]):
        return False
    return (not declared or _type_fits(value, view["type"])) and _details_fit(value, view, root, depth)


def _type_fits(value: Any, name: str) -> bool:
    match name:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "null":
            return value is None
        case _:
            return True


def _details_fit(value: Any, view: Schema, root: Schema | None, depth: int) -> bool:
    if isinstance(value, str):
        pattern = view.get("pattern")
        return (
            len(value) >= _number(view.get("minLength"), 0)
            and len(value) <= _number(view.get("maxLength"), 10**9)
            and (not isinstance(pattern, str) or matches(pattern, value))
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(view.get("minimum"), -1e300) <= value <= _number(view.get("maximum"), 1e300)
    if isinstance(value, list):
        items = as_list(value)
        return (
            _number(view.get("minItems"), 0) <= len(items) <= _number(view.get("maxItems"), 10**9)
            and all(fits(item, view["items"], root, depth + 1) for item in items)
            if isinstance(view.get("items"), dict)
            else True
        )
    if isinstance(value, dict):
        fields = as_object(value)
        known = properties(view)
        if any(name not in fields for name in required(view)):
            return False
        if view.get("additionalProperties") is False and any(name not in known for name in fields):
            return False
        return all(fits(part, known[name], root, depth + 1) for name, part in fields.items() if name in known)
    return True


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _target(reference: str, root: Schema) -> Schema:
    node: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        node = as_object(node).get(key)
    return as_object(node) or {"type": "string"}


def _merge(first: Schema, second: Any) -> Schema:
    if not isinstance(second, dict):
        return first
    other = as_object(second)
    merged = {**other, **first}
    if "properties" in first and "properties" in other:
        merged["properties"] = {**properties(other), **properties(first)}
    if "required" in first and "required" in other:
        merged["required"] = list(dict.fromkeys([*required(other), *required(first)]))
    return merged


def _one_type(schema: Schema) -> str:
    listed = schema.get("type")
    if isinstance(listed, str):
        return listed
    if isinstance(listed, list):
        names = [name for name in as_list(listed) if isinstance(name, str)]
        return next((name for name in names if name != "null"), names[0] if names else "string")
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    samples: Any = schema.get("enum") or [schema.get("const", schema.get("default"))]
    sample: Any = next(iter(as_list(samples)), None)
    if isinstance(sample, bool):
        return "boolean"
    if isinstance(sample, int):
        return "integer"
    if isinstance(sample, float):
        return "number"
    if isinstance(sample, dict):
        return "object"
    if isinstance(sample, list):
        return "array"
    return "integer" if "minimum" in schema or "maximum" in schema else "string"
