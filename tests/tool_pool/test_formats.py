"""Every format of a pool file gives the same tool; what is in no format is named with a mend."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tool_pool.pools import WritePool
from toolace_dagster.tool_pool import WHOLE_FILE, PoolError, load_pool

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
BARE: dict[str, Any] = {"name": "get_weather", "description": "Weather of a city.", "parameters": SCHEMA}
MCP: dict[str, Any] = {"name": "get_weather", "description": "Weather of a city.", "inputSchema": SCHEMA}
WRAPPED: dict[str, Any] = {"type": "function", "function": BARE}

FORMATS: dict[str, Any] = {
    "own": {"format": "toolace-pool/1", "domain": "weather", "tools": [BARE]},
    "openai_list": [WRAPPED],
    "openai_tools": {"model": "any", "tools": [WRAPPED]},
    "openai_responses": {"tools": [{"type": "function", **BARE, "strict": True}]},
    "openai_single": WRAPPED,
    "bare_list": [BARE],
    "bare_single": BARE,
    "old_functions": {"functions": [BARE]},
    "mcp": {"name": "a server", "tools": [MCP], "nextCursor": "x"},
    "mcp_json_rpc": {"jsonrpc": "2.0", "id": 1, "result": {"tools": [MCP]}},
    "mcp_snake_case": {"tools": [{"name": "get_weather", "description": BARE["description"], "input_schema": SCHEMA}]},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_tool(name: str, write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"weather.json": FORMATS[name]}))

    (tool,) = pool.domain("weather").tools
    assert (tool.name, tool.description, tool.parameters) == ("get_weather", "Weather of a city.", SCHEMA)
    assert [note.status for note in pool.notes] == ["accepted"]


@pytest.mark.parametrize("key", ["result", "outputSchema", "output_schema"])
def test_result_schema_is_kept(key: str, write_pool: WritePool) -> None:
    result = {"type": "object", "properties": {"degrees": {"type": "number"}}}

    pool = load_pool(write_pool({"weather.json": [{**BARE, key: result}]}))

    assert pool.domains[0].tools[0].result == result


def test_own_format_gives_description_and_licence(write_pool: WritePool) -> None:
    document = {**FORMATS["own"], "description": "Tells the weather.", "licence": "MIT"}

    domain = load_pool(write_pool({"weather.json": document})).domain("weather")

    assert domain.description == "Tells the weather."
    assert domain.tools[0].provenance.licence == "MIT"
    assert domain.tools[0].provenance.source == "weather.json"


BAD_FILES: dict[str, tuple[Any, str]] = {
    "broken": ('[\n  {"name": "x",}\n]', "line 2, column 16"),
    "two_documents": ('{"name": "a"} {"name": "b"}', "line 1, column 15"),
    "empty": ("", "line 1, column 1"),
    "nan": ('[{"name": "a", "parameters": {"minimum": NaN}}]', "NaN"),
    "huge": ('[{"name": "a", "x": 1e999}]', "1e999"),
    "many_digits": (f"[{'9' * 5000}]", "not JSON"),
    "latin": ('[{"name": "caf\xe9"}]'.encode("latin-1"), "UTF-8 (byte 14)"),
    "deep": ("[" * 100_000, "too deep"),
    "openapi": ({"openapi": "3.1.0", "paths": {}}, "no operations"),
    "openapi_4": ({"openapi": "4.0.0", "paths": {}}, "'4.0.0' of OpenAPI is not read"),
    "swagger_1": ({"swagger": "1.2", "apis": []}, "'1.2' of OpenAPI is not read"),
    "rows_of_text": ({"tools": "not json"}, "tools is text and not JSON"),
    "number": (3, "no known format"),
    "object": ({"hello": "world"}, "no known format"),
    "no_tools": ({"tools": []}, "lists no tools"),
    "tools_object": ({"tools": {"a": BARE}}, "not a list"),
    "newer": ({"format": "toolace-pool/9", "tools": [BARE]}, "toolace-pool/9"),
    "error_answer": ({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "no such method"}}, "no such method"),
    "tools_twice": ('{"tools": [{"name": "a"}], "tools": [{"name": "b"}]}', "more than once"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_is_named_and_the_rest_goes_on(name: str, write_pool: WritePool) -> None:
    content, said = BAD_FILES[name]

    pool = load_pool(write_pool({f"{name}.json": content, "weather.json": [BARE]}))

    assert [domain.name for domain in pool.domains] == ["weather"]
    (note,) = pool.other_notes
    assert (note.source, note.item, note.status) == (f"{name}.json", WHOLE_FILE, "rejected")
    assert said in note.reason
    assert note.mend


def test_byte_order_mark_is_no_fault(write_pool: WritePool) -> None:
    pool = load_pool(
        write_pool({"weather.json": b"\xef\xbb\xbf" + b'[{"name": "a", "parameters": {"type": "object"}}]'})
    )

    assert pool.domains[0].tools[0].name == "a"


def test_single_bad_file_says_why(write_pool: WritePool) -> None:
    path = write_pool({"weather.json": "{"}) / "weather.json"

    with pytest.raises(PoolError, match=r"weather\.json.*line 1, column 2.*correct the JSON") as caught:
        load_pool(path)

    assert [note.status for note in caught.value.notes] == ["rejected"]
