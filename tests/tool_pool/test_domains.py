"""Domains that are split by text, and what the user says about domains."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.tool_pool.pools import EMPTY, WritePool
from toolace_dagster.entities import Provenance, Tool
from toolace_dagster.tool_pool import WHOLE_FILE, PoolOptions, ToolPool, load_pool
from toolace_dagster.tool_pool.clustering import split_by_text

TOPICS = {
    "weather": "rain sun wind forecast storm temperature humidity snow cloud",
    "bank": "account transfer money payment balance loan interest credit deposit",
    "garden": "plant soil water seed harvest compost tree flower hedge",
    "museum": "ticket exhibit painting tour visitor sculpture gallery curator opening",
}


def entries(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Tools of four topics in no order."""
    rng = random.Random(seed)
    made: list[dict[str, Any]] = []
    for number in range(count):
        topic, words = list(TOPICS.items())[number % len(TOPICS)]
        chosen = rng.sample(words.split(), 5)
        text = f"Handles {topic}: {' and '.join(chosen)}."
        made.append({"name": f"{chosen[0]}_{chosen[1]}_{number}", "description": text, "parameters": EMPTY})
    rng.shuffle(made)
    return made


def names(pool: ToolPool) -> dict[str, list[str]]:
    return {domain.name: [tool.name for tool in domain.tools] for domain in pool.domains}


def topic_of(tool: Tool) -> str:
    return tool.description.split(" ")[1].rstrip(":")


def test_large_flat_pool_is_split_into_topics(write_pool: WritePool) -> None:
    file = write_pool({"flat.json": entries(200)}) / "flat.json"

    whole = load_pool(file, PoolOptions(domain_limit=200))
    parts = load_pool(file, PoolOptions(domain_limit=60))

    assert names(whole).keys() == {"flat"}
    assert sum(len(domain.tools) for domain in parts.domains) == 200
    assert all(domain.name.startswith("flat_") and len(domain.tools) <= 60 for domain in parts.domains)
    pure = sum(len(domain.tools) for domain in parts.domains if len({topic_of(tool) for tool in domain.tools}) == 1)
    assert pure >= 180
    for domain in parts.domains:
        assert [note.domain for note in domain.notes] == [domain.name] * len(domain.tools)
        assert {tool.domain for tool in domain.tools} == {domain.name}


def test_split_does_not_depend_on_the_order(write_pool: WritePool) -> None:
    given = entries(150)
    first = names(load_pool(write_pool({"flat.json": given}), PoolOptions(domain_limit=40)))

    assert names(load_pool(write_pool({"flat.json": given[::-1]}), PoolOptions(domain_limit=40))) == first


def test_split_of_equal_tools_ends() -> None:
    tools = [
        Tool(name=f"t{i}", description="the same", parameters=EMPTY, domain="d", provenance=Provenance(source="s"))
        for i in range(50)
    ]

    parts = split_by_text(tools, 4)

    assert sorted(at for _, places in parts for at in places) == list(range(50))
    assert all(len(places) <= 4 for _, places in parts)


def test_tools_of_one_name_go_to_different_parts(write_pool: WritePool) -> None:
    given = entries(40)
    for number, entry in enumerate(given[:4]):
        entry |= {"name": "search", "description": f"{entry['description']} {number}"}

    pool = load_pool(write_pool({"flat.json": given}), PoolOptions(domain_limit=15))

    assert sum(tools.count("search") for tools in names(pool).values()) == min(4, len(pool.domains))
    assert sum(len(domain.tools) for domain in pool.domains) + sum(n.status == "rejected" for n in pool.notes) == 40


def test_copies_and_rejected_entries_are_accounted_for(write_pool: WritePool) -> None:
    given = entries(40)

    pool = load_pool(write_pool({"flat.json": [*given, given[0], 5]}), PoolOptions(domain_limit=15))

    assert len(pool.notes) == 42
    notes = {note.item: note for note in pool.notes if note.status == "rejected"}
    copy, number = notes[given[0]["name"]], notes["entry 42"]
    assert "the domain has the same tool" in copy.reason
    assert copy.domain in names(pool)
    assert "a number" in number.reason


OVERRIDES = """
exclude = ["debug_*"]

[domains.till]
description = "Takes money."
tools = ["pay", "stock/refund*"]

[domains.stock]
description = "What there is."

[domains."New Things"]
tools = ["Brand.New"]
"""


def bare(*given: str) -> list[dict[str, Any]]:
    return [{"name": name, "parameters": EMPTY} for name in given]


def test_user_moves_describes_and_leaves_out(write_pool: WritePool) -> None:
    folder = write_pool(
        {
            "shop.json": bare("pay", "buy", "debug_all", "Brand.New"),
            "stock.json": bare("count", "refund_all", "refund_one"),
            "other.json": bare("refund_all"),
            "domains.toml": OVERRIDES,
        }
    )

    pool = load_pool(folder)

    assert names(pool) == {
        "new_things": ["Brand_New"],
        "other": ["refund_all"],
        "shop": ["buy"],
        "stock": ["count"],
        "till": ["pay", "refund_all", "refund_one"],
    }
    assert pool.domain("till").description == "Takes money."
    assert pool.domain("stock").description == "What there is."
    assert {note.domain for note in pool.domain("till").notes} == {"till"}
    (left_out,) = [note for note in pool.notes if note.status == "rejected"]
    assert (left_out.item, "domains.toml leaves it out" in left_out.reason) == ("debug_all", True)


def test_unknown_names_are_reported_with_the_nearest(write_pool: WritePool) -> None:
    text = 'exclude = ["bye"]\n[domains.shop]\ntools = ["nothing_like_it"]\n[domains.stok]\ndescription = "x"'

    pool = load_pool(write_pool({"shop.json": bare("buy"), "stock.json": bare("count"), "domains.toml": text}))

    said = {note.item: (note.reason, note.mend) for note in pool.other_notes}
    assert said == {
        "bye": ("no tool is called 'bye'", "did you mean buy?"),
        "nothing_like_it": ("no tool is called 'nothing_like_it'", "correct the name or delete it"),
        "stok": ("there is no domain 'stok'", "did you mean stock?"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_tools = ", "not TOML"),
        ("max_tools = 1", "max_tools: "),
        ("colour = 3", "colour: "),
    ],
)
def test_bad_overrides_are_named_and_the_pool_is_read(text: str, said: str, write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"shop.json": bare("buy"), "domains.toml": text}))

    assert names(pool) == {"shop": ["buy"]}
    (note,) = pool.other_notes
    assert (note.source, note.item, note.status) == ("domains.toml", WHOLE_FILE, "rejected")
    assert said in note.reason


def test_a_tool_that_two_domains_name_is_reported(write_pool: WritePool) -> None:
    text = '[domains.first]\ntools = ["b*"]\n[domains.second]\ntools = ["buy"]\n[domains.third]\ntools = ["*"]\n'
    pool = load_pool(write_pool({"shop.json": bare("buy", "browse", "count"), "domains.toml": text}))
    assert names(pool) == {"first": ["browse", "buy"], "third": ["count"]}
    (note,) = [note for note in pool.notes if note.source == "domains.toml"]
    assert (note.item, note.status) == ("buy", "repaired")
    assert note.reason == "domains first and second both ask for 'buy'; first has it"


def test_user_sets_the_limit(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"flat.json": entries(40), "domains.toml": "max_tools = 20"}))

    assert len(pool.domains) > 1
    assert all(len(domain.tools) <= 20 for domain in pool.domains)
