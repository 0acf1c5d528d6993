"""Importing changes no meaning: what a schema allowed in the source, the tool allows, and nothing else.

Values are made for the schema in the source and judged twice: by a plain
checker of the source's own dialect, and by the tool's schema after the import.
Only where a repair says that something was left out or allows more may the tool
allow what the source did not; it never allows less.

More pools: TOOLACE_TEST_POOLS, a folder with ``mcp`` and ``openapi`` in it.
"""

from __future__ import annotations

import json
import os
import random
import zlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.tool_pool.pools import FIXTURES
from tests.tool_pool.reference_checker import Checker, made_for
from toolace_dagster.entities import Tool, content_hash
from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.tool_pool import load_pool

VALUES = 40
"""Values tried for each schema."""
MORE = Path(os.environ["TOOLACE_TEST_POOLS"]) if "TOOLACE_TEST_POOLS" in os.environ else None
WIDENING = ("left out", "was cut", "any value is allowed", "any is allowed", "was removed", "carries credentials")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _files(kind: str, pattern: str) -> list[Path]:
    folders = [FIXTURES.parent / kind, *([MORE / kind] if MORE else [])]
    return [file for folder in folders for file in sorted(folder.glob(pattern))]


def _imported(path: Path) -> tuple[dict[str, Tool], dict[str, str]]:
    """Tools by their name in the source, and why they were repaired."""
    pool = load_pool(path)
    assert not [note for note in pool.notes if note.status == "rejected" and "already" not in note.reason]
    tools = {tool.provenance.original_name or tool.name: tool for domain in pool.domains for tool in domain.tools}
    for tool in tools.values():
        for schema in (tool.parameters, tool.result or {}):
            jsonschema_rs.meta.validate({"$schema": DIALECT, **schema})
    return tools, {note.item: note.reason for note in pool.notes}


def _compare(name: str, schema: Any, checker: Checker, tool_schema: dict[str, Any], reason: str) -> tuple[int, int]:
    rng = random.Random(zlib.crc32(name.encode()))
    validator = jsonschema_rs.Draft202012Validator(tool_schema)
    widened = any(words in reason for words in WIDENING)
    allowed = 0
    for _ in range(VALUES):
        value = made_for(schema, checker, rng)
        before, after = checker.allows(schema, value), validator.is_valid(value)
        if before:
            assert after, f"{name}: {json.dumps(value)} was valid in the source"
        elif not widened:
            assert not after, f"{name}: {json.dumps(value)} was not valid in the source"
        allowed += before
    return VALUES, allowed


@pytest.mark.parametrize("file", [*_files("mcp", "*.json"), *sorted(SHIPPED_POOL.glob("*.json"))], ids=lambda f: f.stem)
def test_lists_of_tools(file: Path) -> None:
    document = json.loads(file.read_text())
    entries = {entry["name"]: entry for entry in document["tools"]}
    tools, reasons = _imported(file)

    assert {*tools} == {*entries}
    counts = [0, 0]
    for name, tool in tools.items():
        schemas = [(entries[name].get("inputSchema", entries[name].get("parameters")), tool.parameters)]
        schemas += [(entries[name].get("outputSchema", entries[name].get("result")), tool.result)]
        for given, kept in schemas:
            if given is not None:
                assert kept is not None
                tried, allowed = _compare(name, given, Checker(given), kept, reasons[name])
                counts = [counts[0] + tried, counts[1] + allowed]
    # Neither all right nor all wrong, or the comparison would show nothing.
    assert 0 < counts[1] < counts[0]


