"""Runs whose assets are made in processes of their own."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest

from tests.pipeline.homes import DOMAIN, small_pool
from toolace_dagster.orchestration.definitions import GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.orchestration.workers import PROCESS_TAG
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


def generate() -> dg.JobDefinition:
    """The job of the home that the environment names, as each process loads it."""
    return build_definitions().resolve_job_def(GENERATE_JOB)


def test_a_run_with_a_process_for_each_asset_makes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Warehouse(tmp_path / "home")
    home.home.mkdir()
    pool = str(small_pool(tmp_path / "pool"))
    settings = Settings(dialogues=2, rounds=0, pool=pool, executor="multiprocess")
    home.settings_file.write_text(settings.model_dump_json())
    monkeypatch.setenv("TOOLACE_HOME", str(home.home))
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster_home))
    with open_instance(home) as instance:
        register_domains(instance, [DOMAIN])
        result = dg.execute_job(
            dg.reconstructable(generate), instance=instance, tags={"dagster/partition": DOMAIN}, raise_on_error=True
        )
        assert result.success
        events = [entry.dagster_event for entry in instance.all_logs(result.run_id)]
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        assert f"/{os.getpid()}/" in run.tags[PROCESS_TAG], "of the run, not of one of its assets"
        pids = {event.pid for event in events if event and event.is_step_success}
    assert len(pids) == 5, "a process for each asset"
    rows = home.domain(DOMAIN).read("SELECT count(*) AS n FROM outcomes")
    assert rows == [{"n": 2}]
