"""Conversion to the strict subset: what comes out is accepted, and values find their way there and back."""

from __future__ import annotations

import json
import string
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.llm.strict_subset import refusal
from toolace_dagster.llm.schema import NotExpressible, may_be_strict_form, to_strict
from toolace_dagster.llm.schema.subset import is_portable

Schema = dict[str, Any]
Pair = tuple[Schema, st.SearchStrategy[Any]]
"""A schema and its values."""

TREE: Schema = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "left": {"$ref": "#/$defs/tree"},
        "more": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
    },
    "required": ["label"],
    "additionalProperties": False,
}
TREES: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries({"label": st.text(max_size=3)}),
    lambda inner: st.fixed_dictionaries(
        {"label": st.text(max_size=3)}, optional={"left": inner, "more": st.lists(inner, max_size=2)}
    ),
    max_leaves=4,
)
NAMES = st.sampled_from(
    ["city", "day", "json_text", "absent", "variant", "value", "key", "other_properties", "a/b", "ü"]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(string.ascii_letters, max_size=3))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(SCALARS, st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=2)),
    max_leaves=5,
)
LEAVES: list[Pair] = [
    ({"type": "string"}, st.text(max_size=4)),
    ({"type": "string", "minLength": 2, "maxLength": 4, "title": "T"}, st.text(min_size=2, max_size=4)),
    ({"type": "string", "pattern": "^[A-Z]{2}-\\d$"}, st.from_regex(r"\A[A-Z]{2}-[0-9]\Z")),
    ({"type": "string", "pattern": "(?=a)a+"}, st.just("aa")),
    ({"type": "string", "format": "date"}, st.dates().map(str)),
    ({"type": "string", "format": "uri"}, st.just("http://x.test/")),
    ({"type": "integer", "minimum": 1, "exclusiveMaximum": 9}, st.integers(1, 8)),
    ({"type": "number", "multipleOf": 0.5, "default": 1}, st.integers(-9, 9).map(lambda n: n / 2)),
    ({"type": "boolean"}, st.booleans()),
    ({"type": "null"}, st.none()),
    ({"type": ["string", "null"], "maxLength": 3}, st.none() | st.text(max_size=3)),
    ({"type": ["integer", "array", "object"], "minimum": 0}, st.integers(0, 5) | st.lists(JSON, max_size=1)),
    ({"const": 5}, st.just(5)),
    ({"enum": ["x", 1, None, True, 2.5]}, st.sampled_from(["x", 1, None, True, 2.5])),
    ({"enum": [{"a": 1}, [1], "y"]}, st.sampled_from([{"a": 1}, [1], "y"])),
    ({"type": "string", "enum": ["m", "n"]}, st.sampled_from("mn")),
    ({}, JSON),
    ({"type": "object"}, st.dictionaries(NAMES, JSON, max_size=2)),
    ({"type": "object", "additionalProperties": {"$ref": "#/$defs/any"}}, st.dictionaries(NAMES, JSON, max_size=2)),
    ({"type": "array", "uniqueItems": True}, st.lists(st.integers(), max_size=2, unique=True)),
    ({"type": "object", "properties": {}}, st.just({})),
    ({"$ref": "#/$defs/tree"}, TREES),
    ({"$ref": "#/$defs/tree", "description": "beside"}, TREES),
]


@st.composite
def pairs(draw: st.DrawFn, depth: int = 3) -> Pair:
    """Any schema of ours, and its values."""
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(LEAVES))
    match draw(st.sampled_from(["array", "object", "object", "map", "anyOf", "oneOf", "allOf"])):
        case "array":
            item, values = draw(pairs(depth - 1))
            low = draw(st.integers(0, 1))
            return {"type": "array", "items": item, "minItems": low, "maxItems": 3, "contains": True}, st.lists(
                values, min_size=max(low, 1), max_size=3
            )
        case "map":
            inner, values = draw(pairs(depth - 1))
            return {"type": "object", "additionalProperties": inner}, st.dictionaries(NAMES, values, max_size=2)
        case "object":
            return draw(objects(depth))
        case "allOf":
            (one, of_one), (other, of_other) = draw(objects(depth, "a_")), draw(objects(depth, "b_"))
            return {"allOf": [one, other]}, st.tuples(of_one, of_other).map(lambda two: two[0] | two[1])
        case word:
            options = draw(st.lists(pairs(depth - 1), min_size=1, max_size=3))
            beside = draw(st.sampled_from([{}, {"description": "either"}]))
            return {word: [schema for schema, _ in options], **beside}, st.one_of([values for _, values in options])


