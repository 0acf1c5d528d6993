"""Links between what one tool returns and what another takes."""

from __future__ import annotations

from typing import Any

import pytest

from toolace_dagster.entities import Provenance, Tool
from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.tool_pool import find_links, identifier_parameters, load_pool, producers_of, reachable
from toolace_dagster.tool_pool.dependencies import FEEDS, MAX_SOURCES, SURE


def make(name: str, takes: dict[str, Any], gives: dict[str, Any] | None = None) -> Tool:
    return Tool(
        name=name,
        parameters={"type": "object", "properties": takes, "required": [*takes]},
        result={"type": "object", "properties": gives} if gives is not None else None,
        domain="library",
        provenance=Provenance(source="library.json"),
    )


def listed(**fields: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": fields}}


TEXT: dict[str, Any] = {"type": "string"}
BOOK: dict[str, Any] = {"type": "string", "pattern": "^BK-[0-9]{5}$"}

CONFIDENCES: dict[str, tuple[dict[str, Any], dict[str, Any], list[tuple[str, float]]]] = {
    "identifier pattern": ({"book_id": BOOK}, {"book_id": BOOK}, [("$.book_id", 1.0)]),
    "identifier in a list": ({"holds": listed(hold_id=TEXT)}, {"hold_id": TEXT}, [("$.holds[].hold_id", 0.9)]),
    "camel case": ({"bookId": TEXT}, {"book_id": TEXT}, [("$.bookId", 0.9)]),
    "id in a list of the noun": ({"books": listed(id=TEXT)}, {"book_id": TEXT}, [("$.books[].id", 0.8)]),
    "id in an object of the noun": (
        {"city": {"type": "object", "properties": {"id": TEXT}}},
        {"city_id": TEXT},
        [("$.city.id", 0.8)],
    ),
    "noun in -ies": ({"entries": listed(id=TEXT)}, {"entry_id": TEXT}, [("$.entries[].id", 0.8)]),
    "list of identifiers": (
        {"books": listed(book_id=BOOK)},
        {"book_ids": {"type": "array", "items": BOOK}},
        [("$.books[].book_id", 1.0)],
    ),
    "result lists identifiers": (
        {"book_ids": {"type": "array", "items": BOOK}},
        {"book_id": BOOK},
        [("$.book_ids[]", 1.0)],
    ),
    "optional in the result": (
        {"book_id": {"anyOf": [BOOK, {"type": "null"}]}},
        {"book_id": BOOK},
        [("$.book_id", 1.0)],
    ),
    "plain name": ({"crop": TEXT}, {"crop": TEXT}, [("$.crop", 0.4)]),
    "integer fits number": ({"fee": {"type": "integer"}}, {"fee": {"type": "number"}}, [("$.fee", 0.4)]),
    "plain name with the same choices": (
        {"crop": {"enum": ["oats"], "type": "string"}},
        {"crop": {"enum": ["oats"], "type": "string"}},
        [("$.crop", 0.5)],
    ),
    "plain name with like descriptions": (
        {"crop": {"type": "string", "description": "Crop grown on the field"}},
        {"crop": {"type": "string", "description": "Crop that is grown there"}},
        [("$.crop", 0.5)],
    ),
    "plain name that says little": ({"date": TEXT}, {"date": TEXT}, [("$.date", 0.2)]),
    "a word before the identifier": ({"account_id": TEXT}, {"source_account_id": TEXT}, [("$.account_id", 0.7)]),
    "a bare id whose noun is described": (
        {"order_id": TEXT},
        {"id": {"type": "string", "description": "Identifier of the order"}},
        [("$.order_id", 0.7)],
    ),
    "only the pattern is the same": ({"found_id": BOOK}, {"book_id": BOOK}, [("$.found_id", 0.8)]),
    "other type": ({"fee": TEXT}, {"fee": {"type": "number"}}, []),
    "other pattern": ({"book_id": BOOK}, {"book_id": {"type": "string", "pattern": "^B[0-9]$"}}, []),
    "other choices": ({"state": {"type": "string", "enum": ["a"]}}, {"state": {"type": "string", "enum": ["b"]}}, []),
    "id of another noun": ({"members": listed(id=TEXT)}, {"book_id": TEXT}, []),
    "other name": ({"author": TEXT}, {"title": TEXT}, []),
}


@pytest.mark.parametrize("name", CONFIDENCES)
def test_confidence(name: str) -> None:
    gives, takes, expected = CONFIDENCES[name]

    links = find_links([make("producer", {}, gives), make("consumer", takes)])

    assert [(link.result_path, link.confidence) for link in links] == expected
    assert all((link.producer, link.consumer) == ("producer", "consumer") for link in links)


def test_no_tool_feeds_itself() -> None:
    assert find_links([make("renew", {"loan_id": TEXT}, {"loan_id": TEXT})]) == ()


@pytest.mark.parametrize(
    ("name", "schema", "is_identifier"),
    [
        ("id", TEXT, True),
        ("book_id", {"type": "integer"}, True),
        ("orderId", TEXT, True),
        ("receipt_number", {"type": "string", "pattern": r"^R\d+$"}, True),
        ("receipt_number", TEXT, False),
        ("booking_ref", {"type": "string", "pattern": "^[A-Z0-9]{6}$"}, True),
        ("country_code", {"type": "string", "pattern": "^[A-Z]{2}$"}, False),
        ("door_code", {"type": "string", "pattern": "^[A-Z]{2}$"}, False),
        ("postal_code", {"type": "string", "pattern": "^[0-9]{5}$"}, False),
        ("kind_id", {"type": "string", "enum": ["a", "b"]}, False),
        ("paid", {"type": "boolean"}, False),
        ("title", TEXT, False),
    ],
)
def test_which_parameters_are_identifiers(name: str, schema: dict[str, Any], is_identifier: bool) -> None:
    assert identifier_parameters(make("t", {name: schema})) == ((name,) if is_identifier else ())


def test_producers_come_surest_first() -> None:
    tools = [
        make("by_noun", {}, {"books": listed(id=TEXT)}),
        make("by_name", {}, {"book_id": TEXT}),
        make("lend", {"book_id": TEXT}),
    ]

    found = producers_of(find_links(tools), tools[2], "book_id")

    assert [link.producer for link in found] == ["by_name", "by_noun"]


def test_tools_are_reachable_in_the_order_of_their_needs() -> None:
    tools = [
        make("renew", {"loan_id": TEXT}),
        make("lend", {"book_id": TEXT}, {"loan_id": TEXT}),
        make("search", {"query": TEXT}, {"books": listed(book_id=TEXT)}),
        make("circle_a", {"x_id": TEXT}, {"y_id": TEXT}),
        make("circle_b", {"y_id": TEXT}, {"x_id": TEXT}),
        make("from_user", {"card_id": TEXT}),
    ]

    assert [tool.name for tool in reachable(tools, find_links(tools))] == ["search", "from_user", "lend", "renew"]


def test_every_shipped_tool_is_reachable() -> None:
    if not any(SHIPPED_POOL.glob("*.json")):
        pytest.skip("no shipped pool here")
    for domain in load_pool(SHIPPED_POOL).domains:
        in_order = reachable(domain.tools, find_links(domain.tools))
        assert sorted(tool.name for tool in in_order) == [tool.name for tool in domain.tools]


def described(name: str, description: str, takes: dict[str, Any]) -> Tool:
    return make(name, takes).model_copy(update={"description": description})


@pytest.mark.parametrize(
    ("producer", "takes", "confidence"),
    [
        (make("search_orders", {"text": TEXT}), {"order_id": TEXT}, 0.6),
        (make("createOrder", {"text": TEXT}), {"orderId": TEXT}, 0.6),
        (make("orders_list", {}), {"order_id": TEXT}, 0.6),
        (described("list_orders", "Lists orders with their IDs.", {}), {"order_id": TEXT}, 0.7),
        (make("get_order", {"order_id": TEXT}), {"order_id": TEXT}, 0.3),
        (make("ship_order", {}), {"order_id": TEXT}, None),
        (make("list_orders", {}), {"customer_id": TEXT}, None),
        (make("find_it", {}), {"key": {"type": "string", "description": "As returned by find_it."}}, 0.85),
    ],
    ids=lambda value: value.name if isinstance(value, Tool) else "",
)
def test_names_and_descriptions_link_tools_without_a_described_result(
    producer: Tool, takes: dict[str, Any], confidence: float | None
) -> None:
    links = [link for link in find_links([producer, make("pay_bill", takes)]) if link.consumer == "pay_bill"]

    assert [link.confidence for link in links] == ([] if confidence is None else [confidence])
    assert all(link.evidence and link.result_path == "$" for link in links)


def test_a_tool_that_returns_what_it_was_given_is_no_source() -> None:
    tools = [make("move_book", {"book_id": BOOK}, {"book_id": BOOK}), make("lend", {"book_id": BOOK})]

    (link,) = (link for link in find_links(tools) if link.consumer == "lend")

    assert link.confidence < FEEDS < SURE
    assert "given" in link.evidence


def test_a_parameter_keeps_its_surest_sources_only() -> None:
    tools = [make(f"find_{n}", {}, {"book_id": TEXT if n % 2 else BOOK}) for n in range(200)]
    links = find_links([*tools, make("lend", {"book_id": BOOK})])

    assert len(links) == MAX_SOURCES
    assert {link.confidence for link in links} == {1.0}
