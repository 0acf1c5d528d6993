"""A checker of strict structured output's rules, written from the API's documentation and not from the converter.

Belongs here: what an endpoint that enforces the subset refuses, worded as such an
endpoint words it. Does not belong here: anything of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
ALLOWED = {
    "string": {"enum", "pattern", "format"},
    "number": {"enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"},
    "integer": {"enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"},
    "boolean": {"enum"},
    "null": set[str](),
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
}


def refusal(schema: dict[str, Any]) -> str | None:
    """Why the schema is refused, or None."""
    return next(_refusals(schema), None)


def _refusals(root: dict[str, Any]) -> Iterator[str]:
    if root.get("type") != "object":
        yield "schema must be a JSON Schema of 'type: \"object\"'"
    counts = {"properties": 0, "enum": 0, "strings": 0}
    yield from _part({k: v for k, v in root.items() if k != "$defs"}, root, (), 0, counts)
    for name, part in root.get("$defs", {}).items():
        counts["strings"] += len(name)
        yield from _part(part, root, ("$defs", name), 0, counts)
    for what, most in (("properties", 5000), ("enum", 1000), ("strings", 120_000)):
        if counts[what] > most:
            yield f"{counts[what]} {what} exceed the limit of {most}"


def _part(part: Any, root: dict[str, Any], path: tuple[str, ...], depth: int, counts: dict[str, int]) -> Iterator[str]:
    where = f"In context={path}"
    if not isinstance(part, dict):
        yield f"{where}, {part!r} is no schema object"
    elif "$ref" in part:
        if set(part) != {"$ref"}:
            yield f"{where}, $ref cannot have keywords {set(part) - {'$ref'}}"
        elif part["$ref"].removeprefix("#/$defs/") not in root.get("$defs", {}):
            yield f"{where}, reference can not be resolved"
    elif "anyOf" in part:
        if not path or set(part) - {"description"} != {"anyOf"} or not part["anyOf"]:
            yield f"{where}, anyOf may not stand at the root, nor beside anything"
        yield from _alternatives([_target(option, root) for option in part["anyOf"]], where)
        for number, option in enumerate(part["anyOf"]):
            yield from _part(option, root, (*path, "anyOf", str(number)), depth, counts)
    elif part.get("type") not in ALLOWED:
        yield f"{where}, schema must have a 'type' key"
    else:
        yield from _words(part, where, counts)
        yield from _nested(part, root, path, depth, counts)


def _words(part: dict[str, Any], where: str, counts: dict[str, int]) -> Iterator[str]:
    kind = part["type"]
    for word in sorted(set(part) - ALLOWED[kind] - {"type", "description"}):
        yield f"{where}, '{word}' is not permitted"
    if part.get("format", "date") not in FORMATS:
        yield f"{where}, {part['format']!r} is not a valid format"
    if "enum" in part:
        strings = [value for value in part["enum"] if isinstance(value, str)]
        counts["enum"] += len(part["enum"])
        counts["strings"] += sum(map(len, strings))
        if not part["enum"] or (len(strings) > 250 and sum(map(len, strings)) > 15_000):
            yield f"{where}, enum has {len(part['enum'])} values"
        allowed = {"string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,)}[kind]
        if not all(type(value) in allowed for value in part["enum"]):
            yield f"{where}, enum values do not validate against {kind}"


def _nested(
    part: dict[str, Any], root: dict[str, Any], path: tuple[str, ...], depth: int, counts: dict[str, int]
) -> Iterator[str]:
    where = f"In context={path}"
    if part["type"] in ("object", "array") and depth == 10:
        yield "11 levels of nesting exceeds limit of 10"
    if part["type"] == "array":
        yield from _part(part.get("items"), root, (*path, "items"), depth + 1, counts)
    if part["type"] == "object":
        properties = part.get("properties")
        if not isinstance(properties, dict) or part.get("additionalProperties") is not False:
            yield f"{where}, 'additionalProperties' is required to be supplied and to be false"
            return
        if sorted(part.get("required", [])) != sorted(properties):
            yield f"{where}, 'required' must include every key in properties"
        for name, inner in properties.items():
            counts["properties"] += 1
            counts["strings"] += len(name)
            yield from _part(inner, root, (*path, "properties", name), depth + 1, counts)


def _alternatives(options: list[Any], where: str) -> Iterator[str]:
    """Objects among alternatives need first keys that tell them apart, by name or by constants."""
    objects = [option for option in options if option.get("type") == "object"]
    firsts = [next(iter(option["properties"]), None) for option in objects]
    for key in {first for first in firsts if firsts.count(first) > 1}:
        shared = [option for option, first in zip(objects, firsts, strict=True) if first == key]
        constants = [option["properties"][key].get("enum") for option in shared] if key is not None else [None]
        values = [value for listed in constants if listed for value in listed]
        if None in constants or len(values) != len(set(values)):
            yield f"{where}, objects provided via 'anyOf' must not share identical first keys"
    for first, option in zip(firsts, objects, strict=True):
        if first is not None and option["required"][0] != first:
            yield f"{where}, the first key is not the first required one"


def _target(option: dict[str, Any], root: dict[str, Any]) -> Any:
    while "$ref" in option:
        option = root["$defs"][option["$ref"].removeprefix("#/$defs/")]
    return option
