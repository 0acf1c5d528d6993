"""A slow, plain reading of schemas in the dialect they are written in, to hold the importers against.

It follows references where they stand, knows the type words of BFCL and what
OpenAPI 3.0 means by its own keywords, and shares no code with the package.
"""

from __future__ import annotations

import random
import re
from typing import Any

WORDS = {
    "dict": "object", "HashMap": "object", "Hashtable": "object", "tuple": "array", "Array": "array", "list": "array",
    "ArrayList": "array", "float": "number", "double": "number", "long": "integer", "String": "string",
    "char": "string", "Boolean": "boolean",
}  # fmt: skip
PLAIN = {"object", "array", "string", "number", "integer", "boolean", "null"}


class Checker:
    """Says whether a schema allows a value, as the document it stands in means it."""

    def __init__(self, document: Any, *, openapi_30: bool = False) -> None:
        self._document = document
        self._openapi_30 = openapi_30

    def resolved(self, schema: Any) -> Any:
        for _ in range(50):
            if not isinstance(schema, dict) or "$ref" not in schema:
                return schema
            beside = {} if self._openapi_30 else {key: value for key, value in schema.items() if key != "$ref"}
            target = self.target(schema["$ref"])
            schema = {"allOf": [target], **beside} if beside else target
        return schema

    def target(self, reference: str) -> Any:
        here = self._document
        for step in reference.removeprefix("#").split("/")[1:]:
            here = here[step.replace("~1", "/").replace("~0", "~")]
        return here

    def allows(self, schema: Any, value: Any) -> bool:
        schema = self.resolved(schema)
        if isinstance(schema, bool):
            return schema
        assert isinstance(schema, dict), schema
        return (
            self._type(schema, value)
            and self._values(schema, value)
            and self._numbers(schema, value)
            and self._texts(schema, value)
            and self._lists(schema, value)
            and self._objects(schema, value)
            and self._branches(schema, value)
        )

    def _type(self, schema: dict[str, Any], value: Any) -> bool:
        given = schema.get("type")
        words = given if isinstance(given, list) else [given]
        types = [WORDS.get(str(word), str(word)) for word in words]
        if self._openapi_30 and schema.get("nullable") is True and given is not None:
            types.append("null")
        if not all(word in PLAIN for word in types):
            return True
        return any(is_of(value, word) for word in types)

    def _values(self, schema: dict[str, Any], value: Any) -> bool:
        allowed = schema.get("enum")
        if self._openapi_30 and value is None and schema.get("nullable") is True:
            return True
        if allowed and not any(same(value, each) for each in allowed):
            return False
        return "const" not in schema or same(value, schema["const"])

    def _numbers(self, schema: dict[str, Any], value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return True
        for key, exclusive, sign in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
            bound, over = schema.get(key), schema.get(exclusive)
            if bound is not None and (sign * value < sign * bound or (over is True and value == bound)):
                return False
            if isinstance(over, (int, float)) and not isinstance(over, bool) and sign * value <= sign * over:
                return False
        return True

    def _texts(self, schema: dict[str, Any], value: Any) -> bool:
        if not isinstance(value, str):
            return True
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9):
            return False
        return "pattern" not in schema or re.search(schema["pattern"], value) is not None

    def _lists(self, schema: dict[str, Any], value: Any) -> bool:
        if not isinstance(value, list):
            return True
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9):
            return False
        if schema.get("uniqueItems") and any(same(a, b) for i, a in enumerate(value) for b in value[:i]):
            return False
        first = schema.get("prefixItems", [])
        if not all(self.allows(inner, item) for inner, item in zip(first, value, strict=False)):
            return False
        rest = schema.get("items", True)
        return all(self.allows(rest, item) for item in value[len(first) :])

    def _objects(self, schema: dict[str, Any], value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        if not all(name in value for name in schema.get("required", [])):
            return False
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 10**9):
            return False
        known = schema.get("properties", {})
        extra = schema.get("additionalProperties", True)
        return all(self.allows(known.get(name, extra), inner) for name, inner in value.items())

    def _branches(self, schema: dict[str, Any], value: Any) -> bool:
        if not all(self.allows(each, value) for each in schema.get("allOf", [])):
            return False
        if "anyOf" in schema and not any(self.allows(each, value) for each in schema["anyOf"]):
            return False
        if "oneOf" in schema and sum(self.allows(each, value) for each in schema["oneOf"]) != 1:
            return False
        return "not" not in schema or not self.allows(schema["not"], value)


def is_of(value: Any, word: str) -> bool:
    if isinstance(value, bool):
        return word == "boolean"
    if word == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if word == "number":
        return isinstance(value, (int, float))
    return isinstance(value, {"object": dict, "array": list, "string": str, "null": type(None)}.get(word, ()))


def same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other


SOMETHING: list[Any] = [None, True, 0, -1, 3, 2.5, "", "a", "2024-05-01", [], ["a"], [1, 2], {}, {"a": 1}]


def made_for(schema: Any, checker: Checker, rng: random.Random, depth: int = 0) -> Any:
    """A value that mostly fits a schema, now and then spoiled somewhere."""
    schema = checker.resolved(schema)
    if isinstance(schema, bool) or rng.random() < 0.08:
        return rng.choice(SOMETHING)
    if schema.get("enum") and rng.random() < 0.9:
        return rng.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    for key in ("oneOf", "anyOf"):
        if schema.get(key):
            return made_for(rng.choice(schema[key]), checker, rng, depth)
    if schema.get("allOf"):
        parts = [made_for(each, checker, rng, depth) for each in schema["allOf"]]
        parts.append(made_for({**schema, "allOf": []}, checker, rng, depth))
        objects = [part for part in parts if isinstance(part, dict)]
        return {key: value for part in objects for key, value in part.items()} if objects else parts[0]
    given = schema.get("type")
    if given is None and "properties" in schema:
        given = "object"
    words = given if isinstance(given, list) else [given]
    if schema.get("nullable") and rng.random() < 0.2:
        return None
    return _of_type(WORDS.get(str(rng.choice(words)), str(rng.choice(words))), schema, checker, rng, depth)


def _of_type(word: str, schema: dict[str, Any], checker: Checker, rng: random.Random, depth: int) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    low = low if isinstance(low, (int, float)) and not isinstance(low, bool) else 0
    if word in ("integer", "number"):
        return rng.choice([low, low + 1, low - 1, low + rng.randint(0, 200), low + 0.5, float(low + 2)])
    if word == "string":
        return rng.choice(["", "a", "b" * max(1, schema.get("minLength", 1)), "2024-05-01", "x y", "z" * 300])
    if word == "boolean":
        return rng.random() < 0.5
    if word == "array":
        count = rng.choice([0, 1, 2, schema.get("minItems", 1)]) if depth < 12 else 0
        first = schema.get("prefixItems", [])
        items = [made_for(each, checker, rng, depth + 1) for each in first]
        return items + [made_for(schema.get("items", True), checker, rng, depth + 1) for _ in range(count)]
    if word == "object":
        return _object(schema, checker, rng, depth)
    return rng.choice(SOMETHING)


def _object(schema: dict[str, Any], checker: Checker, rng: random.Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    needed = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        wanted = 0.95 if name in needed else (0.6 if depth < 8 else 0)
        if rng.random() < wanted:
            made[name] = made_for(inner, checker, rng, depth + 1)
    if rng.random() < 0.15:
        extra = schema.get("additionalProperties", True)
        made["more"] = made_for(extra, checker, rng, depth + 1)
    return made
