"""A step whose file finds no room on the disk; a limit on the size of files stands for that."""

from __future__ import annotations

import resource
from pathlib import Path

import dagster as dg
import pytest

from tests.pipeline.homes import DOMAIN, settings
from toolace_dagster.configuration.last_run import write_last_run
from toolace_dagster.orchestration import materialize
from toolace_dagster.orchestration.definitions import GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.warehouse import Warehouse


def test_a_step_is_tried_again_then_fails_with_the_mend_and_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materialize, "RETRY_SECONDS", 0)
    chosen, warehouse = settings(dialogues=2, rounds=1), Warehouse(tmp_path)
    write_last_run(warehouse.settings_file, chosen)
    job = build_definitions(tmp_path, settings=chosen).resolve_job_def(GENERATE_JOB)
    file = warehouse.domain(DOMAIN).path
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(TOOL_DOMAINS.name), [DOMAIN])

        def made(asset: str) -> dg.ExecuteInProcessResult:
            return job.execute_in_process(
                instance=instance,
                partition_key=DOMAIN,
                asset_selection=[dg.AssetKey(asset)],
                raise_on_error=False,
            )

        assert made("tool_pool").success
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, limits[1]))
        try:
            refused = made("task_specs")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        (failure,) = (event for event in refused.all_events if event.is_step_failure)
        said = failure.step_failure_data.user_failure_data
        assert said is not None
        assert str(said.description).startswith("the disk takes no more: ")
        assert sum(event.is_step_up_for_retry for event in refused.all_events) == materialize.RETRIES
        assert made("task_specs").success
