"""What of Dagster's instance is removed, and what stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg

from tests.cli.command import toolace
from tests.orchestration.conftest import DagsterHome
from tests.pipeline.homes import DOMAIN
from toolace_dagster.orchestration.definitions import GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.resources import LAUNCH_TAG


def test_old_runs_go_but_for_those_of_an_assets_newest_state(mine: DagsterHome) -> None:
    job = build_definitions(mine.home).resolve_job_def(GENERATE_JOB)
    before = {run.run_id for run in mine.instance.get_runs()}
    keys = [dg.AssetKey("tool_pool")]
    again = [
        job.execute_in_process(instance=mine.instance, partition_key=DOMAIN, asset_selection=keys).run_id
        for _ in range(2)
    ]
    states = {asset: mine.latest(asset, DOMAIN).metadata for asset in ("tool_pool", "verification")}
    words = ("gc", "--home", mine.home, "--runs-older-than", "0h")
    assert "1 of Dagster's runs with their event logs: would be removed" in toolace(*words, "--dry-run").out
    assert {run.run_id for run in mine.instance.get_runs()} == before | set(again)
    said = toolace(*words).out
    assert "1 of Dagster's runs with their event logs: removed" in said
    assert f"{len(before) + 1} stay, since the newest state of an asset is theirs" in said
    assert {run.run_id for run in mine.instance.get_runs()} == before | {again[-1]}
    assert mine.instance.all_logs(again[0]) == []
    assert {asset: mine.latest(asset, DOMAIN).metadata for asset in states} == states


def ledger(mine: DagsterHome, name: str, hours: float) -> Path:
    folder = mine.home / "spending"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.ledger"
    path.write_bytes(b"")
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))
    return path


def test_budgets_of_launches_that_have_ended_go(mine: DagsterHome) -> None:
    job = build_definitions(mine.home).resolve_job_def(GENERATE_JOB)
    mine.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={LAUNCH_TAG: "tonight"})
    over, queued, fresh = ledger(mine, "over", 5), ledger(mine, "tonight", 5), ledger(mine, "fresh", 0)
    assert "Budgets of 1 launches that have ended: removed." in toolace("gc", "--home", mine.home).out
    assert [path.exists() for path in (over, queued, fresh)] == [False, True, True]
