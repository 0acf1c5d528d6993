"""Only what is stale is made again, and what was paid for once is never paid for again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.homes import DOMAIN, FAULTY, context, held, paid_calls, run_domain, settings, small_pool
from tests.pipeline.prompts import change_prompt
from toolace_dagster.pipeline.checks import sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.staleness import Staleness, first_stale
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool


@pytest.fixture
def copied(finished: StageContext, tmp_path: Path) -> Path:
    """A copy of the finished home, to be changed."""
    return shutil.copytree(finished.warehouse.home, tmp_path / "home")


def stale_in(home: Path, chosen: Settings) -> Staleness | None:
    return first_stale(context(home, chosen), load_pool(chosen.pool).domain(DOMAIN))


def least_offered(where: StageContext) -> str:
    counts = where.store.read(
        "SELECT unnest(from_json(spec -> '$.offered_tools', '[\"VARCHAR\"]')) AS name, count(*) AS dialogues "
        "FROM task_specs GROUP BY name ORDER BY dialogues, name"
    )
    return counts[0]["name"]


def test_nothing_is_stale_after_a_run(finished: StageContext) -> None:
    assert stale_in(finished.warehouse.home, finished.settings) is None


def test_an_empty_home_is_stale_from_the_pool_on(tmp_path: Path) -> None:
    stale = stale_in(tmp_path, settings())
    assert stale is not None
    assert stale.stage == "tool_pool"


def test_running_again_makes_no_call_and_leaves_every_row(finished: StageContext, copied: Path) -> None:
    again = context(copied, finished.settings, run_id="second")
    reports = run_domain(again)
    assert paid_calls(again) == 0
    assert again.store.read("SELECT count(*) AS n FROM call_uses WHERE run_id = 'second'") == [{"n": 0}]
    assert all(report.made == 0 and report.reused == report.attempted for report in reports)
    assert again.store.read("SELECT DISTINCT run_id FROM stage_rows") == [{"run_id": "first"}]
    assert held(again) == held(finished)


@pytest.mark.parametrize(
    ("changed", "stage"),
    [
        ({"seed": 1}, "task_specs"),
        ({"distractors": {"low": 5, "high": 6}}, "task_specs"),
        ({"dialogues": 11}, "task_specs"),
        ({"rounds": 3}, "refinement_round_01"),
        ({"rounds": 1}, "refinement_round_01"),
        ({"mask_share": 0.2}, "refinement_round_01"),
        ({"rule_tries": 3}, "task_specs"),
        ({"skeleton_context": "summary"}, "skeletons"),
        ({"rules_in_refinement": True}, "refinement_round_01"),
        ({"questions_per_call": 5}, "verification"),
        ({"rule_severity": {"rule.step_count": "off"}}, "verification"),
        ({"expert_threshold": 0.5}, "verification"),
        ({"llm": ModelSettings(error_rate=1.0)}, "task_specs"),
        ({"llm": ModelSettings(error_rate=FAULTY.error_rate, temperature=0.1)}, "task_specs"),
        ({"llm": ModelSettings(error_rate=FAULTY.error_rate, model="another")}, "task_specs"),
    ],
)
def test_a_changed_setting_makes_stale_what_depends_on_it(
    finished: StageContext, changed: dict[str, Any], stage: str
) -> None:
    stale = stale_in(finished.warehouse.home, settings(**changed))
    assert stale is not None
    assert stale.stage == stage
    assert stale.rows > 0


@pytest.mark.parametrize(
    "changed",
    [
        {"llm": ModelSettings(error_rate=FAULTY.error_rate, concurrency=3, timeout=1.0, transport_retries=0)},
        {"llm": ModelSettings(error_rate=FAULTY.error_rate, base_url="http://elsewhere.invalid/v1")},
        {"validation_share": 0.3},
    ],
)
def test_settings_that_change_no_dialogue_make_nothing_stale(finished: StageContext, changed: dict[str, Any]) -> None:
    assert stale_in(finished.warehouse.home, settings(**changed)) is None


@pytest.mark.parametrize(
    ("prompt", "stage"),
    [
        ("task_spec", "task_specs"),
        ("sub_trajectory", "skeletons"),
        ("judge", "refinement_round_01"),
        ("expert", "verification"),
    ],
)
def test_a_changed_prompt_makes_its_stage_stale(
    finished: StageContext, monkeypatch: pytest.MonkeyPatch, prompt: str, stage: str
) -> None:
    change_prompt(monkeypatch, prompt)
    stale = stale_in(finished.warehouse.home, finished.settings)
    assert stale is not None
    assert stale.stage == stage


def test_a_changed_tool_makes_only_the_dialogues_that_offer_it_again(tmp_path: Path) -> None:
    pool = small_pool(tmp_path / "pool")
    few_tools = settings(
        pool=pool, dialogues=6, rounds=0, sub_tasks={"low": 2, "high": 2}, distractors={"low": 0, "high": 0}
    )
    before = context(tmp_path / "home", few_tools)
    run_domain(before)
    path = pool / f"{DOMAIN}.json"
    document = json.loads(path.read_text())
    changed = next(tool for tool in document["tools"] if tool["name"] == least_offered(before))
    changed["description"] += " Now with a remark."
    path.write_text(json.dumps(document))
    where = context(tmp_path / "home", few_tools, run_id="second")
    stale = first_stale(where, load_pool(pool).domain(DOMAIN))
    assert stale is not None
    assert stale.stage == "tool_pool"
    offering = {
        row["dialogue_id"]
        for row in where.store.read("SELECT dialogue_id, spec ->> '$.offered_tools' AS names FROM task_specs")
        if changed["name"] in json.loads(row["names"] or "[]")
    }
    assert 0 < len(offering) < few_tools.dialogues
    reports = run_domain(where)
    assert reports[0].made == len(offering)
    assert first_stale(where, load_pool(pool).domain(DOMAIN)) is None


def test_fewer_dialogues_drop_the_rows_beyond_them(finished: StageContext, copied: Path) -> None:
    where = context(copied, settings(dialogues=4), run_id="second")
    stale = stale_in(copied, where.settings)
    assert stale == Staleness(stage="task_specs", rows=0, obsolete=6)
    run_domain(where)
    assert paid_calls(where) == 0
    assert where.store.read("SELECT max(slot) AS n FROM stage_rows") == [{"n": 3}]
    assert [fault for stage in domain_stages(where.settings) for fault in sum_faults(where, stage.name)] == []
    kept = [row for row in held(finished)["stage_rows"] if row["slot"] < 4]
    assert held(where)["stage_rows"] == kept


@pytest.mark.parametrize("rounds", [1, 3])
def test_another_number_of_rounds_gives_what_a_fresh_home_would_hold(copied: Path, tmp_path: Path, rounds: int) -> None:
    chosen = settings(rounds=rounds, dialogues=4)
    changed, fresh = context(copied, chosen, run_id="second"), context(tmp_path / "fresh", chosen)
    run_domain(changed)
    run_domain(fresh)
    assert held(changed) == held(fresh)
    assert stale_in(copied, chosen) is None
    assert changed.store.read("SELECT DISTINCT state FROM outcomes WHERE state = 'unfinished'") == []
    assert [fault for stage in domain_stages(chosen) for fault in sum_faults(changed, stage.name)] == []


@pytest.mark.parametrize("stage", ["task_specs", "skeletons", "refinement_round_02", "verification", None])
def test_rows_that_were_lost_are_made_again_without_a_paid_call(
    finished: StageContext, copied: Path, stage: str | None
) -> None:
    where = context(copied, finished.settings, run_id="second")
    with where.store.write() as connection:
        for table in ("stage_rows", "edits", "findings", "expert_answers"):
            connection.execute(f"DELETE FROM {table} WHERE stage = $stage OR $stage IS NULL", {"stage": stage})
    stale = stale_in(copied, where.settings)
    assert stale is not None
    assert stale.stage == (stage or "task_specs")
    run_domain(where)
    assert paid_calls(where) == 0
    assert held(where) == held(finished)


def test_the_same_seed_gives_the_same_rows_in_another_home_and_another_seed_others(
    finished: StageContext, tmp_path: Path
) -> None:
    same = context(tmp_path / "same", finished.settings)
    run_domain(same)
    assert held(same) == held(finished)
    other = context(tmp_path / "other", settings(seed=1, rounds=0, dialogues=2))
    run_domain(other)
    ids = {row["dialogue_id"] for row in held(other)["stage_rows"]}
    assert ids.isdisjoint(row["dialogue_id"] for row in held(finished)["stage_rows"])
