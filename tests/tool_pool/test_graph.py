"""The dependency graph: order, what the user has to bring, do and undo."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from toolace_dagster.entities import Provenance, Tool
from toolace_dagster.reporting.tool_graph import dot, mermaid
from toolace_dagster.tool_pool import ToolGraph, find_links

TEXT: dict[str, Any] = {"type": "string"}


def make(name: str, takes: dict[str, Any] | None = None, gives: dict[str, Any] | None = None) -> Tool:
    return Tool(
        name=name,
        parameters={"type": "object", "properties": takes or {}, "required": [*(takes or {})]},
        result={"type": "object", "properties": gives} if gives is not None else None,
        domain="library",
        provenance=Provenance(source="library.json"),
    )


def graph(*tools: Tool) -> ToolGraph:
    return ToolGraph(tools, find_links(tools))


LIBRARY = (
    make("renew", {"loan_id": TEXT}),
    make("lend", {"book_id": TEXT}, {"loan_id": TEXT}),
    make("search", {"query": TEXT}, {"books": {"type": "array", "items": {"properties": {"book_id": TEXT}}}}),
    make("admit", {"card_id": TEXT}),
)


def test_each_tool_comes_after_what_it_needs() -> None:
    found = graph(*LIBRARY)

    assert found.rank["search"] < found.rank["lend"] < found.rank["renew"]
    assert found.from_user["admit"] == {"card_id"}
    assert found.missing("renew", ["search"]) == {"loan_id": {"lend"}}
    assert found.missing("renew", ["lend"]) == {}
    assert found.is_fed_list("lend", "search")
    assert not found.is_fed_list("renew", "lend")


def test_where_tools_wait_on_each_other_the_user_brings_what_the_first_needs() -> None:
    found = graph(make("a", {"x_id": TEXT}, {"y_id": TEXT}), make("b", {"y_id": TEXT}, {"x_id": TEXT}))

    assert sorted(found.rank) == ["a", "b"]
    assert found.from_user == {"a": {"x_id"}, "b": frozenset()}


@pytest.mark.parametrize(
    ("first", "second", "undone"),
    [
        ("create_order", "delete_order", True),
        ("book_table", "cancel_table_booking", False),
        ("lock_door", "unlock_door", True),
        ("add_item_to_cart", "remove_item_from_cart", True),
        ("followUser", "unfollowUser", True),
        ("turn_on_light", "turn_off_light", True),
        ("get_order", "delete_order", False),
        ("create_order", "delete_invoice", False),
        ("create_order", "update_order", False),
        ("enable_alarm", "disable_alarm", True),
    ],
)
def test_do_and_undo(first: str, second: str, undone: bool) -> None:
    found = graph(make(first), make(second))

    assert found.undoes(first, second) == found.undoes(second, first) == undone


def test_a_tool_takes_back_what_hands_it_its_identifier() -> None:
    found = graph(
        make("book_table", {}, {"reservation_id": TEXT}), make("cancel_dinner", {"reservation_id": TEXT}, {"ok": TEXT})
    )

    assert found.undoes("cancel_dinner", "book_table")


def test_pictures_hold_every_arrow_and_no_markup() -> None:
    tools = (*LIBRARY, make("take", {"book_id": TEXT, 'x"]; click a "javascript:"_id': TEXT}))
    links = find_links(tools)
    picture = mermaid(tools, links)

    assert '-->|"book_id"|' in picture
    assert picture.count("-->") == len({(link.producer, link.consumer) for link in links})
    assert "2 weaker arrows are left out" in mermaid(tools, links, limit=1)
    assert '"search" -> "lend" [label="book_id"' in dot(tools, links)
    assert "javascript:" not in picture


_nouns = st.sampled_from("book loan member card shelf".split())
_tools = st.lists(
    st.builds(
        lambda verb, noun, takes, gives: make(
            f"{verb}_{noun}", {f"{x}_id": TEXT for x in takes}, {f"{x}_id": TEXT for x in gives} if gives else None
        ),
        st.sampled_from("find create cancel get update".split()),
        _nouns,
        st.lists(_nouns, max_size=3),
        st.none() | st.lists(_nouns, max_size=3),
    ),
    max_size=12,
    unique_by=lambda tool: tool.name,
)


@budget(max_examples=80, deadline=None)
@given(_tools)
def test_any_tools_can_be_ordered(tools: list[Tool]) -> None:
    found = graph(*tools)
    order = sorted(found.rank, key=found.rank.__getitem__)

    assert sorted(order) == sorted(tool.name for tool in tools)
    for position, name in enumerate(order):
        assert not found.missing(name, order[:position])
        required = {p for p in found.tools[name].properties if p in found.tools[name].required}
        assert found.from_user[name] | found.needs[name].keys() == required
        assert not found.from_user[name] & found.needs[name].keys()
