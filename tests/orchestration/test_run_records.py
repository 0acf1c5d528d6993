"""What Dagster knows after a run of the command line, and runs that are started from Dagster itself."""

from __future__ import annotations

import fcntl
import json
from typing import Any

import dagster as dg
import pytest

from tests.orchestration.conftest import DagsterHome
from tests.pipeline.homes import TWO_DOMAINS, held
from toolace_dagster.orchestration import materialize
from toolace_dagster.orchestration.automation import WHOLE_DOMAIN_TAG
from toolace_dagster.orchestration.definitions import DATASET_JOB, GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import register_domains
from toolace_dagster.orchestration.materialize import SCHEMA_CHECK, SUMS_CHECK
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.warehouse import Warehouse

DOMAIN = TWO_DOMAINS[0]
PLOTTED = ("pass_rate", "calls", "prompt_tokens", "completion_tokens", "cost_usd", "seconds", "dagster/row_count")
"""What Dagster can plot over time, if it is a number."""


def stage_names(home: DagsterHome) -> list[str]:
    return [stage.name for stage in domain_stages(home.settings)]


def values(made: dg.AssetMaterialization) -> dict[str, Any]:
    return {name: value.value for name, value in made.metadata.items()}


def checks(home: DagsterHome, run_id: str) -> list[dg.AssetCheckEvaluation]:
    logs = home.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [log.get_dagster_event().asset_check_evaluation_data for log in logs]


def execute(home: DagsterHome, job: str, partition: str | None, selection: list[str] | None = None) -> Any:
    definitions = build_definitions(home.home)
    return definitions.resolve_job_def(job).execute_in_process(
        instance=home.instance,
        partition_key=partition,
        asset_selection=[dg.AssetKey(name) for name in selection] if selection else None,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def test_a_run_of_the_command_line_is_one_run_a_domain_and_one_of_the_dataset(shared: DagsterHome) -> None:
    runs = shared.instance.get_runs()
    assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in runs)
    assert sorted((run.job_name, run.tags.get("dagster/partition")) for run in runs) == sorted(
        [(DATASET_JOB, None), *((GENERATE_JOB, domain) for domain in TWO_DOMAINS)], key=str
    )
    # By which declarative automation knows that what such a run made is that run's matter.
    assert {run.job_name for run in runs if WHOLE_DOMAIN_TAG in run.tags} == {GENERATE_JOB}


def test_every_partition_of_every_stage_is_materialized(shared: DagsterHome) -> None:
    assert TOOL_DOMAINS.name is not None
    assert set(shared.instance.get_dynamic_partitions(TOOL_DOMAINS.name)) == set(TWO_DOMAINS)
    for name in ["tool_pool", *stage_names(shared)]:
        assert set(shared.instance.get_materialized_partitions(dg.AssetKey(name))) == set(TWO_DOMAINS), name
    for name in ("splits", "trl_export", "openai_export", "dataset_card"):
        assert shared.instance.get_latest_materialization_event(dg.AssetKey(name)) is not None, name


@pytest.mark.parametrize("domain", TWO_DOMAINS)
def test_metadata_says_what_the_warehouse_says(shared: DagsterHome, domain: str) -> None:
    store = Warehouse(shared.home).domain(domain)
    counts = {row["stage"]: row for row in store.read("SELECT * FROM stage_counts")}
    # A stage that nothing reached has no row to count.
    nothing = dict.fromkeys(("attempted", "accepted", "rejected", "failed"), 0)
    for name in stage_names(shared):
        made = values(shared.latest(name, domain))
        for state in ("attempted", "accepted", "rejected", "failed"):
            assert made[state] == counts.get(name, nothing)[state], (name, state)
        assert made["pass_rate"] == pytest.approx(made["accepted"] / (made["attempted"] or 1), abs=1e-4)
        assert made["dagster/row_count"] == made["rows_made"] == made["attempted"]
        (paid,) = store.read(
            "SELECT count(*) AS calls, coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens, "
            "coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens FROM model_calls WHERE stage = $stage",
            {"stage": name},
        )
        assert {key: made[key] for key in paid} == paid
        assert made["cached_calls"] == 0
        assert all(type(made[key]) in (int, float) for key in PLOTTED), name
        assert ("made_because" in made) == (made["rows_made"] > 0)
        assert "new" in made.get("made_because", "new")
        assert ("sample_dialogue" in made) == (made["accepted"] > 0)
        query = "SELECT state, check_id, count(*) AS n FROM failures WHERE stage = $stage GROUP BY ALL"
        for row in store.read(query, {"stage": name}):
            # Once, wherever its defects came from.
            assert f"| {row['n']} | {row['state']} | {row['check_id']} |" in made["reasons"].replace("\\", "")


def test_the_same_dialogue_is_shown_at_each_stage_where_it_still_is(shared: DagsterHome) -> None:
    shown = [values(shared.latest(name, DOMAIN))["sample_dialogue"] for name in ("skeletons", "refinement_round_01")]
    assert shown[0].splitlines()[0] == shown[1].splitlines()[0]
    assert shown[0].startswith("Dialogue `")


def test_all_checks_of_all_stages_passed(shared: DagsterHome) -> None:
    for run in shared.instance.get_runs(filters=dg.RunsFilter(job_name=GENERATE_JOB)):
        evaluations = checks(shared, run.run_id)
        passed = {(e.asset_key.to_user_string(), e.check_name) for e in evaluations if e.passed}
        wanted = {(name, check) for name in stage_names(shared) for check in (SUMS_CHECK, SCHEMA_CHECK)}
        assert passed == wanted | {
            ("tool_pool", "every_entry_accounted_for"),
            ("tool_pool", "pool_is_healthy"),
            ("verification", "pass_rate_as_usual"),
            ("verification", "budget_lasts"),
            ("verified_dialogues", "no_repetition"),
        }
        assert len(evaluations) == len(passed)
        # One that passes in a domain doesn't hide a fault in another.
        assert {e.partition for e in evaluations} == {run.tags["dagster/partition"]}


