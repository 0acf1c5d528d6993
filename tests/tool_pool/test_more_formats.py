"""Lists of tools in the shapes benchmarks and data sets keep them in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tool_pool.pools import EMPTY, ImportOne, WritePool
from toolace_dagster.tool_pool import load_pool

CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def bfcl(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "d", "parameters": {"type": "dict", "properties": {}, "required": []}, **more}


def lines(*values: Any) -> str:
    return "\n".join(json.dumps(value) for value in values)


def test_bfcl_function_docs(write_pool: WritePool) -> None:
    response = {"type": "dict", "properties": {"left": {"type": "float"}}}
    carts = [bfcl(f"Cart.f{i}", response=response) for i in range(3)]
    docs = lines(*carts, *(bfcl(f"Till.f{i}") for i in range(3)), bfcl("now"))

    pool = load_pool(write_pool({"shop.json": docs}))

    assert {domain.name: [tool.name for tool in domain.tools] for domain in pool.domains} == {
        "shop": ["now"],
        "shop_cart": ["Cart_f0", "Cart_f1", "Cart_f2"],
        "shop_till": ["Till_f0", "Till_f1", "Till_f2"],
    }
    tool = pool.domain("shop_cart").tools[0]
    assert tool.provenance.original_name == "Cart.f0"
    assert tool.result == {"type": "object", "properties": {"left": {"type": "number"}}}


WORDS = {"HashMap": "object", "ArrayList": "array", "long": "integer", "Boolean": "boolean", "String": "string",
         "tuple": "array", "float": "number", "char": "string", "double": "number"}  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_type_words_of_java_and_javascript(word: str, import_one: ImportOne) -> None:
    tool, note = import_one(bfcl("f", parameters={"type": "dict", "properties": {"p": {"type": word}}}))

    assert tool is not None
    assert tool.properties == {"p": {"type": WORDS[word]}}
    assert repr(word) in note.reason


@pytest.mark.parametrize("word", ["any", ""])
def test_words_for_anything(word: str, import_one: ImportOne) -> None:
    tool, note = import_one(bfcl("f", parameters={"type": "dict", "properties": {"p": {"type": word}}}))

    assert tool is not None
    assert tool.properties == {"p": {}}
    assert "any is allowed" in note.reason


@pytest.mark.parametrize(("values", "type_"), [(["C", "F"], "string"), ([1, 2], None), (["auto", 0], None)])
def test_enum_as_a_type_allows_the_values_it_lists(values: list[Any], type_: str | None, import_one: ImportOne) -> None:
    schema = {"type": "object", "properties": {"level": {"type": "ENUM", "enum": values}}}

    tool, note = import_one({"name": "heat", "parameters": schema})

    assert tool is not None
    assert tool.properties["level"] == {"enum": values} | ({"type": type_} if type_ else {})
    assert note.status == "repaired"
    assert "'ENUM'" in note.reason


def test_rows_that_carry_tools(write_pool: WritePool) -> None:
    as_text = json.dumps([{"name": "c", "parameters": EMPTY}])
    rows = lines(
        {"id": 1, "question": "?", "function": [bfcl("a"), bfcl("b")]},
        {"query": "?", "tools": as_text},
        {"tools": [{"type": "function", "function": {"name": "d", "parameters": EMPTY}}]},
        {"id": 2, "question": "?", "function": []},
    )

    pool = load_pool(write_pool({"rows.jsonl": rows}))

    assert [(note.item, note.status) for note in pool.notes] == [
        ("a", "repaired"),
        ("b", "repaired"),
        ("c", "accepted"),
        ("d", "accepted"),
        ("entry 5", "rejected"),
    ]


def test_broken_line_costs_itself_alone(write_pool: WritePool) -> None:
    good = [lines({"name": name, "parameters": EMPTY}) for name in "ab"]
    text = f'{good[0]}\n\n{{"name": \n{good[1]}\n7'

    pool = load_pool(write_pool({"tools.jsonl": text}))

    assert [tool.name for tool in pool.domains[0].tools] == ["a", "b"]
    broken, number = [note for note in pool.notes if note.status == "rejected"]
    assert broken.item == "line 3"
    assert "line 3: the file is not JSON" in broken.reason
    assert "a number, not an object" in number.reason


def test_toolbench(write_pool: WritePool) -> None:
    collection = {
        "tool_name": "Weather by Day",
        "tool_description": "Weather everywhere.",
        "api_list": [
            {
                "name": "Daily Forecast",
                "description": "",
                "required_parameters": [{"name": "city", "type": "STRING", "description": "c", "default": ""}],
                "optional_parameters": [
                    {"name": "days", "type": "NUMBER", "default": 3},
                    {"name": "unit", "type": "ENUM", "options": ["C", "F"], "default": ""},
                    {"name": "photo", "type": "BINARY"},
                    "nonsense",
                    {"type": "STRING"},
                ],
            },
            "nonsense",
        ],
    }

    pool = load_pool(write_pool({"weather.json": collection}))

    (tool,) = pool.domain("weather").tools
    assert (tool.name, tool.provenance.original_name) == ("Daily_Forecast", "Daily Forecast")
    assert tool.description == "Weather everywhere."
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "c"},
            "days": {"type": "number", "default": 3},
            "unit": {"type": "string", "enum": ["C", "F"]},
            "photo": {"type": "string"},
        },
        "required": ["city"],
    }
    repaired, rejected = pool.notes
    assert "a parameter was no object" in repaired.reason
    assert "a parameter without a name" in repaired.reason
    assert (rejected.item, rejected.status) == ("entry 2", "rejected")


def test_list_of_toolbench_collections(write_pool: WritePool) -> None:
    def collection(name: str, count: int) -> dict[str, Any]:
        return {"tool_name": name, "api_list": [{"name": f"api {i}", "required_parameters": []} for i in range(count)]}

    pool = load_pool(write_pool({"rapid.json": [collection("One", 3), collection("Two", 4)]}))

    assert {domain.name: len(domain.tools) for domain in pool.domains} == {"rapid_one": 3, "rapid_two": 4}


def test_acebench_arguments_and_names_with_spaces(import_one: ImportOne) -> None:
    tool, note = import_one({"name": "city weather", "description": "d", "arguments": CITY})

    assert tool is not None
    assert (tool.name, tool.parameters) == ("city_weather", CITY)
    assert note.status == "repaired"


def test_provenance_of_an_earlier_import_is_kept(write_pool: WritePool) -> None:
    known = {"source": "api.yaml", "original_name": "f f", "licence": "MIT", "operation": "GET /f", "entry_hash": "ab"}
    document = {
        "format": "toolace-pool/1",
        "tools": [
            {"name": "f", "parameters": EMPTY, "provenance": known},
            {"name": "g", "parameters": EMPTY, "provenance": {"sauce": 1}},
        ],
    }

    pool = load_pool(write_pool({"shop.json": document}))

    first, second = pool.domains[0].tools
    assert first.provenance.model_dump(exclude_none=True) == known
    assert second.provenance.source == "shop.json"
    assert [note.status for note in pool.notes] == ["accepted", "repaired"]
