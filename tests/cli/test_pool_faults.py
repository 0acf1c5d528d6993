"""Pools with faults: each is named with its file and mend, and what is sound goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.cli.command import toolace
from tests.pipeline.homes import TWO_DOMAINS, small_pool
from toolace_dagster.cli.app import app
from toolace_dagster.pipeline.sync import retired_domains
from toolace_dagster.warehouse import Warehouse


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def entry(name: str | None) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"description": "Finds a garage.", "parameters": parameters}
    return tool | ({"name": name} if name else {})


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A pool with one sound tool and three faults."""
    pool = tmp_path / "pool"
    pool.mkdir()
    (pool / "broken.json").write_text('{"tools": [')
    (pool / "garages.json").write_text(json.dumps([entry("find_garage"), entry(None), entry("find_garage")]))
    return pool


def test_check_names_file_item_reason_and_mend(faulty: Path) -> None:
    result = invoke("pool", "check", "--pool", faulty)
    assert result.exit_code == 1
    lines = [line for line in result.stdout.splitlines() if line.startswith("rejected: ")]
    assert len(lines) == 3
    broken, nameless, twice = sorted(lines, key=lambda line: ("broken" not in line, "already" in line))
    assert "broken.json" in broken
    assert "JSON" in broken
    assert "garages.json" in nameless
    assert "name" in nameless
    assert "garages.json: find_garage" in twice
    assert "has the same tool 'find_garage' already" in twice
    assert all("Mend: " in line for line in lines)
    assert "3 rejected" in result.stdout


def test_check_of_a_sound_pool(tmp_path: Path) -> None:
    result = invoke("pool", "check", "--pool", small_pool(tmp_path / "pool"))
    assert result.exit_code == 0
    assert "0 rejected" in result.stdout


def test_list_shows_domains_and_tools(tmp_path: Path) -> None:
    result = invoke("pool", "list", "--pool", small_pool(tmp_path / "pool"))
    assert result.exit_code == 0
    assert f"{TWO_DOMAINS[0]} (8 tools)" in result.stdout
    assert "museum_visits (8 tools)" in result.stdout


def test_a_run_goes_on_with_what_is_sound_and_ends_with_1(faulty: Path, tmp_path: Path) -> None:
    ended = toolace("run", "--home", tmp_path / "home", "--pool", faulty, "--dialogues", 1, "--rounds", 0)
    assert ended.code == 1
    assert "broken.json" in ended.out
    assert "has the same tool 'find_garage' already" in ended.out
    assert "Traceback" not in ended.out + ended.err
    assert "\ngarages " in ended.out
    assert (tmp_path / "home" / "exports" / "README.md").exists()


@pytest.mark.parametrize("command", [["pool", "list"], ["pool", "check"], ["run"]])
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing", None, "There is no tool pool at"),
        ("empty", {}, "holds no file of tools"),
        ("unreadable", {"a.json": "no json"}, "a.json"),
        ("nameless", {"a.json": json.dumps([entry(None)])}, "holds no usable tool"),
    ],
)
def test_a_pool_without_a_usable_tool(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    name: str,
    content: dict[str, str] | None,
    words: str,
) -> None:
    monkeypatch.setenv("TOOLACE_HOME", str(tmp_path / "home"))
    pool = tmp_path / name
    if content is not None:
        pool.mkdir()
        for file, text in content.items():
            (pool / file).write_text(text)
    result = invoke(*command, "--pool", pool)
    assert result.exit_code == 1
    assert words in result.stderr
    assert str(pool) in result.stderr
    assert not (tmp_path / "home").exists()


def test_text_of_tools_can_not_drive_the_terminal(tmp_path: Path) -> None:
    nasty = entry("paint") | {"description": "[red]Paints[/red] [/] \x1b[31mred\x1b[0m \x9b2J :cat: \\[b] \u202eend"}
    pool = tmp_path / "nasty.json"
    pool.write_text(json.dumps([nasty, entry("[bold]\x1b]0;title\x07")]))
    for command in ("list", "check"):
        result = invoke("pool", command, "--pool", pool)
        assert result.exit_code in (0, 1)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(result.output)
    shown = invoke("pool", "list", "--pool", pool).stdout
    assert "[red]Paints[/red] [/] \\x1b[31mred\\x1b[0m \\x9b2J :cat: \\[b]" in shown


def test_graph_is_drawn_and_an_unknown_domain_or_form_is_named() -> None:
    drawn = invoke("pool", "graph", "library_lending")
    assert drawn.exit_code == 0
    assert drawn.stdout.startswith("```mermaid\nflowchart LR")
    assert '-->|"member_id"|' in drawn.stdout
    assert invoke("pool", "graph", "library_lending", "--format", "dot").stdout.startswith("digraph tools {")
    assert "identifiers of the same name" in invoke("pool", "graph", "library_lending", "--format", "table").stdout
    unknown = invoke("pool", "graph", "librari_lending")
    assert unknown.exit_code == 1
    assert "Did you mean library_lending" in unknown.stderr
    assert invoke("pool", "graph", "library_lending", "--format", "png").exit_code == 2


def test_a_domain_that_may_be_left_out_is_made_only_when_it_is_named(tmp_path: Path) -> None:
    """``domains.toml`` can't be read: one domain was made before, the other may stand in it."""
    pool, home = small_pool(tmp_path / "pool"), tmp_path / "home"
    made, unsure = TWO_DOMAINS
    words = ("--home", home, "--pool", pool, "--dialogues", 1, "--rounds", 0)
    assert invoke("run", *words, "--domain", made).exit_code == 0
    warehouse = Warehouse(home)
    (pool / "domains.toml").write_text(f'exclude = ["{unsure}/*"')
    for command in ("plan", "run"):
        result = invoke(command, *words)
        assert f"{unsure}: left out, since domains.toml may leave them out and can't be read." in result.stderr
        assert result.exit_code == (command == "run")
        assert warehouse.domains() == [made]
    result = invoke("run", *words, "--domain", unsure)
    assert "left out, since" not in result.stderr
    assert warehouse.domains() == sorted(TWO_DOMAINS)


def test_a_domain_that_may_be_left_out_stays_retired_until_it_is_named(tmp_path: Path) -> None:
    pool, home = small_pool(tmp_path / "pool"), tmp_path / "home"
    kept, left_out = TWO_DOMAINS
    words = ("--home", home, "--pool", pool, "--dialogues", 1, "--rounds", 0)
    assert invoke("run", *words).exit_code == 0
    (pool / "domains.toml").write_text(f'exclude = ["{left_out}/*"]')
    assert invoke("sync", "--home", home, "--pool", pool).exit_code == 0
    warehouse = Warehouse(home)
    (pool / "domains.toml").write_text(f'exclude = ["{left_out}/*"')
    for more, retired in (((), {left_out}), (("--domain", kept), {left_out}), (("--domain", left_out), set[str]())):
        invoke("run", *words, *more)
        assert set(retired_domains(warehouse)) == retired