def test_the_dataset_s_assets_say_their_sizes(shared: DagsterHome) -> None:
    warehouse = Warehouse(shared.home)
    stores = [warehouse.domain(domain) for domain in TWO_DOMAINS]
    accepted = sum(store.read("SELECT count(*) AS n FROM verified_dialogues")[0]["n"] for store in stores)
    assert accepted > 0
    for name in ("splits", "trl_export", "openai_export"):
        assert values(shared.latest(name, None))["dagster/row_count"] == accepted
    assert "rehears" in values(shared.latest("dataset_card", None))["card"]


def test_a_partition_materialized_again_makes_no_row_and_keeps_its_data_version(mine: DagsterHome) -> None:
    where = StageContext(DOMAIN, mine.settings, Warehouse(mine.home), "")
    before = held(where)
    version = mine.latest("verified_dialogues", DOMAIN).tags
    result = execute(mine, GENERATE_JOB, DOMAIN)
    assert result.success
    assert held(where) == before
    for name in stage_names(mine):
        made = values(mine.latest(name, DOMAIN))
        assert (made["rows_made"], made["rows_current"], made["calls"]) == (0, made["attempted"], 0)
    after = mine.latest("verified_dialogues", DOMAIN)
    assert after.tags is not None
    assert version is not None
    assert after.tags["dagster/data_version"] == version["dagster/data_version"]
    assert len(mine.instance.get_runs()) == 4


def test_one_stage_can_be_materialized_by_itself(mine: DagsterHome) -> None:
    with Warehouse(mine.home).domain(DOMAIN).write() as connection:
        connection.execute("DELETE FROM stage_rows WHERE stage = 'verification'")
    result = execute(mine, GENERATE_JOB, DOMAIN, ["verification"])
    assert result.success
    made = values(mine.latest("verification", DOMAIN))
    assert made["rows_made"] == made["attempted"] > 0
    assert made["calls"] == 0
    assert made["cached_calls"] > 0


def test_a_row_that_is_there_twice_fails_the_check_and_stops_what_follows(mine: DagsterHome) -> None:
    with Warehouse(mine.home).domain(DOMAIN).write() as connection:
        connection.execute("INSERT INTO stage_rows SELECT * FROM stage_rows WHERE stage = 'skeletons' AND slot = 0")
    result = execute(mine, GENERATE_JOB, DOMAIN)
    assert not result.success
    failed = [(e.asset_key.to_user_string(), e.check_name) for e in checks(mine, result.run_id) if not e.passed]
    assert failed == [("skeletons", SUMS_CHECK)]
    (evaluation,) = [e for e in checks(mine, result.run_id) if not e.passed]
    assert "5 attempted, but 4 came from task_specs" in str(evaluation.metadata["faults"].value)
    assert "5 attempted, but 4 came from task_specs" in str(evaluation.description)
    started = {event.step_key for event in result.all_events if event.is_step_start}
    assert "refinement_round_01" not in started


def test_a_new_domain_is_registered_once(mine: DagsterHome) -> None:
    assert register_domains(mine.instance, [*TWO_DOMAINS, "lab_samples"]) == ["lab_samples"]
    assert register_domains(mine.instance, ["lab_samples"]) == []


def test_a_domain_that_another_run_works_on_fails_the_step_and_says_so(mine: DagsterHome) -> None:
    journal = Warehouse(mine.home).journal(DOMAIN)
    with Warehouse(mine.home).domain(DOMAIN).write() as connection:
        connection.execute("DELETE FROM stage_rows WHERE stage = 'verification'")
    with journal.open("ab") as held_elsewhere:
        fcntl.flock(held_elsewhere, fcntl.LOCK_EX)
        result = execute(mine, GENERATE_JOB, DOMAIN)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "verification"
    description = failure.step_failure_data.user_failure_data.description
    assert description.startswith("Another run is making calls for this domain")


def test_a_permanent_fault_of_the_endpoint_fails_the_step_and_names_the_mend(mine: DagsterHome) -> None:
    path = Warehouse(mine.home).settings_file
    stored = json.loads(path.read_text())
    stored["llm"] |= {"model": "other", "base_url": "http://127.0.0.1:9/v1"}
    path.write_text(json.dumps(stored))
    result = execute(mine, GENERATE_JOB, DOMAIN)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "task_specs"
    description = failure.step_failure_data.user_failure_data.description
    assert "OPENAI_API_KEY is not set" in description
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]


def test_a_long_stage_tells_its_progress_in_dagsters_log(mine: DagsterHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(materialize, "EVENT_EVERY", 0.0)
    with Warehouse(mine.home).domain(DOMAIN).write() as connection:
        connection.execute("DELETE FROM stage_rows WHERE stage = 'verification'")
    result = execute(mine, GENERATE_JOB, DOMAIN, ["verification"])
    events = [event for event in result.all_events if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION]
    assert events
    last = events[-1].asset_observation_data.asset_observation
    assert last.partition == DOMAIN
    told = {name: value.value for name, value in last.metadata.items()}
    assert told["rows"] == told["rows_of_stage"] > 0
    assert told["done"] == told["cached"] > 0
    assert told["in_flight"] == 0
