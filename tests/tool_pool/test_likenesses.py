"""Near-duplicates and name clashes: found exactly, reported, and left as they are."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.entities import Provenance, Tool
from toolace_dagster.tool_pool.likenesses import NEAR, find_likenesses, likeness


def tool(name: str, description: str = "", domain: str = "shop", parameters: tuple[str, ...] = ()) -> Tool:
    return Tool(
        name=name,
        description=description,
        parameters={"type": "object", "properties": {each: {} for each in parameters}},
        domain=domain,
        provenance=Provenance(source="s"),
    )


LONG = "Finds all open orders of a customer in the shop and lists them with their dates, the oldest of them first"


def test_near_duplicates_and_clashes() -> None:
    tools = [
        tool("find_orders", f"{LONG}.", parameters=("customer_id",)),
        tool("find_orders", f"{LONG}!", domain="mail", parameters=("customer_id",)),
        tool("findOrders", f"{LONG} of all.", domain="mail", parameters=("customer_id",)),
        tool("send_letter", "Sends a letter by post."),
    ]

    near, clash = find_likenesses(tools)

    assert near.kind == "near_duplicate"
    assert near.tools == ("mail/findOrders", "mail/find_orders", "shop/find_orders")
    assert NEAR <= near.similarity < 1
    assert (clash.kind, clash.tools) == ("name_clash", ("mail/find_orders", "shop/find_orders"))


def test_nothing_alike() -> None:
    assert find_likenesses([tool("add", "Adds."), tool("remove", "Removes.")]) == ()


_words = st.sampled_from("open order list customer date old new by of the shop find".split())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.lists(_words, max_size=9)), max_size=8))
def test_search_finds_just_the_pairs_that_comparing_all_finds(given_tools: list[tuple[str, list[str]]]) -> None:
    tools = [tool(name, " ".join(words), domain=f"d{at}") for at, (name, words) in enumerate(given_tools)]

    grouped = [set(each.tools) for each in find_likenesses(tools) if each.kind == "near_duplicate"]

    together = {
        frozenset((f"{one.domain}/{one.name}", f"{two.domain}/{two.name}"))
        for one, two in combinations(tools, 2)
        if likeness(one, two) >= NEAR
    }
    assert all(any(pair <= group for group in grouped) for pair in together)
    assert {name for group in grouped for name in group} == {name for pair in together for name in pair}
