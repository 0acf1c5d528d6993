"""The preset for small models, over a domain."""

from __future__ import annotations

from pathlib import Path

from tests.builders import TOOLS, call, dialogue, spec
from tests.pipeline.homes import context, run_domain
from toolace_dagster.pipeline.rule_screen import hard_rules
from toolace_dagster.refinement.rounds import RefinedDialogue
from toolace_dagster.reporting.calls import CallCounts, count_calls
from toolace_dagster.reporting.history import read_histories
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


def test_what_convergence_saved_goes_by_passes_of_refinement_alone() -> None:
    calls = {"skeletons": 40, "mask-and-fill": 8, "judge": 2, "repair": 30}
    assert CallCounts(calls, attempted=4, rounds=10, converged=5).saved == 10
    assert CallCounts(calls, attempted=4, rounds=10, converged=0).saved == 0


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
    counts = count_calls(where.warehouse, [where.domain])
    assert counts.calls["mask-and-fill"] == made["refinement_round_01", "mask_fill"]
    assert counts.calls["skeletons"] == sum(
        n for (stage, task), n in made.items() if stage == "skeletons" and task != "grounding_correction"
    )
    assert counts.calls.get("repair", 0) == made.get(("verification", "mask_fill"), 0)
    assert sum(counts.calls.values()) == sum(made.values())
    sound: set[tuple[str, str]] = set()
    turns: set[tuple[str, str]] = set()
    for key, row in where.payloads("refinement_round_01", RefinedDialogue).items():
        turns |= {(key, turn.id) for turn in row.dialogue.turns}
        passes = [each for each in row.edits if each.operation == "reasonability_refinement"]
        sound |= {(key, each.before.id) for edit in passes if edit.outcome != "discarded" for each in edit.replacements}
    histories = read_histories(where.store, {key for key, _ in turns})
    assert histories.keys() == {key for key, _ in turns}, "edits read back from their table can be replayed"
    assert (counts.turns, counts.refined) == (len(turns), len(sound))
    assert 0 < counts.refined < counts.turns
    edits = where.store.read("SELECT outcome FROM edits WHERE operation = 'repair' AND round = 1")
    assert "accepted" in {row["outcome"] for row in edits}
