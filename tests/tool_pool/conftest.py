"""Pools for the tests: written from JSON values into a temporary folder, and the ones that really exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tool_pool.pools import EMPTY, FIXTURES, ImportOne, WritePool
from toolace_dagster.entities import ImportNote, Tool
from toolace_dagster.tool_pool import ToolPool, load_pool


@pytest.fixture(scope="session")
def mcp_fixtures() -> Path:
    """Answers of real MCP servers."""
    return FIXTURES


@pytest.fixture(scope="session")
def mcp_pool(mcp_fixtures: Path) -> ToolPool:
    """The pool made of them."""
    return load_pool(mcp_fixtures)


@pytest.fixture
def write_pool(tmp_path: Path) -> WritePool:
    """Write files, by path in the pool; values that are not text or bytes become JSON."""

    def write(files: dict[str, Any]) -> Path:
        pool = tmp_path / "pool"
        pool.mkdir(exist_ok=True)
        for name, content in files.items():
            file = pool / name
            file.parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, (str, bytes)) else json.dumps(content)
            file.write_bytes(data if isinstance(data, bytes) else data.encode())
        return pool

    return write


@pytest.fixture
def import_one(write_pool: WritePool) -> ImportOne:
    """Import one entry beside a good one; give the tool it became, if it did, and its note."""

    def run(entry: Any) -> tuple[Tool | None, ImportNote]:
        pool = load_pool(write_pool({"shop.json": [{"name": "a_good_one", "parameters": EMPTY}, entry]}))
        domain = pool.domain("shop")
        tools = [tool for tool in domain.tools if tool.name != "a_good_one"]
        return (tools[0] if tools else None), domain.notes[1]

    return run
