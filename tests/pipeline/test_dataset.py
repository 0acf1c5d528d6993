"""What spans domains, over a finished home: sides that stay, exports that follow."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.homes import DOMAIN, settings
from toolace_dagster.dataset import render_card
from toolace_dagster.pipeline.card import card_facts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.dataset import make_splits
from toolace_dagster.pipeline.exports import copy_export
from toolace_dagster.warehouse import Warehouse

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
    """Leave only some dialogues verified, as if the others were yet to come."""
    with home.domain(DOMAIN).write() as connection:
        connection.execute("UPDATE stage_rows SET stage = 'verified_dialogues' WHERE stage = 'hidden'")
        connection.execute(
            "UPDATE stage_rows SET stage = 'hidden' WHERE stage = 'verified_dialogues' AND slot >= ?", [but]
        )


def test_a_side_once_given_is_kept_as_data_comes_and_goes(home: Warehouse) -> None:
    hide(home, but=4)
    first = sides(home)
    hide(home, but=10)
    grown = sides(home)
    assert len(grown) > len(first) > 1
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


def test_the_card_tells_of_near_duplicates(home: Warehouse) -> None:
    make_splits(home, settings())
    facts = card_facts(home, settings())
    assert facts.splits.near_duplicates is not None
    assert "such pairs" in render_card(facts)


def test_an_export_warns_of_examples_that_the_dialogues_do_not_offer(home: Warehouse, tmp_path: Path) -> None:
    wanted = settings(slices={"parallel_calls": 1.0})
    make_splits(home, wanted)
    report = copy_export(home, wanted, "trl", tmp_path / "files")
    missing = report.rows - report.slices.get("parallel_calls", 0)
    assert missing > 3, "the home has parallel calls now: take a kind that it lacks"
    (warning,) = [each for each in report.warnings if "parallel_calls" in each]
    assert "all that" in warning
    assert not any("all that" in each for each in copy_export(home, settings(), "trl", tmp_path / "files").warnings)