@st.composite
def objects(draw: st.DrawFn, depth: int, prefix: str = "") -> Pair:
    """An object with named properties."""
    named = draw(st.dictionaries(NAMES.map(lambda name: prefix + name), pairs(depth - 1), max_size=3))
    required = [name for name in named if draw(st.booleans())]
    schema: Schema = {
        "type": "object",
        "properties": {name: inner for name, (inner, _) in named.items()},
        "required": required,
        "minProperties": 0,
        "description": "an object",
    }
    values: st.SearchStrategy[Any] = st.fixed_dictionaries(
        {name: named[name][1] for name in required},
        optional={name: inner for name, (_, inner) in named.items() if name not in required},
    )
    more = draw(st.sampled_from(["unsaid", "closed", "open", "typed"])) if not prefix else "unsaid"
    if more == "closed":
        schema["additionalProperties"] = False
    elif more != "unsaid":
        schema["additionalProperties"] = True if more == "open" else {"type": "integer"}
        extra = st.dictionaries(st.sampled_from(["x-1", "x-2"]), st.integers(), max_size=2)
        values = st.tuples(values, extra).map(lambda two: two[0] | two[1])
    return schema, values


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_values_find_their_way_there_and_back(data: st.DataObject) -> None:
    part, values = data.draw(pairs())
    schema: Schema = {
        "type": "object",
        "properties": {"it": part},
        "required": ["it"],
        "$defs": {"tree": TREE, "any": {}},
    }
    value = {"it": data.draw(values)}
    assume(jsonschema_rs.is_valid(schema, value))
    for bare in (False, True):
        strict = to_strict(schema, bare=bare)
        assert refusal(strict.schema) is None
        encoded = strict.encode(value)
        jsonschema_rs.Draft202012Validator(strict.schema, validate_formats=True).validate(encoded)
        assert dumped(strict.restore(encoded)) == dumped(value)
        # What is not looked at closer must be what restoring would leave alone.
        assert may_be_strict_form(json.dumps(encoded)) or dumped(encoded) == dumped(value)


@given(st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_can_be_restored(data: st.DataObject) -> None:
    """A model writes what it likes where the schema is not enforced."""
    part, _ = data.draw(pairs())
    strict = to_strict({"type": "object", "properties": {"it": part}, "$defs": {"tree": TREE, "any": {}}})
    written = data.draw(JSON | st.fixed_dictionaries({"it": JSON}))
    json.dumps(strict.restore(written))


def dumped(value: Any) -> str:
    """A value as text, so that 1, 1.0 and true are three values."""
    return json.dumps(value, sort_keys=True)


def call(name: str, **parameters: Any) -> Schema:
    return {
        "type": "object",
        "properties": {"arguments": {"type": "object", "properties": parameters}, "name": {"const": name}},
        "required": ["name", "arguments"],
    }


def test_alternatives_are_told_apart_by_a_constant() -> None:
    calls = {"anyOf": [call("find", city={"type": "string"}), call("book", city={"type": "string"})]}
    strict = to_strict({"type": "object", "properties": {"call": calls}, "required": ["call"]})
    assert refusal(strict.schema) is None
    branches = strict.schema["properties"]["call"]["anyOf"]
    assert [list(branch["properties"]) for branch in branches] == [["name", "arguments"]] * 2
    assert [branch["properties"]["name"]["enum"] for branch in branches] == [["find"], ["book"]]


def test_null_stands_for_absent_only_where_it_says_nothing_else() -> None:
    schema = {
        "type": "object",
        "properties": {
            "plain": {"type": "string"},
            "nullable": {"type": ["string", "null"]},
            "defaulted": {"type": ["string", "null"], "default": None},
            "needed": {"type": ["string", "null"]},
        },
        "required": ["needed"],
    }
    strict = to_strict(schema)
    absent = {"plain": None, "nullable": {"absent": True}, "defaulted": None, "needed": None}
    assert strict.encode({"needed": None}) == absent
    assert strict.restore(absent) == {"needed": None}
    assert strict.restore({**absent, "nullable": None}) == {"needed": None, "nullable": None}
    assert strict.restore({"needed": "x"}) == {"needed": "x"}, "and what is no strict form stays"


def test_what_is_left_out_is_said() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "pattern": "(?i)x"},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        },
        "required": ["name"],
        "dependentRequired": {"name": ["tags"]},
        "not": {"required": ["no"]},
    }
    strict = to_strict(schema)
    assert set(strict.left_out) == {
        "the root: dependentRequired",
        "the root: not",
        "name: minLength",
        "name: pattern",
        "tags: uniqueItems",
    }
    assert strict.narrowed == ("the root: other properties",)
    assert to_strict({"type": "object", "properties": {}, "additionalProperties": False}).narrowed == ()


