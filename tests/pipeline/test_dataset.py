"""What spans domains, over a finished home: sides that stay, exports that follow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from tests.pipeline.homes import DOMAIN, settings
from toolace_dagster.assets.dataset import export_asset
from toolace_dagster.dataset import SPLITS, render_card
from toolace_dagster.entities import content_hash
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.card import card_facts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.dataset import count_verified, make_splits, stored_withheld
from toolace_dagster.pipeline.exports import copy_export, make_export
from toolace_dagster.pipeline.preferences import copy_preferences, make_preferences
from toolace_dagster.pipeline.verified import stretches
from toolace_dagster.warehouse import Warehouse, insert

SHARED = ("splits", "dealt_splits", "dataset_facts")
SIDES = "SELECT dialogue_id, split FROM splits ORDER BY dialogue_id"


@pytest.fixture
def home(finished: StageContext, tmp_path: Path) -> Warehouse:
    """A copy of the finished home, to be changed."""
    shutil.copytree(finished.warehouse.home / "warehouse", tmp_path / "home" / "warehouse")
    return Warehouse(tmp_path / "home")


def sides(home: Warehouse, **more: Any) -> dict[str, str]:
    make_splits(home, settings(**more))
    return {row["dialogue_id"]: row["split"] for row in home.shared.read(SIDES)}


def hide(home: Warehouse, but: int) -> None:
    """Leave only the first dialogues verified, as if the others were yet to come."""
    with home.domain(DOMAIN).write() as connection:
        connection.execute("UPDATE stage_rows SET stage = 'verified_dialogues' WHERE stage = 'hidden'")
        connection.execute(
            "UPDATE stage_rows SET stage = 'hidden' WHERE stage = 'verified_dialogues' AND dialogue_id NOT IN ("
            "SELECT dialogue_id FROM stage_rows WHERE stage = 'verified_dialogues' ORDER BY slot LIMIT ?)",
            [but],
        )


def test_a_side_once_given_is_kept_as_data_comes_and_goes(home: Warehouse) -> None:
    hide(home, but=4)
    first = sides(home)
    hide(home, but=10)
    grown = sides(home)
    assert len(grown) > len(first) == 4
    assert first.items() <= grown.items()
    hide(home, but=2)
    assert sides(home).items() <= first.items()
    hide(home, but=10)
    assert sides(home) == grown


def test_other_settings_deal_anew_and_the_old_ones_give_the_old_sides_back(home: Warehouse) -> None:
    first = sides(home)
    other = sides(home, test_share=0.5)
    assert list(other.values()).count("test") in (len(other) // 2, len(other) // 2 + 1)
    assert other != first
    assert sides(home) == first


def test_stretches_are_even_and_hold_each_dialogue_once(tmp_path: Path) -> None:
    home = Warehouse(tmp_path)
    shared = {"stage": "verified_dialogues", "stage_index": 99, "state": "accepted", "domain": DOMAIN, "run_id": "r"}
    with home.domain(DOMAIN).write() as connection:
        rows = [{"dialogue_id": f"d{slot}", "slot": slot, "attempt": 0, "content_hash": "h"} for slot in range(600)]
        insert(connection, "stage_rows", [shared | {"fingerprint": "f", "payload": {}} | row for row in rows])
    found = stretches(home, settings())
    slots = [list(range(each.first, each.last + 1)) for each in found]
    assert [slot for own in slots for slot in own] == list(range(600))
    assert list(map(len, slots)) == [200, 200, 200]


def everything(home: Warehouse) -> dict[str, list[dict[str, Any]]]:
    return {name: home.shared.read(f"SELECT * FROM {name} ORDER BY ALL") for name in SHARED}


def test_a_copy_changes_nothing_of_the_home(home: Warehouse, tmp_path: Path) -> None:
    first = sides(home)
    before = everything(home)
    assert all(before[name] for name in ("splits", "dealt_splits", "dataset_facts"))
    other = settings(test_share=0.5)
    report = copy_export(home, other, "trl", tmp_path / "files")
    assert report.splits.sizes["test"] > list(first.values()).count("test")
    copy_preferences(home, other, tmp_path / "files")
    assert everything(home) == before


def test_a_copy_by_the_home_s_settings_has_the_home_s_sides(home: Warehouse, tmp_path: Path) -> None:
    hide(home, but=4)
    sides(home)
    hide(home, but=10)
    copied = copy_export(home, settings(), "trl", tmp_path / "files").splits.sizes
    later = list(sides(home).values())
    assert copied == {side: later.count(side) for side in SPLITS}


def of_message(message: dict[str, Any]) -> Any:
    """What a message says and calls."""
    return message["content"], [call["function"] for call in message.get("tool_calls", ())]


def of_turn(turn: dict[str, Any]) -> Any:
    """The same of a turn."""
    return turn["content"], [{"name": call["name"], "arguments": call["arguments"]} for call in turn["tool_calls"]]


def test_repairs_give_pairs_with_what_was_found_wrong(home: Warehouse, tmp_path: Path) -> None:
    report = copy_preferences(home, settings(), tmp_path / "files")
    lines = [
        json.loads(line)
        for path in (tmp_path / "files" / "preferences").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert len(lines) == report.rows == sum(ends["pairs"] for ends in report.counts.values())
    repaired = [line for line in lines if line["source"] == "repair"]
    assert len(repaired) == report.counts["repair"]["pairs"] > 0
    for pair in repaired:
        where = {"edit": pair["edit_id"]}
        sql = "SELECT outcome, replacements FROM edits WHERE edit_id = $edit AND operation = 'repair'"
        (edit,) = home.domain(DOMAIN).read(sql, where)
        assert edit["outcome"] == "accepted"
        versions = [of_message(json.loads(pair[side][0])) for side in ("chosen", "rejected")]
        (turn_id,) = [
            each["before"]["id"]
            for each in json.loads(edit["replacements"])
            if each["before"]["role"] == "assistant"
            and [of_turn(each["after"][0]), of_turn(each["before"])] == versions
        ]
        sql = "SELECT message FROM findings WHERE turn_id = $turn AND message LIKE '%Edit ' || $edit || ' mended it.'"
        found = home.domain(DOMAIN).read(sql, where | {"turn": turn_id})
        assert pair["reason"] == " ".join(row["message"].split(" Edit ")[0] for row in found) != ""


def test_what_is_withheld_is_told_and_missed_by_no_check(home: Warehouse, tmp_path: Path) -> None:
    assert make_splits(home, settings()).withheld == {}
    # Nearly everything is alike now, and sides were given when it was not.
    alike = settings(split_likeness=0.01)
    deal_name = content_hash(alike.of("validation_share", "test_share", "split_likeness", "split_apart"))
    given = [
        {"deal": deal_name, "age": age, "dialogue_id": each, "anchor": each, "split": "train" if age % 2 else "test"}
        for age, each in enumerate(sides(home))
    ]
    with home.shared.write() as connection:
        insert(connection, "dealt_splits", given)
    outcome = make_splits(home, alike)
    assert outcome.withheld
    name = min(outcome.withheld)
    whole = sum(outcome.report.sizes.values()) + len(outcome.withheld)
    assert whole == count_verified(home, alike)
    report = copy_export(home, alike, "trl", tmp_path / "files")
    assert report.rows == count_verified(home, alike) - len(stored_withheld(home))
    (warning,) = [each for each in report.warnings if each.startswith(name)]
    assert "two sides" in warning
    resource = Toolace(home=str(home.home), settings=alike.model_dump(mode="json", exclude_defaults=True))
    made = dg.materialize([export_asset("openai")], resources={"toolace": resource})
    (check,) = made.get_asset_check_evaluations()
    assert check.passed, check.metadata
    card = render_card(card_facts(home, alike))
    assert "in no file" in card
    assert name in card.replace("\\_", "_")


def test_the_card_tells_of_near_duplicates(home: Warehouse) -> None:
    make_splits(home, settings())
    facts = card_facts(home, settings())
    assert facts.splits.near_duplicates is not None
    assert "such pairs" in render_card(facts)


def test_the_card_tells_the_licence_of_borrowed_tools(home: Warehouse) -> None:
    make_splits(home, settings())
    with home.domain(DOMAIN).write() as connection:
        connection.execute(
            "UPDATE borrowed_tools SET definition = json_merge_patch(definition, "
            """'{"domain":"far","provenance":{"source":"far.json","licence":"GPL-3.0"}}')"""
        )
    facts = card_facts(home, settings())
    (far,) = [source for source in facts.sources if source.domain == "far"]
    assert (far.source, far.licence) == ("far.json", "GPL-3.0")
    assert far.tools > 0
    card = render_card(facts)
    assert "gpl-3.0" in yaml.safe_load(card.split("---\n")[1])["license"]
    assert f"| far | far.json | {far.tools} | GPL-3.0 |" in card


def test_the_card_tells_of_each_export_as_it_was_made(home: Warehouse) -> None:
    hide(home, but=4)
    make_splits(home, settings())
    make_export(home, settings(), "openai")
    make_preferences(home, settings())
    hide(home, but=10)
    masked = settings(loss_mask=["failed_calls"], slices={"single_turn": 0.5})
    make_splits(home, masked)
    make_export(home, masked, "axolotl")
    make_export(home, settings(), "hermes")
    facts = card_facts(home, settings())
    assert set(facts.rows) == set(facts.made_with) == {"axolotl", "hermes"}
    assert facts.earlier == ("openai", "preferences")
    card = render_card(facts)
    (axolotl,) = [line for line in card.splitlines() if line.startswith("- `axolotl/`")]
    assert "kept out of the loss: `failed_calls`" in axolotl
    assert "`single_turn` 0.5" in axolotl
    (hermes,) = [line for line in card.splitlines() if line.startswith("- `hermes/`")]
    assert "kept out" not in hermes
    assert "- `openai/`: of an earlier export" in card
    assert "loss_mask" not in card.replace("\\_", "_")
    report = make_preferences(home, settings())
    assert f"- `preferences/`: preference pairs for TRL, chosen over rejected. Rows: {report.rows:,}." in render_card(
        card_facts(home, settings())
    )


def test_an_export_of_splits_that_stand_is_present_whatever_settings_they_were_made_with(home: Warehouse) -> None:
    make_splits(home, settings())
    # As an earlier version of the code stored it, which hashed other settings.
    with home.shared.write() as connection:
        connection.execute("UPDATE dataset_facts SET fingerprint = 'of another version' WHERE name = 'splits'")
    make_export(home, settings(), "openai")
    make_preferences(home, settings())
    later = settings(expert_votes=3)
    facts = card_facts(home, later)
    assert (facts.earlier, set(facts.rows)) == ((), {"openai"})
    assert facts.pairs is not None
    assert "trl/" not in render_card(facts)
    # The same dialogues on other sides are another matter.
    with home.shared.write() as connection:
        connection.execute("UPDATE splits SET split = CASE split WHEN 'train' THEN 'test' ELSE 'train' END")
    facts = card_facts(home, later)
    assert (facts.earlier, facts.rows, facts.pairs) == (("openai", "preferences"), {}, None)


def test_an_export_of_a_dialogue_that_was_made_anew_is_an_earlier_one(home: Warehouse) -> None:
    make_splits(home, settings())
    make_export(home, settings(), "openai")
    with home.domain(DOMAIN).write() as connection:
        connection.execute(
            "UPDATE stage_rows SET content_hash = 'another' WHERE stage = 'verified_dialogues' AND dialogue_id = "
            "(SELECT min(dialogue_id) FROM stage_rows WHERE stage = 'verified_dialogues')"
        )
    make_splits(home, settings())
    assert card_facts(home, settings()).earlier == ("openai",)


def test_an_export_that_noted_no_content_is_present_where_it_was_made_with_the_splits(home: Warehouse) -> None:
    make_splits(home, settings())
    make_export(home, settings(), "openai")
    make_preferences(home, settings())
    with home.shared.write() as connection:
        connection.execute("UPDATE dataset_facts SET facts = json_merge_patch(facts, '{\"made_of\": null}')")
    assert card_facts(home, settings()).earlier == ()
    with home.shared.write() as connection:
        connection.execute("UPDATE dataset_facts SET fingerprint = 'of another version' WHERE name = 'splits'")
    assert card_facts(home, settings()).earlier == ("openai", "preferences")


def test_an_export_warns_of_examples_that_the_dialogues_do_not_offer(home: Warehouse, tmp_path: Path) -> None:
    wanted = settings(slices={"parallel_calls": 1.0})
    make_splits(home, wanted)
    report = copy_export(home, wanted, "trl", tmp_path / "files")
    missing = report.rows - report.slices.get("parallel_calls", 0)
    assert missing > 3, "the home has parallel calls now: take a kind that it lacks"
    (warning,) = [each for each in report.warnings if "parallel_calls" in each]
    assert "all that" in warning
    assert not any("all that" in each for each in copy_export(home, settings(), "trl", tmp_path / "files").warnings)
