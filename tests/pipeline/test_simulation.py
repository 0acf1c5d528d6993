"""A home whose method is simulation: same specs, same verification, same views; made again the same way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.homes import DOMAIN, context, held, paid_calls, run_domain, settings
from tests.pipeline.servers import offline_app, served
from toolace_dagster.entities import Dialogue, SimulatedDialogue, TaskSpec, structure_faults
from toolace_dagster.llm.money import BudgetReached
from toolace_dagster.pipeline.checks import schema_faults, sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.simulation_home import simulation_context, take_task_specs
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.reporting.calls import count_calls
from toolace_dagster.reporting.story import read_story
from toolace_dagster.reporting.why import tell
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse

STAGES = ["task_specs", "simulated_dialogues", "verification", "verified_dialogues"]
REAL = "library_lending"
"""A domain whose tools are run for real."""


def simulating(**more: object) -> Settings:
    return settings(**({"method": "simulation", "dialogues": 6} | more))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    where = context(tmp_path_factory.mktemp("simulated"), simulating())
    run_domain(where)
    return where


def test_the_stages_add_up_and_nothing_is_stale_afterwards(played: StageContext) -> None:
    assert [stage.name for stage in domain_stages(played.settings)] == STAGES
    for stage in STAGES:
        assert sum_faults(played, stage) == []
        assert schema_faults(played, stage) == []
    assert first_stale(played, load_pool(played.settings.pool).domain(DOMAIN)) is None
    (counts,) = played.store.read(
        "SELECT count(*) AS n, count(*) FILTER (state = 'accepted') AS accepted FROM outcomes"
    )
    assert counts["n"] == 6
    assert counts["accepted"] > 0


def test_simulated_dialogues_are_sound_and_follow_their_tasks(played: StageContext) -> None:
    specs = played.payloads("task_specs", TaskSpec)
    simulated = played.payloads("simulated_dialogues", SimulatedDialogue)
    assert simulated
    for key, row in simulated.items():
        assert structure_faults(row.dialogue.turns) == []
        assert {turn.sub_task for turn in row.dialogue.turns} == {part.index for part in specs[key].sub_tasks}
        planned = {name for part in specs[key].sub_tasks for name in part.tools}
        called = {call.name for turn in row.dialogue.turns for call in turn.tool_calls}
        assert planned & called == planned & set(specs[key].offered_tools)
    records = [record for row in simulated.values() for record in row.dialogue.injections]
    assert records, "complications come about"
    accepted = played.payloads("verified_dialogues", Dialogue)
    assert accepted.keys() <= simulated.keys()


def test_views_and_stories_read_it_as_they_read_the_other_method(played: StageContext) -> None:
    for row in played.store.read("SELECT dialogue_id, state FROM outcomes"):
        story = read_story(played.warehouse, row["dialogue_id"])
        assert story is not None
        assert "simulated_dialogues: " in tell(story)
        assert story.history is not None
        assert story.history.steps[0].stage == "simulated_dialogues"
    written = played.store.read("SELECT DISTINCT operation FROM turn_history WHERE version = 1")
    assert written == [{"operation": "simulation"}]
    kinds = {row["kind"] for row in played.store.read("SELECT DISTINCT kind FROM dialogue_lineage")}
    assert {"tool", "task_spec", "simulation", "verdict"} <= kinds
    rejected = played.store.read("SELECT cause_stage, cause FROM failures WHERE state = 'rejected'")
    assert all(row["cause_stage"] in STAGES and row["cause"] for row in rejected)
    assert {"user agent", "assistant agent", "tool agent"} <= count_calls(played.warehouse, [DOMAIN]).calls.keys()


def test_the_same_settings_give_the_same_dialogues(played: StageContext, tmp_path: Path) -> None:
    again = context(tmp_path, simulating())
    run_domain(again)
    assert held(again) == held(played)


def test_where_tools_run_for_real_their_answers_are_in_it(tmp_path: Path) -> None:
    where = context(tmp_path, simulating(dialogues=2, llm=ModelSettings(error_rate=0)), domain=REAL)
    run_domain(where)
    sources = [
        output.source
        for row in where.payloads("simulated_dialogues", SimulatedDialogue).values()
        for turn in row.dialogue.turns
        for output in turn.outputs
    ]
    assert "executed" in sources
    assert "simulated" not in sources
    replayed = where.store.read("SELECT * FROM findings WHERE check_id = 'rule.replay'")
    assert replayed == []


def test_a_run_that_stopped_goes_on_and_pays_for_nothing_twice(played: StageContext, tmp_path: Path) -> None:
    stopped = context(tmp_path, simulating(max_calls=70))
    with pytest.raises(BudgetReached):
        run_domain(stopped)
    resumed = context(tmp_path, simulating(), run_id="second")
    for stage in domain_stages(resumed.settings):
        run_stage(stage, resumed)
    assert held(resumed) == held(played)
    # A reply that could not be used, whose mend the limit held back, is gone on from as well.
    assert paid_calls(stopped) + paid_calls(resumed) == paid_calls(played)


def test_a_refused_prompt_fails_its_own_dialogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-test")

    def refuse(body: str) -> bool:
        prompt = json.loads(body)["messages"][-1]["content"]
        return prompt.endswith("Write the assistant's next turn.") and '"turn": "t09"' in prompt

    with served(offline_app(refuse=refuse)) as url:
        llm = ModelSettings(model="offline-served", base_url=url, transport_retries=0)
        where = context(tmp_path, Settings(method="simulation", dialogues=3, llm=llm))
        run_domain(where)
    ends = where.store.read("SELECT state, stage, check_id FROM outcomes")
    assert len(ends) == 3
    assert {"failed"} <= {row["state"] for row in ends}
    assert {row["check_id"] for row in ends if row["state"] == "failed"} == {"call.bad_request"}
    assert sum_faults(where, "simulated_dialogues") == []


def test_a_home_that_changes_its_method_keeps_one(tmp_path: Path) -> None:
    first = context(tmp_path, settings(dialogues=2, rounds=1))
    run_domain(first)
    specs = first.store.read("SELECT dialogue_id, fingerprint FROM stage_rows WHERE stage = 'task_specs' ORDER BY 1")
    second = context(tmp_path, settings(dialogues=2, rounds=1, method="simulation"), run_id="second")
    run_domain(second)
    stages = {row["stage"] for row in second.store.read("SELECT DISTINCT stage FROM stage_rows")}
    assert stages == set(STAGES)
    tasks = {row["task"] for row in second.store.read("SELECT task FROM model_calls WHERE run_id = 'second'")}
    assert "task_spec" not in tasks, "the task specs stand"
    again = second.store.read("SELECT dialogue_id, fingerprint FROM stage_rows WHERE stage = 'task_specs' ORDER BY 1")
    assert again == specs


def test_a_home_takes_over_task_specs_and_asks_for_none(tmp_path: Path) -> None:
    main = context(tmp_path, settings(dialogues=3, rounds=1))
    run_domain(main)
    beside = simulation_context(main)
    assert (beside.settings.method, beside.warehouse.home) == ("simulation", main.warehouse.home / "simulation")
    for _ in range(2):
        # Taking over what is there already changes nothing.
        take_task_specs(main.warehouse, beside.warehouse, DOMAIN)
    reports = [run_stage(stage, beside) for stage in domain_stages(beside.settings)]
    assert (reports[0].made, reports[0].reused) == (0, 3)
    assert all(sum_faults(beside, stage) == [] for stage in STAGES)
    where = "SELECT task, count(*) AS n FROM model_calls WHERE task = 'task_spec' GROUP BY task"
    assert beside.store.read(where) == main.store.read(where), "what the specs cost is counted with both"
    assert beside.payloads("task_specs", TaskSpec) == main.payloads("task_specs", TaskSpec)
    stages = {row["stage"] for row in main.store.read("SELECT DISTINCT stage FROM stage_rows")}
    assert "simulated_dialogues" not in stages, "the home itself keeps its own method"


def test_a_home_without_the_domain_has_no_task_specs_to_take_over(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no task specs of home_energy"):
        take_task_specs(Warehouse(tmp_path / "a"), Warehouse(tmp_path / "b"), DOMAIN)