def test_order_and_descriptions_stay() -> None:
    schema = {
        "type": "object",
        "properties": {"z": {"type": "string", "description": "last letter"}, "a": {"type": "integer"}},
        "required": ["a"],
        "description": "letters",
    }
    strict = to_strict(schema).schema
    assert list(strict["properties"]) == strict["required"] == ["z", "a"]
    assert strict["description"] == "letters"
    assert "last letter" in json.dumps(strict)


def test_too_many_enum_values_are_left_out_longest_first() -> None:
    long, short = [f"v{number}" for number in range(990)], list("abcdefghijk")
    schema = {"type": "object", "properties": {"long": {"enum": long}, "short": {"enum": short}}}
    strict = to_strict(schema)
    assert refusal(strict.schema) is None
    assert strict.left_out == ("long: enum of 990 values",)
    assert strict.encode({"long": "v1", "short": "b"}) == {"long": "v1", "short": "b"}


def test_long_constants_have_a_budget() -> None:
    schema = {"type": "object", "properties": {"x": {"enum": [f"{number:080}" for number in range(251)]}}}
    assert refusal(to_strict(schema).schema) is None


def test_deep_parts_become_text() -> None:
    schema: Schema = {"type": "string"}
    value: Any = "x"
    for _ in range(14):
        schema = {"type": "object", "properties": {"in": schema}, "required": ["in"]}
        value = {"in": value}
    strict = to_strict(schema)
    assert refusal(strict.schema) is None
    assert strict.restore(strict.encode(value)) == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"anyOf": [{"type": "object", "properties": {}}, {"type": "string"}]},
        {"type": "object"},
        {"type": "object", "properties": {"a": False}, "required": ["a"]},
        {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(5001)}},
        {"type": "object", "properties": {"p" * 120_001: {"type": "string"}}},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/a", "minimum": 1}},
            "$defs": {"a": {"$ref": "#/$defs/a", "maximum": 2}},
        },
    ],
    ids=["list", "root_union", "free", "impossible", "too_many", "too_long", "endless"],
)
def test_what_is_not_expressible_is_refused(schema: Schema) -> None:
    with pytest.raises(NotExpressible):
        to_strict(schema)


def test_references_are_followed_within_the_document_only() -> None:
    schema = {
        "type": "object",
        "properties": {
            "near": {"$ref": "#/$defs/a~1b"},
            "far": {"$ref": "https://x.test/s"},
            "lost": {"$ref": "#/$defs/none"},
            "round": {"$ref": "#/$defs/one"},
        },
        "required": ["near", "far", "lost", "round"],
        "$defs": {"a/b": {"type": "integer"}, "one": {"$ref": "#/$defs/two"}, "two": {"$ref": "#/$defs/one"}},
    }
    strict = to_strict(schema)
    assert refusal(strict.schema) is None
    assert strict.schema["properties"]["near"] == {"type": "integer"}
    assert {"far: $ref https://x.test/s", "lost: $ref #/$defs/none"} <= set(strict.left_out)
    value = {"near": 1, "far": [1], "lost": {"a": 1}, "round": "x"}
    assert strict.restore(strict.encode(value)) == value


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        (r"^[A-Z]{2}-\d{4}$", True),
        (r"^(?:a|b)+$", True),
        (r"[A-Z]", False),
        (r"^(?=x)y$", False),
        (r"^a+?$", False),
        (r"^(a)\1$", False),
    ],
)
def test_only_portable_patterns_are_kept(pattern: str, kept: bool) -> None:
    assert is_portable(pattern) == kept
