"""What becomes of one entry: kept as it is, repaired with a reason, or rejected with a reason."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from tests.tool_pool.pools import ImportOne
from toolace_dagster.entities import TOOL_NAME, Tool
from toolace_dagster.tool_pool.bounds import MAX_SIZE
from toolace_dagster.tool_pool.keywords import MAX_DEPTH
from toolace_dagster.tool_pool.normal_form import portable_name


def entry(parameters: Any, **more: Any) -> dict[str, Any]:
    return {"name": "t", "description": "d", "parameters": parameters, **more}


def with_property(schema: Any) -> dict[str, Any]:
    return entry({"type": "object", "properties": {"p": schema}})


def repaired(import_one: ImportOne, given: Any) -> tuple[Tool, str]:
    tool, note = import_one(given)
    assert tool is not None, note
    assert note.status == "repaired"
    assert note.reason
    assert note.mend
    jsonschema_rs.Draft202012Validator(tool.parameters)
    return tool, note.reason


UNTOUCHED: list[dict[str, Any]] = [
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {"a": {"type": ["string", "null"], "examples": ["x"], "title": "A"}}},
    {"type": "object", "properties": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}}},
    {"type": "object", "properties": {"$ref": {"type": "string"}, "type": {"const": {"$ref": "http://a.invalid"}}}},
    {
        "type": "object",
        "properties": {"a": True, "b": {"x-unit": "m", "pattern": "^(?!x)[0-9]+$"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "additionalProperties": False,
    },
    {"type": "object", "properties": {}, "patternProperties": {"^x": {}}, "required": ["xy"]},
    {"type": "object", "properties": {"a": {}}, "allOf": [{"properties": {"b": {}}}], "required": ["a", "b"]},
]


@pytest.mark.parametrize("schema", UNTOUCHED, ids=str)
def test_valid_schema_is_kept_to_the_byte(schema: dict[str, Any], import_one: ImportOne) -> None:
    tool, note = import_one(entry(schema))

    assert tool is not None
    assert note.status == "accepted"
    assert not note.reason
    assert not note.mend
    assert json.dumps(tool.parameters) == json.dumps(schema)


def test_silent_keywords_are_no_repair(import_one: ImportOne) -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "x", "type": "object", "properties": {}}

    tool, note = import_one(entry({**schema, "$defs": {"Unused": {"type": "dict"}}}))

    assert tool is not None
    assert note.status == "accepted"
    assert tool.parameters == {"type": "object", "properties": {}}


REPAIRS: dict[str, tuple[Any, Any, str]] = {
    "type word dict": ({"type": "dict"}, {"type": "object"}, "'dict' was read as 'object'"),
    "type word float": ({"type": "float"}, {"type": "number"}, "'float'"),
    "type word NUMBER": ({"type": "NUMBER"}, {"type": "number"}, "'NUMBER'"),
    "type word generic": (
        {"type": "List<String>"},
        {"type": "array", "items": {"type": "string"}},
        "'List<String>' was read as 'array'",
    ),
    "type word nested": (
        {"type": "List[Dict[str, int]], optional"},
        {"type": "array", "items": {"type": "object"}},
        "was read as 'array'",
    ),
    "type word optional": ({"type": "str, optional"}, {"type": "string"}, "'str, optional'"),
    "type word Optional": ({"type": "Optional[int]"}, {"type": "integer"}, "'Optional[int]'"),
    "type word any": ({"type": "any", "title": "A"}, {"title": "A"}, "any is allowed"),
    "type word unknown": ({"type": "Foo"}, {}, "'Foo' is no JSON type"),
    "type number": ({"type": 3}, {}, "3 is no JSON type"),
    "type words listed": ({"type": ["str", "int"]}, {"type": ["string", "integer"]}, "'str'"),
    "type listed twice": ({"type": ["string", "string"]}, {"type": "string"}, "read as 'string'"),
    "text for schema": ("integer", {"type": "integer"}, "read as a type"),
    "null for schema": (None, {}, "no schema object"),
    "bad pattern": ({"pattern": "("}, {}, "pattern had a value"),
    "bad enum": ({"enum": "a"}, {}, "enum had a value"),
    "empty enum": ({"enum": []}, {}, "empty enum"),
    "number as text": ({"minimum": "5"}, {"minimum": 5}, "read as a number"),
    "null keyword": ({"type": "string", "description": None}, {"type": "string"}, "description had a value"),
    "single example": ({"examples": "x"}, {"examples": ["x"]}, "put in a list"),
    "draft 4 bound": ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}, "exclusiveMinimum"),
    "draft 7 tuple": (
        {"items": [{"type": "string"}], "additionalItems": False},
        {"prefixItems": [{"type": "string"}], "items": False},
        "prefixItems",
    ),
    "dependencies": ({"dependencies": {"a": ["b"]}}, {"dependentRequired": {"a": ["b"]}}, "dependencies"),
    "nullable": (
        {"type": "string", "nullable": True, "enum": ["a"]},
        {"type": ["string", "null"], "enum": ["a", None]},
        "nullable",
    ),
    "nested type word": (
        {"type": "array", "items": {"type": "dict", "properties": {"a": {"type": "long"}}}},
        {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        "parameters.properties.p.items.properties.a",
    ),
    "empty anyOf": ({"anyOf": []}, {}, "anyOf held no schema"),
    "properties list": ({"type": "object", "properties": ["a"]}, {"type": "object"}, "properties held no schema"),
    "required name unknown": (
        {"type": "object", "properties": {"a": {}}, "required": ["a", "b", "a"]},
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        "removed: b",
    ),
    "required in the property": (
        {"properties": {"a": {"required": True}, "b": {"required": False}}},
        {"properties": {"a": {}, "b": {}}, "required": ["a"]},
        "moved to the object",
    ),
    "remote reference": ({"$ref": "http://a.invalid/x.json"}, {}, "leads nowhere"),
    "lost reference": ({"$ref": "#/$defs/Nope", "description": "x"}, {"description": "x"}, "leads nowhere"),
    "bad name pattern": ({"patternProperties": {"(": {}}}, {"patternProperties": {}}, "no regular expression"),
    "lone surrogate": ({"description": "a\ud800"}, {"description": "a?"}, "surrogate"),
}


@pytest.mark.parametrize("name", REPAIRS)
def test_repair_is_made_and_said(name: str, import_one: ImportOne) -> None:
    given, expected, said = REPAIRS[name]

    tool, reason = repaired(import_one, with_property(given))

    assert tool.parameters["properties"] == {"p": expected}
    assert said in reason


ROOTS: dict[str, tuple[Any, Any]] = {
    "none": (None, {"type": "object", "properties": {}}),
    "empty": ({}, {"type": "object", "properties": {}}),
    "no properties": ({"type": "object"}, {"type": "object", "properties": {}}),
    "no type": ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
    "dict": ({"type": "dict", "properties": {}}, {"type": "object", "properties": {}}),
    "object or null": ({"type": ["object", "null"], "properties": {}}, {"type": "object", "properties": {}}),
    "null properties": ({"type": "object", "properties": None}, {"type": "object", "properties": {}}),
    "bare properties": (
        {"city": {"type": "str"}, "days": {"type": "int, optional"}, "unit": {"type": "string", "default": "C"}},
        {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"type": "string", "default": "C"},
            },
            "required": ["city"],
        },
    ),
    "listed": (
        [{"name": "a", "type": "NUMBER"}, {"name": "b", "type": "STRING", "required": False}],
        {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string"}}, "required": ["a"]},
    ),
    "required text": ({"type": "object", "properties": {}, "required": "a"}, {"type": "object", "properties": {}}),
}


@pytest.mark.parametrize("name", ROOTS)
def test_root_of_parameters_becomes_an_object_schema(name: str, import_one: ImportOne) -> None:
    given, expected = ROOTS[name]

    tool, _ = repaired(import_one, entry(given))

    assert tool.parameters == expected


def test_missing_parameters_are_a_repair(import_one: ImportOne) -> None:
    tool, reason = repaired(import_one, {"name": "ping"})

    assert tool.parameters == {"type": "object", "properties": {}}
    assert "no parameters" in reason


REJECTED: dict[str, tuple[Any, str]] = {
    "number": (7, "a number, not an object"),
    "null": (None, "null, not an object"),
    "list": ([], "a list, not an object"),
    "no name": ({"parameters": {}}, "no name"),
    "blank name": ({"name": "  "}, "no name"),
    "number as name": ({"name": 5}, "no name"),
    "function no object": ({"type": "function", "function": "f"}, "text, not an object"),
    "parameters list": (entry([{"name": "a", "type": "STRING"}, "b"]), "a list"),
    "parameters text": (entry("{}"), "text"),
    "parameters true": (entry(True), "true or false"),
    "parameters of a string": (entry({"type": "string"}), "not of an object"),
    "parameters are texts": (entry({"city": "string"}), "no JSON Schema of an object"),
    "properties list": (entry({"type": "object", "properties": []}), "a list"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_hopeless_entry_is_rejected_with_reason_and_mend(name: str, import_one: ImportOne) -> None:
    given, said = REJECTED[name]

    tool, note = import_one(given)

    assert tool is None
    assert note.status == "rejected"
    assert said in note.reason
    assert note.mend


def test_entry_nested_too_deep_is_rejected(import_one: ImportOne) -> None:
    deep: Any = 0
    for _ in range(300):
        deep = [deep]

    tool, note = import_one(with_property({"default": deep}))

    assert tool is None
    assert "deep" in note.reason


@pytest.mark.parametrize(
    ("given", "made"),
    [("Trading.log in!", "Trading_log_in"), ("météo", "meteo"), (" padded\n", "padded")],
)
def test_name_is_made_portable_and_the_original_kept(given: str, made: str, import_one: ImportOne) -> None:
    tool, reason = repaired(import_one, {**entry({"type": "object", "properties": {}}), "name": given})

    assert (tool.name, tool.provenance.original_name) == (made, given)
    assert made in reason


def test_long_and_foreign_names_stay_apart() -> None:
    names = [portable_name(name) for name in ("a" * 65, "a" * 66, "天気", "時間")]

    assert len(set(names)) == 4
    assert all(TOOL_NAME.fullmatch(name) for name in names)


def test_local_references_are_written_out(import_one: ImportOne) -> None:
    schema = {
        "type": "object",
        "properties": {
            "colour": {"$ref": "#/$defs/Colour", "description": "of the car"},
            "size": {"$ref": "#/$defs/a~1b", "minimum": 2},
        },
        "$defs": {"Colour": {"enum": ["red"], "description": "any"}, "a/b": {"type": "integer"}},
    }

    tool, reason = repaired(import_one, entry(schema))

    assert tool.properties["colour"] == {"enum": ["red"], "description": "of the car"}
    assert tool.properties["size"] == {"minimum": 2, "allOf": [{"type": "integer"}]}
    assert "#/$defs/Colour" in reason
    assert "written out" in reason


def test_parameters_may_be_one_reference(import_one: ImportOne) -> None:
    schema = {"$ref": "#/definitions/A", "definitions": {"A": {"type": "object", "properties": {"a": {}}}}}

    tool, _ = repaired(import_one, entry(schema))

    assert tool.parameters == {"type": "object", "properties": {"a": {}}}


def levels(schema: Any) -> int:
    children = schema.get("properties", {}).values() if isinstance(schema, dict) else ()
    return 1 + max((levels(child) for child in children), default=0)


def test_cycle_is_cut_at_depth_6(import_one: ImportOne) -> None:
    schema = {
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Node"}},
        "$defs": {"Node": {"type": "object", "properties": {"below": {"$ref": "#/$defs/Node"}}}},
    }

    tool, reason = repaired(import_one, entry(schema))

    assert "contains itself and was cut at depth 6" in reason
    assert levels(tool.parameters) == 7


def test_reference_to_itself_ends(import_one: ImportOne) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/$defs/A"}}}

    tool, _ = repaired(import_one, entry(schema))

    assert tool.properties == {"a": {}}


def test_wide_cycle_is_cut_sooner(import_one: ImportOne) -> None:
    node = {"type": "object", "properties": {f"p{i}": {"$ref": "#/$defs/N"} for i in range(12)}}

    tool, reason = repaired(import_one, entry({**node, "$defs": {"N": node}}))

    assert "cut at depth" in reason
    assert len(json.dumps(tool.parameters)) < 200_000


def test_references_that_explode_are_cut(import_one: ImportOne) -> None:
    layers = {f"L{i}": {"properties": {f"p{j}": {"$ref": f"#/$defs/L{i + 1}"} for j in range(9)}} for i in range(9)}

    tool, reason = repaired(import_one, entry({"type": "object", **layers["L0"], "$defs": {**layers, "L9": {}}}))

    assert levels(tool.parameters) == 4
    assert "references below depth 2 were left out, since they expand to more than" in reason


def test_large_schema_is_cut_from_below(import_one: ImportOne) -> None:
    def layer(depth: int) -> dict[str, Any]:
        text = "x" * 60
        inner = {f"p{i}": layer(depth - 1) for i in range(8)} if depth else {}
        return {"type": "object", "description": text, "properties": inner, "required": ["p0"] if depth else []}

    tool, reason = repaired(import_one, entry(layer(4), result=layer(4)))

    assert levels(tool.parameters) == 3
    assert "larger than 40,000 characters, so everything below depth 2 was left out (at parameters, result)" in reason
    assert tool.required == {"p0"}
    assert tool.result is not None
    assert len(json.dumps(tool.parameters)) < MAX_SIZE * 1.2


def test_texts_go_last(import_one: ImportOne) -> None:
    wide = {f"p{i}": {"type": "string", "description": "x" * 300} for i in range(200)}

    tool, reason = repaired(import_one, entry({"type": "object", "properties": wide}))

    assert {*tool.properties} == {*wide}
    assert "the texts of its properties were left out" in reason


def test_schema_too_large_in_itself_is_rejected(import_one: ImportOne) -> None:
    tool, note = import_one(entry({"type": "object", "properties": {f"property_{i}": {} for i in range(3000)}}))

    assert tool is None
    assert "larger than 40,000 characters" in note.reason


def test_long_chain_of_references_is_rejected(import_one: ImportOne) -> None:
    chain: dict[str, Any] = {f"c{i}": {"$ref": f"#/$defs/c{i + 1}"} for i in range(2000)}

    tool, note = import_one(
        entry({"type": "object", "properties": {"a": {"$ref": "#/$defs/c0"}}, "$defs": {**chain, "c2000": {}}})
    )

    assert tool is None
    assert "references lead to one another" in note.reason


def test_depth_is_bounded(import_one: ImportOne) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(MAX_DEPTH + 4):
        schema = {"type": "object", "properties": {"a": schema}}

    tool, reason = repaired(import_one, entry(schema))

    assert levels(tool.parameters) == MAX_DEPTH + 1
    assert f"below depth {MAX_DEPTH}" in reason


def test_bad_result_schema_costs_the_result_alone(import_one: ImportOne) -> None:
    tool, reason = repaired(import_one, entry({"type": "object", "properties": {}}, result="a number"))

    assert tool.result is None
    assert "result schema" in reason


def test_bad_description_is_left_out(import_one: ImportOne) -> None:
    tool, _ = repaired(
        import_one, {"name": "t", "description": ["x"], "parameters": {"type": "object", "properties": {}}}
    )

    assert tool.description == ""


def test_equal_repairs_are_grouped(import_one: ImportOne) -> None:
    properties = {f"p{i}": {"type": "float"} for i in range(7)}

    _, reason = repaired(import_one, entry({"type": "object", "properties": properties}))

    assert reason.count("'float'") == 1
    assert "and 4 more" in reason
