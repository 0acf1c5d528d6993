"""The preset for small models, over a domain."""

from __future__ import annotations

from pathlib import Path

from tests.builders import TOOLS, call, dialogue, spec
from tests.pipeline.homes import context, run_domain
from toolace_dagster.pipeline.rule_screen import hard_rules
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.verification.checks import Checks


def test_the_screen_finds_what_verification_would_reject_and_can_be_mended() -> None:
    rules = hard_rules(Checks.of(Settings()), spec(), TOOLS)
    assert not rules(dialogue())
    broken = call("t07", "rate_garage", {"garage_id": "GR-771", "stars": "many"}, 1)
    (fault,) = rules(dialogue(tuple(broken if turn.id == "t07" else turn for turn in dialogue().turns)))
    assert fault.turn_id == "t07"
    off = Settings(rule_severity={"rule.arguments_schema": "off"})
    silenced = hard_rules(Checks.of(off), spec(), TOOLS)
    assert not silenced(dialogue(tuple(broken if turn.id == "t07" else turn for turn in dialogue().turns)))


def test_a_small_run_goes_by_turn_sums_up_and_mends(tmp_path: Path) -> None:
    chosen = Settings.model_validate(
        {"preset": "small", "dialogues": 4, "rounds": 1, "llm": ModelSettings(error_rate=6.0).model_dump()}
    )
    where = context(tmp_path, chosen, domain="museum_visits")
    reports = run_domain(where)
    assert not any(report.failed for report in reports)
    calls = where.store.read("SELECT stage, task, count(*) AS n FROM model_calls GROUP BY ALL")
    made = {(row["stage"], row["task"]): row["n"] for row in calls}
    assert made["skeletons", "mask_fill"]
    assert ("skeletons", "trajectory") not in made
    edits = where.store.read("SELECT outcome FROM edits WHERE operation = 'repair' AND round = 1")
    assert "accepted" in {row["outcome"] for row in edits}
