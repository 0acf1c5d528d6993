"""The table of chat templates in the docs is what rendering them gives with the TRL that is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

for name in ("trl", "transformers"):
    pytest.importorskip(name, reason="needs the extra `train`")

from tests.builders import call, dialogue, output, reply, tool, user
from tests.dataset.rows import row
from toolace_dagster.dataset import chat_messages, listed_tools
from toolace_dagster.entities import ToolCall, Turn

ROOT = Path(__file__).parents[2]
COLUMNS = ("Template", "Tools", "Calls", "Loss on replies only")


def script() -> Any:
    spec = importlib.util.spec_from_file_location("chat_templates", ROOT / "benchmarks/chat_templates.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows() -> list[dict[str, Any]]:
    """One dialogue that calls one tool at a time, and one that calls two at once, each with values of its own."""
    find, book = (tool(name, {"place": {"type": "string"}}, []) for name in ("find_place", "book_place"))
    at_once = reply(
        "a1",
        "",
        tool_calls=(
            ToolCall(id="p1", name=find.name, arguments={"place": "Ghent"}),
            ToolCall(id="p2", name=book.name, arguments={"place": "Bruges"}),
        ),
    )
    first, then = call("a1", find.name, {"place": "Namur"}), call("a2", book.name, {"place": "Liège"})
    by_turns: tuple[Turn, ...] = (
        *(user("u0", "Find one and book one."), first, output("o1", first, {"ok": True})),
        *(then, output("o2", then, {"ok": True}), reply("r1", "Done.")),
    )
    together = (user("u0", "Find one, book one."), at_once, output("o1", at_once, {"ok": True}), reply("r1", "Done."))
    made = [
        row(
            f"d-{number}",
            dialogue=dialogue(turns, initial_tools=(find.name, book.name)),
            tools={t.name: t for t in (find, book)},
        )
        for number, turns in enumerate((by_turns, together))
    ]
    return [{"messages": chat_messages(r.dialogue, r.tools), "tools": listed_tools(r)} for r in made]


def cells(table: str) -> dict[str, list[str]]:
    """The columns that don't depend on the rows, by template."""
    head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()]
    places = [head.index(column) for column in COLUMNS]
    return {line[0]: [line[place] for place in places] for line in lines}


def test_the_docs_table_is_what_rendering_gives():
    chat_templates = script()
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    told = cells(text.split(chat_templates.BEGIN)[1].split(chat_templates.END)[0])
    assert len(told) > 30
    assert cells(chat_templates.table(rows())) == told
