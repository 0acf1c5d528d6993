"""kill -9 of a run, then Dagster's re-execution from failure; `benchmarks/kill_in_stages.py` tries all stages."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.kill_resume import DOMAIN, IN_FLIGHT, counting_server, finish, kill, rows, start
from toolace_dagster.orchestration.definitions import GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.orchestration.workers import PROCESS_TAG, report_gone
from toolace_dagster.warehouse import Warehouse

DIALOGUES = 2


def generate() -> dg.JobDefinition:
    """The job as the code location of ``TOOLACE_HOME`` has it."""
    return build_definitions().resolve_job_def(GENERATE_JOB)


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def calls_of(seen: Counter[str], home: Path, stage: str) -> int:
    """Calls of the stages before one."""
    counts = {
        row["stage"]: row["n"]
        for row in Warehouse(home).domain(DOMAIN).read("SELECT stage, count(*) AS n FROM model_calls GROUP BY stage")
    }
    assert sum(counts.values()) == seen.total()
    order = ["task_specs", "skeletons", "refinement_round_01", "verification"]
    return sum(counts.get(name, 0) for name in order[: order.index(stage)])


def test_a_killed_run_that_is_executed_again_makes_what_an_undisturbed_one_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, calm, home = "refinement_round_01", tmp_path / "calm", tmp_path / "home"
    monkeypatch.setenv("OPENAI_API_KEY", "none-needed")
    with counting_server() as (url, seen):
        finish(start(calm, url, DIALOGUES))
        usual = Counter(seen)
        wanted = calls_of(seen, calm, stage) + 1
        seen.clear()
        run = start(home, url, DIALOGUES)
        while seen.total() < wanted and run.poll() is None:
            time.sleep(0.001)
        kill(run)
        monkeypatch.setenv("TOOLACE_HOME", str(home))
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        with open_instance(Warehouse(home)) as instance:
            (killed,) = instance.get_runs()
            assert killed.status == dg.DagsterRunStatus.STARTED
            unmarked = instance.create_run_for_job(generate(), status=dg.DagsterRunStatus.STARTED)
            assert report_gone(instance) == [killed.run_id]
            assert report_gone(instance) == []
            assert status(instance, unmarked.run_id) == dg.DagsterRunStatus.STARTED
            assert status(instance, killed.run_id) == dg.DagsterRunStatus.FAILURE
            said = [entry.message for entry in instance.all_logs(killed.run_id)]
            assert any("has gone without a word" in words for words in said)
            again = dg.execute_job(
                dg.reconstructable(generate),
                instance,
                run_config=killed.run_config,
                tags={"dagster/partition": DOMAIN},
                reexecution_options=dg.ReexecutionOptions.from_failure(killed.run_id, instance),
            )
            assert again.success
            # It was given the tags of the run it repeats, and notes its own process.
            repeated = instance.get_run_by_id(again.run_id)
            assert repeated is not None
            assert repeated.tags[PROCESS_TAG].startswith(f"{again.run_id} ")
            assert f"/{os.getpid()}/" in repeated.tags[PROCESS_TAG]
            started = {event.step_key for event in again.all_events if event.is_step_start}
        # What was whole is left alone, and the rest is made.
        assert stage in started
        assert "tool_pool" not in started
        assert rows(home) == rows(calm)
        assert (seen - usual).total() <= IN_FLIGHT
