"""Arms: what they have in common, what is paid for, and going on after a stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.experiments.undertakings import make, rows_of, undertaking
from tests.pipeline.homes import DOMAIN, context, held, run_domain
from toolace_dagster.experiments.declared import arm_settings
from toolace_dagster.experiments.homes import arm_home, examined_store
from toolace_dagster.experiments.making import Undertaking, last_undertaking
from toolace_dagster.experiments.measures import measure, read_results
from toolace_dagster.experiments.tallies import arm_dialogues
from toolace_dagster.pipeline.context import StageContext

COST = ("calls_made", "calls_per_", "calls_unverified", "calls_verified", "tokens_", "cached_", "replies_", "cost_")
COMMON = "SELECT * EXCLUDE (run_id) FROM stage_rows WHERE stage IN ('task_specs', 'skeletons') ORDER BY ALL"


def paid(made: Undertaking, launch: str) -> int:
    """Calls that a launch paid for, in all arms and in examination; arms that go on have those of others too."""
    stores = [arm_home(made.home, made.experiment, arm).domain(DOMAIN) for arm in made.arms]
    query = "SELECT call_id, created_at FROM model_calls WHERE run_id = $run"
    return len(
        {
            (row["call_id"], row["created_at"])
            for store in (*stores, examined_store(made.home, DOMAIN))
            for row in store.read(query, {"run": launch})
        }
    )


def without_cost(made: Undertaking) -> list[dict[str, float]]:
    """The figures of each arm but for calls and tokens."""
    return [
        {name: value for name, value in each.figures.items() if not name.startswith(COST)}
        for each in read_results(made.home, "ablation")
    ]


def in_arm(made: Undertaking, name: str) -> StageContext:
    """The context of an arm."""
    arm = made.experiment.arm(name)
    return StageContext(DOMAIN, arm_settings(made.basis, arm), arm_home(made.home, made.experiment, arm), "look")


def test_all_arms_have_the_same_task_specs_and_skeletons_to_the_byte(ablation: Undertaking) -> None:
    first, *others = (rows_of(ablation, arm.name, COMMON) for arm in ablation.arms)
    assert len(first) == 2 * ablation.basis.dialogues
    assert all(each == first for each in others)


def test_arms_do_the_operations_they_are_about_and_no_other(ablation: Undertaking) -> None:
    query = "SELECT DISTINCT operation FROM edits WHERE operation <> 'repair' ORDER BY operation"
    done = {arm.name: [row["operation"] for row in rows_of(ablation, arm.name, query)] for arm in ablation.arms}
    injection, reasonability = ["complexity_injection"], ["reasonability_refinement"]
    assert done == {
        "initialization": [],
        "injection": injection,
        "reasonability": reasonability,
        "full": injection + reasonability,
        "without_verification": injection + reasonability,
    }


def test_an_arm_that_goes_on_holds_what_a_fresh_home_would(ablation: Undertaking, tmp_path: Path) -> None:
    made = in_arm(ablation, "full")
    fresh = context(tmp_path, made.settings)
    run_domain(fresh)
    assert held(made) == held(fresh)


def test_more_passes_go_on_from_fewer_and_hold_what_a_fresh_home_would(tmp_path: Path) -> None:
    made = undertaking(tmp_path / "home", "scaling", dialogues=2)
    assert [end.error for end in make(made, "passes_01", "passes_03", launch="first")] == [""]
    assert [end.error for end in make(made, "passes_05", launch="second")] == [""]
    ran = rows_of(made, "passes_05", "SELECT DISTINCT stage FROM stage_rows WHERE run_id = 'second' ORDER BY stage")
    later = ["refinement_round_04", "refinement_round_05", "verification", "verified_dialogues"]
    assert [row["stage"] for row in ran] == later
    fresh = context(tmp_path / "fresh", in_arm(made, "passes_05").settings)
    run_domain(fresh)
    assert held(in_arm(made, "passes_05")) == held(fresh)


def test_every_pass_is_made_in_scaling_also_after_convergence(tmp_path: Path) -> None:
    made = undertaking(tmp_path, "scaling", dialogues=1, llm={"error_rate": 0.0})
    make(made, "passes_01", "passes_03", "passes_05", "passes_10")
    assert rows_of(made, "passes_10", "SELECT count(*) AS n FROM refinement_rounds WHERE finished") == [{"n": 0}]


def test_making_again_pays_nothing_and_changes_nothing(ablation: Undertaking) -> None:
    before = [held(in_arm(ablation, arm.name)) for arm in ablation.arms]
    figures = read_results(ablation.home, "ablation")
    assert paid(ablation, "first") > 0
    assert [end.error for end in make(ablation, launch="again")] == [""]
    measure(ablation, ablation.arms)
    assert paid(ablation, "again") == 0
    assert [held(in_arm(ablation, arm.name)) for arm in ablation.arms] == before
    assert read_results(ablation.home, "ablation") == figures


def test_an_arm_has_just_the_calls_of_its_rows_on_its_books(ablation: Undertaking) -> None:
    query = """
        SELECT (SELECT count(DISTINCT call_id) FROM all_calls) AS booked,
               (SELECT count(DISTINCT call_id) FROM (SELECT unnest(call_ids) AS call_id FROM stage_rows)) AS used
    """
    for arm in ablation.arms:
        row = rows_of(ablation, arm.name, query)[0]
        assert row["booked"] == row["used"] > 0, arm.name


def test_a_budget_stops_it_and_the_next_launch_goes_on_to_the_same_end(ablation: Undertaking, tmp_path: Path) -> None:
    max_calls = 60
    limited = undertaking(tmp_path, "ablation", max_calls=max_calls)
    (end,) = make(limited, launch="limited")
    assert end.limit == "max_calls"
    assert 0 < paid(limited, "limited") <= max_calls
    made = undertaking(tmp_path, "ablation")
    assert [end.error for end in make(made, launch="rest")] == [""]
    measure(made, made.arms)
    for mine, other in zip(without_cost(made), without_cost(ablation), strict=True):
        # Entropy sums in the order that words come, which is not always the same.
        assert mine == pytest.approx(other, rel=1e-12)
    # A reply that could not be used, whose mend the limit held back, is gone on from as well.
    assert paid(made, "limited") + paid(made, "rest") <= paid(ablation, "first")


def test_it_can_be_gone_on_with_as_it_was(ablation: Undertaking) -> None:
    assert last_undertaking(ablation.home, ablation.experiment) == ablation.__class__(
        ablation.home, ablation.experiment, ablation.basis, ablation.domains
    )


def test_examination_finds_what_verification_rejects_and_looks_once_at_each_dialogue(ablation: Undertaking) -> None:
    for arm in ablation.arms:
        for row in arm_dialogues(ablation.home, ablation.experiment, arm, DOMAIN):
            assert (row["defects_after"] is not None) == (row["state"] == "accepted")
            assert not any(check.startswith("rule.") for check in row["defects_after"] or [])
    twice = "SELECT key FROM examined GROUP BY key HAVING count(*) > 1"
    assert examined_store(ablation.home, DOMAIN).read(twice) == []


def test_a_rule_that_rejects_is_a_defect(ablation: Undertaking) -> None:
    query = """
        SELECT dialogue_id, check_id FROM findings
        WHERE stage = 'verification' AND (severity = 'hard' OR message LIKE '% mended it.')
    """
    found: dict[tuple[str, str], str] = {}
    for arm in ablation.arms:
        for row in rows_of(ablation, arm.name, query):
            if row["check_id"].startswith("rule."):
                found[arm.name, row["dialogue_id"]] = row["check_id"]
    assert found
    seen = {
        (arm.name, row["dialogue_id"]): row["defects_before"]
        for arm in ablation.arms
        for row in arm_dialogues(ablation.home, ablation.experiment, arm, DOMAIN)
    }
    assert all(check in seen[place] for place, check in found.items())
