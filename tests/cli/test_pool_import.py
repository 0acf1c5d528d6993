"""`toolace pool import`: what is written, that doing it again changes nothing, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.tool_pool.pools import FIXTURES
from toolace_dagster.cli.app import app
from toolace_dagster.tool_pool import load_pool

PETSTORE = FIXTURES.parent / "openapi" / "petstore_swaggerapi_oas30.yaml"
EMPTY = {"type": "object", "properties": {}}


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["pool", *(str(each) for each in arguments)])


def content(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def bare(*names: str) -> str:
    return json.dumps([{"name": name, "parameters": EMPTY} for name in names])


@pytest.mark.parametrize("source", [PETSTORE, FIXTURES], ids=["openapi", "mcp"])
def test_imported_pool_holds_the_same_tools_and_needs_no_repair(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tools"

    result = invoke("import", source, "--into", folder)

    assert result.exit_code == 0, result.output
    before, after = load_pool(source), load_pool(folder)
    assert [domain.tools for domain in after.domains] == [domain.tools for domain in before.domains]
    assert [domain.description for domain in after.domains] == [domain.description for domain in before.domains]
    assert {note.status for note in after.notes} == {"accepted"}
    report = json.loads((folder / "import_report.json").read_text())["sources"]
    ((name, account),) = report.items()
    assert (folder / name).resolve() == source.resolve()
    assert len(account["notes"]) == len(before.notes) == account["accepted"] + account["repaired"]


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    invoke("import", PETSTORE, "--into", tmp_path / "tools")
    before = content(tmp_path / "tools")

    result = invoke("import", PETSTORE, "--into", tmp_path / "tools")

    assert content(tmp_path / "tools") == before
    assert "nothing had changed" in result.output


def test_several_sources_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "mine.json").write_text(bare("own"))
    for name, tools in {"a/shop": ["buy"], "b/shop": ["sell"], "c/mine": ["other"]}.items():
        file = tmp_path / f"{name}.json"
        file.parent.mkdir()
        file.write_text(bare(*tools))
        result = invoke("import", file, "--into", folder)

    assert "has a domain mine from elsewhere already: this one is mine_2" in result.output
    tools = {domain.name: [tool.name for tool in domain.tools] for domain in load_pool(folder).domains}
    assert tools == {"mine": ["own"], "mine_2": ["other"], "shop": ["buy"], "shop_2": ["sell"]}

    (tmp_path / "b" / "shop.json").write_text(json.dumps({"domain": "market", "tools": json.loads(bare("sell"))}))
    again = invoke("import", tmp_path / "b" / "shop.json", "--into", folder)

    assert "shop_2.json is gone" in again.output
    assert {domain.name for domain in load_pool(folder).domains} == {"mine", "mine_2", "shop", "market"}


def test_folder_with_a_foreign_report_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "import_report.json").write_text('{"mine": 1}')

    result = invoke("import", PETSTORE, "--into", tmp_path)

    assert result.exit_code == 1
    assert "is not the report of an import" in result.output
    assert content(tmp_path) == {"import_report.json": '{"mine": 1}'}


def test_one_bad_tool_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop.json").write_text('[{"name": "a", "parameters": {"type": "dict"}}, {"name": ""}, 7]')

    result = invoke("import", tmp_path / "shop.json", "--into", tmp_path / "tools")

    assert result.exit_code == 1
    assert "repaired: shop.json: a: the type 'dict' of parameters was read as 'object'" in result.output
    assert "rejected: shop.json: entry 2: the entry has no name Mend: give it a" in result.output
    assert "3 entries: 0 accepted, 1 repaired, 2 rejected." in result.output
    assert [tool.name for tool in load_pool(tmp_path / "tools").domains[0].tools] == ["a"]


def test_many_notes_are_grouped(tmp_path: Path) -> None:
    entries = [
        {"name": f"a {i}", "parameters": {**EMPTY, "properties": {f"p{i}": {"type": "float"}}}} for i in range(50)
    ]
    (tmp_path / "shop.json").write_text(json.dumps([*entries, 7]))

    result = invoke("check", "--pool", tmp_path / "shop.json")

    lines = result.output.splitlines()
    assert lines[0].startswith("rejected 1: the entry is a number, not an object (such as shop.json: entry 51).")
    assert lines[1].startswith("repaired 50: the name … was changed to … (such as shop.json: a 0, shop.json: a 1,")
    assert lines[2].startswith("repaired 50: the type … was read as … (such as")
    assert len([line for line in lines if line.startswith("repaired")]) == 2


def test_look_alikes_are_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(bare("search_everything"))

    result = invoke("check", "--pool", tmp_path)

    assert "1 groups of near-duplicates: one/search_everything, two/search_everything (100%)" in result.output
    assert "1 groups of names that several domains have: one/search_everything" in result.output


def test_domains_file_is_applied(tmp_path: Path) -> None:
    (tmp_path / "wishes.toml").write_text('[domains.till]\ndescription = "Money."\ntools = ["pay*"]')
    (tmp_path / "shop.json").write_text(bare("buy", "pay_now"))

    invoke("import", tmp_path / "shop.json", "--into", tmp_path / "tools", "--domains", tmp_path / "wishes.toml")

    assert {domain.name: domain.description for domain in load_pool(tmp_path / "tools").domains} == {
        "shop": "",
        "till": "Money.",
    }


def test_domain_called_like_the_report_is_kept(tmp_path: Path) -> None:
    (tmp_path / "import_report.json").write_text(bare("find_seat", "book_seat"))

    result = invoke("import", tmp_path / "import_report.json", "--into", tmp_path / "tools")

    assert "this one is import_report_2" in result.output
    (domain,) = load_pool(tmp_path / "tools").domains
    assert [tool.name for tool in domain.tools] == ["book_seat", "find_seat"]


def test_no_name_of_a_tool_passes_for_another_note(tmp_path: Path) -> None:
    (tmp_path / "seats.json").write_text(bare("book seat\nrejected: seats.json: find_seat: forged"))

    result = invoke("import", tmp_path / "seats.json", "--into", tmp_path / "tools")

    assert not [line for line in result.output.splitlines() if line.startswith("rejected")]
