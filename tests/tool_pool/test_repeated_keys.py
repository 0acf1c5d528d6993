"""A key that stands twice in one JSON object loses a value, which a note has to say."""

from __future__ import annotations

from tests.tool_pool.pools import WritePool
from toolace_dagster.tool_pool import load_pool


def test_repeated_key_of_a_tool_is_noted(write_pool: WritePool) -> None:
    text = """[
      {"name": "a", "parameters": {"type": "object", "properties": {"x": {"type": "string"}, "x": {}}}},
      {"name": "b", "parameters": {"type": "object", "properties": {}}}
    ]"""

    first, second = load_pool(write_pool({"shop.json": text})).domain("shop").notes

    assert first.status == "repaired"
    assert "'x' stands twice" in first.reason
    assert second.status == "accepted"