@pytest.mark.parametrize("file", _files("openapi", "*.yaml"), ids=lambda f: f.stem)
def test_operations(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    checker = Checker(document, openapi_30=document["openapi"].startswith("3.0"))
    tools, reasons = _imported(file)
    operations = {
        f"{method.upper()} {path}": (item.get("parameters", []) + operation.get("parameters", []), operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    by_place = {tool.provenance.operation: tool for tool in tools.values()}

    assert {*by_place} == {*operations}
    allowed = 0
    for place, (parameters, operation) in operations.items():
        tool = by_place[place]
        reason = reasons[tool.provenance.original_name or tool.name]
        validator = jsonschema_rs.Draft202012Validator(tool.parameters)
        rng = random.Random(zlib.crc32(place.encode()))
        for _ in range(VALUES):
            valid, arguments = _call(checker, parameters, operation, tool, reason, rng)
            assert validator.is_valid(arguments) == valid, f"{place}: {json.dumps(arguments)}, {valid} before"
            allowed += valid
        _compare_result(place, operation, checker, tool, reason)
    assert 0 < allowed < VALUES * len(operations)


def _call(
    checker: Checker, parameters: list[Any], operation: Any, tool: Tool, reason: str, rng: random.Random
) -> tuple[bool, dict[str, Any]]:
    """Whether a request is valid, and the arguments of a call that says the same."""
    arguments: dict[str, Any] = {}
    valid = True
    for each in parameters:
        parameter = checker.resolved(each)
        if f"parameter {parameter['name']!r} carries credentials" in reason:
            continue
        required = parameter["in"] == "path" or parameter.get("required", False)
        if rng.random() < (0.95 if required else 0.5):
            value = made_for(parameter["schema"], checker, rng)
            arguments[parameter["name"]] = value
            valid = valid and checker.allows(parameter["schema"], value)
        else:
            valid = valid and not required
    body = checker.resolved(operation.get("requestBody"))
    if body is not None:
        content = body["content"]
        schema = content.get("application/json", next(iter(content.values())))["schema"]
        required = body.get("required", False)
        value = made_for(schema, checker, rng)
        if "body" in tool.properties:
            if rng.random() < 0.9:
                arguments["body"] = value
                return valid and checker.allows(schema, value), arguments
        elif isinstance(value, dict) and (required or value):
            for name, inner in value.items():
                arguments[f"body_{name}" if f"body_{name}" in tool.properties else name] = inner
            return valid and checker.allows(schema, value), arguments
        elif required:
            return valid and checker.allows(schema, {}), arguments
        valid = valid and not required
    return valid, arguments


def _compare_result(place: str, operation: Any, checker: Checker, tool: Tool, reason: str) -> None:
    for status, given in sorted(operation["responses"].items()):
        response = checker.resolved(given)
        content = response.get("content", {})
        if str(status).startswith("2") and content:
            schema = content.get("application/json", next(iter(content.values())))["schema"]
            assert tool.result is not None
            _compare(f"{place} result", schema, checker, tool.result, reason)
            return


@cache
def _bfcl() -> Path | None:
    spec = find_spec("bfcl_eval")
    return Path(spec.submodule_search_locations[0]) / "data" if spec and spec.submodule_search_locations else None


def _bfcl_files() -> list[Path]:
    data = _bfcl()
    if data is None:
        return []
    return [*sorted((data / "multi_turn_func_doc").glob("*.json")), *sorted(data.glob("BFCL_v4_*.json"))]


def _functions(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        yield from row.get("function", [row] if "parameters" in row else []) if isinstance(row, dict) else []


@pytest.mark.skipif(_bfcl() is None, reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval mpmath)")
@pytest.mark.parametrize("file", _bfcl_files(), ids=lambda f: f.stem)
def test_bfcl_function_docs(file: Path) -> None:
    functions = list(_functions(file))
    if not functions:
        pytest.skip("holds questions only")
    pool = load_pool(file)
    # A row without a function is an entry too, which is of no use.
    empty = [note for note in pool.notes if note.reason.startswith("function is a list")]
    entries = [note for note in pool.notes if not note.item.startswith("(") and note not in empty]
    assert len(entries) == len(functions)
    for note in entries:
        assert note.status != "rejected" or "the domain has" in note.reason, note

    reasons = {(note.domain, note.item): note.reason for note in pool.notes if note.status != "rejected"}
    by_name: dict[str, list[dict[str, Any]]] = {}
    for function in functions:
        by_name.setdefault(function["name"], []).append(function)
    for domain in pool.domains:
        for tool in domain.tools:
            name = tool.provenance.original_name or tool.name
            reason = reasons[domain.name, name]
            # Which of several functions of one name this one was is told by the hash of its entry.
            function = next(each for each in by_name[name] if content_hash(each) == tool.provenance.entry_hash)
            _compare(name, function["parameters"], Checker(function["parameters"]), tool.parameters, reason)
            jsonschema_rs.meta.validate({"$schema": DIALECT, **tool.parameters})
