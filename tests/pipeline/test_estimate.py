"""Estimates: what is to be made, what the past tells, and how sure one can be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pipeline.homes import DOMAIN, FAULTY, context, run_domain, settings, small_pool
from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.llm.money.prices import PriceTable, read_prices
from toolace_dagster.llm.protocol import Usage
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.estimate import (
    Evidence,
    Work,
    find_work,
    make_estimate,
    past_evidence,
    rehearse,
)
from toolace_dagster.pipeline.estimate.evidence import DialogueUse, Used
from toolace_dagster.pipeline.estimate.foresight import foresee
from toolace_dagster.pipeline.regeneration import plan_domain
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse

CALLS_BY_STAGE = "SELECT stage, count(*) AS n FROM model_calls GROUP BY ALL"
TABLE = PriceTable(
    read_prices(
        "[t]\nbatch = 0.5\n[t.models]\ncheap = { prompt = 1, completion = 2 }\ndear = { prompt = 10, completion = 20 }",
        "t",
    )
)


def priced(**more: Any) -> Settings:
    return settings(**({"rounds": 1, "llm": {"model": "cheap"}} | more))


def use(scale: float, *stages: str, domain: str = "d", name: str = "") -> DialogueUse:
    usage = Usage(prompt_tokens=round(1e6 * scale), completion_tokens=round(1e5 * scale))
    chosen = stages or ("task_specs", "verification")
    roles = {"task_specs": "generator", "verification": "expert"}
    return DialogueUse(
        domain,
        name,
        frozenset(chosen),
        {(stage, roles[stage]): Used(2, usage, 3.0) for stage in chosen},  # pyright: ignore[reportArgumentType]
        frozenset(),
    )


def work(count: int, begin: str = "task_specs", domain: str = "d") -> Work:
    return Work(domain, count, {begin: count})


def test_a_home_is_asked_what_is_stale_and_left_as_it_is(finished: StageContext, tmp_path: Path) -> None:
    domain = load_pool(finished.settings.pool).domain(DOMAIN)
    before = finished.store.path.stat()

    def found(**more: Any) -> dict[str, int]:
        return find_work(domain, settings(**more), finished.warehouse).from_stage

    assert found() == {}
    assert found(dialogues=13) == {"task_specs": 3}
    passed = len(finished.places("skeletons"))
    assert found(mask_share=0.2) == {"refinement_round_01": passed}
    assert found(llm=FAULTY.model_copy(update={"model": "other"})) == {"task_specs": 10}
    fewer = domain.model_copy(update={"tools": domain.tools[:5]})
    changed = find_work(fewer, settings(), finished.warehouse)
    assert changed.from_stage.keys() == {"task_specs"}
    assert 0 < changed.from_stage["task_specs"] <= 10
    assert find_work(domain, settings(), Warehouse(tmp_path / "empty")).from_stage == {"task_specs": 10}
    assert not (tmp_path / "empty").exists()
    assert finished.store.path.stat() == before


def test_the_past_counts_only_with_as_much_work(finished: StageContext) -> None:
    past = past_evidence(finished.warehouse, [DOMAIN], finished.settings)
    assert past is not None
    assert past.kind == "same"
    assert len(past.dialogues) == 10
    stored = finished.store.read("SELECT count(*) AS calls, sum(prompt_tokens) AS prompt FROM model_calls")[0]
    used = [one for dialogue in past.dialogues for one in dialogue.used.values()]
    assert sum(one.calls for one in used) == stored["calls"]
    assert sum(one.usage.prompt_tokens for one in used) == stored["prompt"]
    assert past_evidence(finished.warehouse, [DOMAIN], settings(seed=5, dialogues=99)) is not None
    assert past_evidence(finished.warehouse, [DOMAIN], settings(rounds=3)) is None
    # The offline model is no evidence for another.
    assert past_evidence(finished.warehouse, [DOMAIN], settings(llm={"model": "gpt-4o"})) is None


@pytest.mark.parametrize("changes", [{"formats": ("trl",)}, {"loss_mask": ("failed_calls",)}, {"split_likeness": 0.9}])
def test_settings_of_exports_ask_for_the_same_work(finished: StageContext, changes: dict[str, Any]) -> None:
    past = past_evidence(finished.warehouse, [DOMAIN], settings(**changes))
    assert past is not None
    assert past.kind == "same"


@pytest.mark.parametrize(
    ("changes", "caveat"),
    [
        ({"mask_share": 0.3}, "These runs had other settings"),
        ({"llm": FAULTY.model_copy(update={"model": "gpt-4o-mini"})}, "They were answered by offline"),
    ],
)
def test_a_plan_after_a_change_has_a_cost_and_says_what_speaks_against_it(
    finished: StageContext, changes: dict[str, Any], caveat: str
) -> None:
    chosen = settings(**changes)
    plan = plan_domain(load_pool(chosen.pool).domain(DOMAIN), chosen, finished.warehouse)
    estimate, words = foresee([plan], chosen, finished.warehouse)
    assert estimate is not None
    assert estimate.whole.calls.value > len(plan.stale)
    assert f"takes {estimate.whole.calls.value:,.0f} calls" in words
    assert caveat in words
    assert "is not known" not in words
    assert foresee([plan], chosen, Warehouse(finished.warehouse.home / "nowhere"))[0] is None


def test_a_rehearsal_comes_close_to_what_the_whole_run_used(finished: StageContext, tmp_path: Path) -> None:
    pool = load_pool(small_pool(tmp_path / "pool"))
    evidence = rehearse(pool.domains, finished.settings, 3)
    assert evidence.kind == "rehearsed"
    assert {dialogue.domain for dialogue in evidence.dialogues} == {domain.name for domain in pool.domains}
    estimate = make_estimate([work(10, domain=DOMAIN)], evidence, finished.settings, PriceTable())
    stored = finished.store.read("SELECT count(*) AS calls, sum(prompt_tokens) AS prompt FROM model_calls")[0]
    assert stored["calls"] == pytest.approx(estimate.whole.calls.value, rel=0.3)
    assert stored["prompt"] == pytest.approx(estimate.whole.prompt_tokens.value, rel=0.3)
    assert estimate.whole.live is not None
    assert estimate.whole.live.value == 0


def test_tools_that_run_are_rehearsed_with_the_calls_that_follow_from_them_and_not_run(tmp_path: Path) -> None:
    chosen = settings(dialogues=3, rounds=1, llm={})
    domain = load_pool(chosen.pool).domain("library_lending")
    where = context(tmp_path / "home", chosen, domain=domain.name)
    run_domain(where)
    calls = {row["stage"]: row["n"] for row in where.store.read(CALLS_BY_STAGE)}
    # Whoever would start this one would say so.
    not_there = PythonBackend(target="no_such_module_anywhere:Library")
    evidence = rehearse([domain.model_copy(update={"backends": (not_there,)})], chosen, 3)
    estimate = make_estimate([work(3, domain=domain.name)], evidence, chosen, PriceTable())
    assert estimate.whole.calls.value == pytest.approx(sum(calls.values()), rel=0.25)
    skeletons = next(stage for stage in estimate.stages if stage.stage == "skeletons")
    assert skeletons.calls.value == pytest.approx(calls["skeletons"], rel=0.25)
    # Where a model makes the outputs up, a skeleton is written in one call.
    assert calls["skeletons"] >= 3 * 4


def test_equal_dialogues_leave_nothing_uncertain() -> None:
    evidence = Evidence((use(1.0),) * 4, "same")
    estimate = make_estimate([work(10)], evidence, priced(), TABLE)
    # Ten dialogues of two stages, each a million tokens of prompts and 0.1 of replies.
    for amount, value in ((estimate.whole.live, 24.0), (estimate.whole.batch, 12.0), (estimate.whole.calls, 40.0)):
        assert amount is not None
        assert (amount.value, amount.low, amount.high) == pytest.approx((value, value, value))
    assert [stage.stage for stage in estimate.stages] == ["task_specs", "verification"]
    assert estimate.replies == pytest.approx(4.0)
    assert estimate.seconds_by_latency == pytest.approx(6.0)


def test_a_dialogue_that_is_made_again_is_expected_to_use_what_it_used() -> None:
    evidence = Evidence(tuple(use(float(number), name=f"d-{number}") for number in range(1, 10)), "same")
    again = Work("d", 3, {"task_specs": 3}, {"task_specs": frozenset({"d-7", "d-9"})})
    estimate = make_estimate([again], evidence, priced(), TABLE)
    # Two stages: 7 and 9 million tokens for the two, the mean of all, 5 million, for the third.
    assert estimate.whole.prompt_tokens.value == pytest.approx(2 * (7e6 + 9e6 + 5e6))
    assert estimate.whole.prompt_tokens.low < estimate.whole.prompt_tokens.value < estimate.whole.prompt_tokens.high
    elsewhere = Work("another", 2, {"task_specs": 2}, {"task_specs": frozenset({"d-7", "d-9"})})
    assert make_estimate([elsewhere], evidence, priced(), TABLE).whole.prompt_tokens.value == pytest.approx(4 * 5e6)


def test_each_role_has_its_model_s_price() -> None:
    chosen = priced(roles={"expert": {"model": "dear"}})
    estimate = make_estimate([work(1)], Evidence((use(1.0),) * 3, "same"), chosen, TABLE)
    costs = {stage.stage: stage.live.value for stage in estimate.stages if stage.live}
    assert costs == pytest.approx({"task_specs": 1.2, "verification": 12.0})
    unknown = priced(roles={"expert": {"model": "nobody's"}})
    estimate = make_estimate([work(1)], Evidence((use(1.0),) * 3, "same"), unknown, TABLE)
    assert (estimate.whole.live, estimate.whole.batch, estimate.replies) == (None, None, None)
    assert estimate.whole.prompt_tokens.value == pytest.approx(2e6)


def test_dialogues_that_end_early_and_those_that_begin_late_are_in_the_figures() -> None:
    half = (*((use(1.0),) * 5), *((use(1.0, "task_specs"),) * 5))
    from_the_start = make_estimate([work(100)], Evidence(half, "same"), priced(), TABLE)
    calls = {stage.stage: stage.calls.value for stage in from_the_start.stages}
    assert calls == pytest.approx({"task_specs": 200.0, "verification": 100.0})
    late = make_estimate([work(100, "verification")], Evidence(half, "same"), priced(), TABLE)
    assert {stage.stage: stage.calls.value for stage in late.stages} == pytest.approx({"verification": 200.0})


def test_a_domain_speaks_for_itself_where_it_can() -> None:
    uses = (*((use(1.0, domain="small"),) * 3), *((use(5.0, domain="large"),) * 3))
    pieces = [work(1, domain="small"), work(1, domain="large"), work(1, domain="new")]
    estimate = make_estimate(pieces, Evidence(uses, "same"), priced(), TABLE)
    assert estimate.whole.prompt_tokens.value == pytest.approx(2e6 * (1 + 5 + 3))


def test_nine_of_ten_intervals_hold_what_comes() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(120):
        evidence = Evidence(tuple(use(float(scale)) for scale in rng.lognormal(0, 0.4, 12)), "same")
        truth = 2 * 1.2 * float(rng.lognormal(0, 0.4, 20).sum())
        estimate = make_estimate([work(20)], evidence, priced(), TABLE)
        assert estimate.whole.live is not None
        held += estimate.whole.live.low <= truth <= estimate.whole.live.high
    assert 0.8 < held / 120 < 0.98


def test_limits_per_minute_bound_the_time() -> None:
    slow = priced(llm={"model": "cheap", "requests_per_minute": 10, "tokens_per_minute": 1_000_000})
    estimate = make_estimate([work(10)], Evidence((use(1.0),) * 3, "other"), slow, TABLE)
    assert estimate.seconds_by_limits == pytest.approx(22 * 60)
    assert estimate.seconds_by_latency is None


def test_work_of_a_run_that_was_cut_short(finished: StageContext, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished.warehouse.home, home)
    where = context(home, finished.settings)
    with where.store.write() as connection:
        connection.execute("DELETE FROM stage_rows WHERE stage = 'skeletons' AND slot < 2")
    found = find_work(load_pool(where.settings.pool).domain(DOMAIN), where.settings, where.warehouse)
    assert found.from_stage == {"skeletons": 2}
    assert run_domain(where)[1].made == 2
