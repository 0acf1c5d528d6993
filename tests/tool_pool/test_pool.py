"""Which files make up which domain, duplicates, and what a pool says when asked for what it lacks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.tool_pool.pools import FIXTURES, WritePool
from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.tool_pool import DOMAIN_NAME, PoolError, ToolPool, UnknownDomain, load_pool

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "parameters": {"type": "object", "properties": {}}}


def names(pool: ToolPool) -> dict[str, list[str]]:
    return {domain.name: [each.name for each in domain.tools] for domain in pool.domains}


def test_files_and_folders_are_domains(write_pool: WritePool) -> None:
    pool = load_pool(
        write_pool(
            {
                "time.tools_list.json": [tool("now")],
                "shop/orders.json": [tool("order")],
                "shop/deep/er/stock.json": [tool("count"), tool("add")],
                "Bücher & Co.json": [tool("read")],
            }
        )
    )

    assert names(pool) == {"bucher_co": ["read"], "shop": ["add", "count", "order"], "time": ["now"]}
    assert pool.domain("shop").tools[0].provenance.source == "shop/deep/er/stock.json"


def test_single_file_is_a_pool(write_pool: WritePool) -> None:
    file = write_pool({"git.tools_list.json": [tool("log")]}) / "git.tools_list.json"

    assert names(load_pool(file)) == {"git": ["log"]}


def test_stated_domain_wins_over_the_file_name(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"v2.json": {"domain": "Zoo Visits", "tools": [tool("feed")]}}))

    assert names(pool) == {"zoo_visits": ["feed"]}


def test_other_files_are_noted_and_papers_are_not(write_pool: WritePool) -> None:
    pool = load_pool(
        write_pool(
            {
                "README.md": "x",
                "LICENSE": "x",
                "LICENCE-MIT.txt": "x",
                ".hidden.json": "x",
                "__pycache__/x.pyc": "x",
                "shop/.git/config": "x",
                "shop/tools.json": [tool("buy")],
                "shop/tools.xml": "x",
                "licence_plates.json": [tool("look_up")],
                "table.csv": "x",
            }
        )
    )

    assert names(pool) == {"licence_plates": ["look_up"], "shop": ["buy"]}
    assert [note.source for note in pool.other_notes] == ["table.csv"]
    assert [note.source for note in pool.notes if note.status == "rejected"] == ["shop/tools.xml", "table.csv"]


def test_broken_file_in_a_folder_is_noted_in_its_domain(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"shop/a.json": "{", "shop/b.json": [tool("buy")]}))

    assert [(note.source, note.status) for note in pool.domain("shop").notes] == [
        ("shop/a.json", "rejected"),
        ("shop/b.json", "accepted"),
    ]


def test_file_and_folder_of_one_name_are_one_domain(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"shop.json": [tool("a")], "shop/more.json": [tool("b")]}))

    assert names(pool) == {"shop": ["a", "b"]}


def test_names_that_become_equal_stay_apart_and_are_noted(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"a b.json": [tool("x")], "a_b.json": [tool("y")], "A-B.json": [tool("z")]}))

    assert names(pool) == {"a-b": ["z"], "a_b": ["y"], "a_b_2": ["x"]}
    (note,) = [note for note in pool.notes if note.status == "repaired"]
    assert (note.domain, note.source, note.item) == ("a_b_2", "a b.json", DOMAIN_NAME)


def test_two_files_of_one_stem_stay_apart(write_pool: WritePool) -> None:
    files = {"time.json": [tool("x")], "time.tools_list.json": [tool("y")], "time_2.json": [tool("z")]}

    assert names(load_pool(write_pool(files))) == {"time": ["x"], "time_2": ["z"], "time_3": ["y"]}


def test_unreadable_file_takes_no_name_away(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"time.json": "{", "time.tools_list.json": [tool("y")]}))

    assert names(pool) == {"time": ["y"]}
    assert [note.source for note in pool.other_notes] == ["time.json"]


def test_first_of_two_tools_of_one_name_stays(write_pool: WritePool) -> None:
    pool = load_pool(
        write_pool(
            {"shop/a.json": [tool("buy")], "shop/b.json": [{**tool("buy"), "description": "Other."}, tool("sell")]}
        )
    )

    assert names(pool) == {"shop": ["buy", "sell"]}
    (note,) = [note for note in pool.notes if note.status == "rejected"]
    assert note.item == "buy"
    assert "shop/a.json" in note.reason
    assert "shop/b.json" in note.reason


def test_same_tool_again_is_told_from_another_of_the_name(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"shop/a.json": [tool("buy")], "shop/b.json": [tool("buy")]}))

    (note,) = [note for note in pool.notes if note.status == "rejected"]
    assert note.reason == "the domain has the same tool 'buy' already, from shop/a.json"


def test_domain_without_usable_tools_is_no_domain_but_keeps_its_notes(write_pool: WritePool) -> None:
    pool = load_pool(write_pool({"bad.json": [1, {"name": ""}], "good.json": [tool("x")]}))

    assert names(pool) == {"good": ["x"]}
    assert [(note.domain, note.item, note.status) for note in pool.other_notes] == [
        ("bad", "entry 1", "rejected"),
        ("bad", "entry 2", "rejected"),
    ]


def test_unknown_domain_names_the_closest_and_all(mcp_pool: ToolPool) -> None:
    with pytest.raises(UnknownDomain, match=r"'memmory'.*Did you mean memory\?.*fetch, git, memory, time"):
        mcp_pool.domain("memmory")


def test_missing_path_names_path_and_mend(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"nowhere.*Give a folder"):
        load_pool(tmp_path / "nowhere")


@pytest.mark.parametrize("files", [{}, {"README.md": "x"}])
def test_empty_pool_names_path_and_mend(files: dict[str, Any], write_pool: WritePool) -> None:
    with pytest.raises(PoolError, match=r"pool holds no file of tools\. Put tool definitions"):
        load_pool(write_pool(files))


def test_reading_twice_gives_the_same(mcp_fixtures: Path, mcp_pool: ToolPool) -> None:
    assert load_pool(mcp_fixtures) == mcp_pool


def test_real_mcp_servers_come_in_whole(mcp_pool: ToolPool) -> None:
    counts = {domain.name: Counter(note.status for note in domain.notes) for domain in mcp_pool.domains}

    assert counts == {
        "fetch": {"accepted": 1},
        "git": {"accepted": 12},
        "memory": {"accepted": 9},
        "time": {"accepted": 1, "repaired": 1},
    }
    (repair,) = [note for note in mcp_pool.notes if note.status == "repaired"]
    assert repair.item == "convert_time"
    assert "#/$defs/TimeResult" in repair.reason


def test_accepted_mcp_tools_keep_their_schemas(mcp_fixtures: Path, mcp_pool: ToolPool) -> None:
    for domain in mcp_pool.domains:
        for each in domain.tools:
            file = mcp_fixtures / each.provenance.source
            given = next(t for t in json.loads(file.read_text())["tools"] if t["name"] == each.name)["inputSchema"]
            assert each.parameters == {key: value for key, value in given.items() if key != "$schema"}


@pytest.mark.parametrize("pool", [SHIPPED_POOL, FIXTURES], ids=["shipped", "mcp"])
def test_every_schema_of_real_pools_is_valid(pool: Path) -> None:
    if not any(pool.glob("*.json")):
        pytest.skip("no pool here")
    for domain in load_pool(pool).domains:
        for each in domain.tools:
            for schema in (each.parameters, each.result or {}):
                jsonschema_rs.meta.validate({"$schema": DIALECT, **schema})
                jsonschema_rs.Draft202012Validator(schema)


def test_shipped_pool_needs_no_repair() -> None:
    if not any(SHIPPED_POOL.glob("*.json")):
        pytest.skip("no shipped pool here")
    assert {note.status for note in load_pool(SHIPPED_POOL).notes} == {"accepted"}
