"""Whatever a pool file holds, the import gives tools or notes, never a traceback."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.entities import ImportNote, Tool, canonical_json
from toolace_dagster.tool_pool import WHOLE_FILE, PoolError, find_links, identifier_parameters, load_pool, reachable

_words = st.sampled_from(
    [
        "name",
        "description",
        "parameters",
        "properties",
        "type",
        "required",
        "items",
        "anyOf",
        "$ref",
        "$defs",
        "enum",
        "pattern",
        "function",
        "tools",
        "result",
        "inputSchema",
        "additionalProperties",
        "definitions",
        "nullable",
        "dependencies",
        "minimum",
        "default",
        "format",
        "domain",
        "object",
        "dict",
        "string",
        "array",
        "float",
        "#/$defs/a",
        "#",
        "a",
        "id",
        "book_id",
        "(",
        "\ud800",
        "not",
        "if",
        "prefixItems",
        "api_list",
        "required_parameters",
        "openapi",
        "3.0.0",
        "3.1.0",
        "swagger",
        "2.0",
        "paths",
        "/a/{id}",
        "get",
        "post",
        "tags",
        "in",
        "path",
        "query",
        "body",
        "schema",
        "requestBody",
        "content",
        "application/json",
        "responses",
        "200",
        "components",
        "schemas",
        "#/components/schemas/a",
        "discriminator",
        "propertyName",
        "oneOf",
        "allOf",
        "readOnly",
    ]
)
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _words | st.text()
)
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words | st.text(max_size=5), inner, max_size=6),
    max_leaves=40,
)
_schema_like = st.recursive(
    _json | st.builds(lambda word: {"type": word}, _words),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": _words | st.lists(_words),
            "properties": st.dictionaries(_words, inner, max_size=4),
            "required": st.lists(_words, max_size=3) | inner,
            "items": inner | st.lists(inner, max_size=2),
            "anyOf": st.lists(inner, max_size=3),
            "$ref": st.sampled_from(["#", "#/$defs/a", "#/properties/a", "http://a.invalid/b"]),
            "$defs": st.dictionaries(st.sampled_from("ab"), inner),
            "enum": inner,
        },
    ),
    max_leaves=12,
)
_tools = st.lists(
    st.fixed_dictionaries(
        {"name": _words | st.text()},
        optional={"parameters": _schema_like, "result": _schema_like, "description": _json},
    )
    | _json,
    max_size=5,
)


def _imported(content: bytes, ending: str = ".json") -> tuple[tuple[ImportNote, ...], tuple[Tool, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"any{ending}"
        file.write_bytes(content)
        try:
            pool = load_pool(file)
        except PoolError as error:
            return error.notes, ()
        return pool.notes, tuple(tool for domain in pool.domains for tool in domain.tools)


def _entries_in(item: Any) -> int:
    """How many tools an item of a list carries; one that carries none is an entry itself."""
    if not isinstance(item, dict):
        return 1
    if isinstance(item.get("api_list"), list) and item["api_list"]:
        return len(item["api_list"])
    is_api = any(isinstance(item.get(key), list) for key in ("required_parameters", "optional_parameters"))
    if "name" in item or is_api:
        return 1
    carried = [item[key] for key in ("function", "functions", "tools") if isinstance(item.get(key), list)]
    return next((len(each) for each in carried if each), 1)


def _check(document: Any) -> None:
    notes, tools = _imported(json.dumps(document).encode())
    assert notes
    if not any(note.item == WHOLE_FILE for note in notes):
        in_use = [note for note in notes if note.status != "rejected"]
        assert len(in_use) == len(tools)
        if isinstance(document, list):
            assert len(notes) == sum(_entries_in(item) for item in document)
    assert all(note.reason and note.mend for note in notes if note.status != "accepted")
    canonical_json(list(notes)).encode()
    for tool in tools:
        canonical_json(tool).encode()
        jsonschema_rs.Draft202012Validator(tool.parameters)
        jsonschema_rs.Draft202012Validator(tool.result or {})
        assert "$ref" not in tool.parameters
        assert set(identifier_parameters(tool)) <= set(tool.properties)
        assert len(tool.provenance.entry_hash or "") == 16
    for domain in {tool.domain for tool in tools}:
        together = [tool for tool in tools if tool.domain == domain]
        in_order = [tool.name for tool in reachable(together, find_links(together))]
        assert sorted({*in_order}) == sorted(in_order)


@settings(max_examples=100, deadline=None)
@given(_json)
def test_any_json_document(document: Any) -> None:
    _check(document)


@settings(max_examples=100, deadline=None)
@given(_tools)
def test_any_list_of_near_tools(document: Any) -> None:
    _check(document)


_parameters = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "name": _words,
            "in": st.sampled_from(["path", "query", "header", "cookie", "body", "formData"]) | _json,
            "schema": _schema_like,
            "required": _json,
            "type": _words,
            "$ref": st.sampled_from(["#/components/parameters/a", "#/a", "other.yaml#/a", "#"]),
        },
    )
    | _json,
    max_size=3,
)
_content = st.fixed_dictionaries(
    {}, optional={"content": st.dictionaries(_words, st.fixed_dictionaries({"schema": _schema_like}), max_size=2)}
)
_operation = st.fixed_dictionaries(
    {},
    optional={
        "operationId": _words | _json,
        "tags": st.lists(_words, max_size=2) | _json,
        "parameters": _parameters | _json,
        "requestBody": _content | _json,
        "responses": st.dictionaries(st.sampled_from(["200", "2XX", "default"]), _content | _json, max_size=2),
        "deprecated": _scalars,
        "summary": _scalars,
    },
)
_openapi = st.fixed_dictionaries(
    {
        "paths": st.dictionaries(
            st.sampled_from(["/a/{id}", "/b", "x-c", "d"]),
            st.dictionaries(st.sampled_from(["get", "post", "parameters", "$ref"]), _operation | _json, max_size=3)
            | _json,
            max_size=3,
        )
    },
    optional={
        "openapi": st.sampled_from(["3.0.3", "3.1.0", 3.0, None]),
        "swagger": st.sampled_from(["2.0", 2.0]),
        "components": st.fixed_dictionaries(
            {},
            optional={
                "schemas": st.dictionaries(st.sampled_from(["a", "b"]), _schema_like, max_size=2),
                "parameters": st.dictionaries(st.just("a"), _json, max_size=1),
                "securitySchemes": _json,
            },
        )
        | _json,
    },
)


@settings(max_examples=100, deadline=None)
@given(_openapi)
def test_any_openapi_description(document: Any) -> None:
    _check(document)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([".json", ".jsonl", ".yaml"]))
def test_any_bytes(content: bytes, ending: str) -> None:
    notes, _ = _imported(content, ending)
    assert notes


_yaml_signs = st.sampled_from(
    ["a", "1", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&x ", "*x", "<<", "!!", "'", '"']
)
_yaml = st.lists(_yaml_signs | st.sampled_from(["tools", "name", "openapi", "~", "|", ">", "#", "%"]), max_size=30)


@settings(max_examples=100, deadline=None)
@given(_yaml.map("".join))
def test_any_yaml(text: str) -> None:
    notes, _ = _imported(text.encode(), ".yaml")
    assert notes
