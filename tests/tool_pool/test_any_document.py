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


def _imported(content: bytes) -> tuple[tuple[ImportNote, ...], tuple[Tool, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "any.json"
        file.write_bytes(content)
        try:
            pool = load_pool(file)
        except PoolError as error:
            return error.notes, ()
        return pool.notes, pool.domains[0].tools


def _check(document: Any) -> None:
    notes, tools = _imported(json.dumps(document).encode())
    assert notes
    if not any(note.item == WHOLE_FILE for note in notes):
        in_use = [note for note in notes if note.status != "rejected"]
        assert len(in_use) == len(tools)
        if isinstance(document, list):
            assert len(notes) == len(document)
    assert all(note.reason and note.mend for note in notes if note.status != "accepted")
    canonical_json(list(notes)).encode()
    for tool in tools:
        canonical_json(tool).encode()
        jsonschema_rs.Draft202012Validator(tool.parameters)
        jsonschema_rs.Draft202012Validator(tool.result or {})
        assert "$ref" not in tool.parameters
        assert set(identifier_parameters(tool)) <= set(tool.properties)
    in_order = [tool.name for tool in reachable(tools, find_links(tools))]
    assert sorted({*in_order}) == sorted(in_order)


@settings(max_examples=300, deadline=None)
@given(_json)
def test_any_json_document(document: Any) -> None:
    _check(document)


@settings(max_examples=500, deadline=None)
@given(_tools)
def test_any_list_of_near_tools(document: Any) -> None:
    _check(document)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    notes, _ = _imported(content)
    assert notes
