"""Runs that are stopped or killed: what was paid for is kept, and the next run ends where it would have."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from benchmarks.warm_start import Started
from tests.cli.command import environment, finish, start, toolace
from tests.pipeline.homes import DOMAIN, FAULTY, context, held, paid_calls, run_domain, settings
from toolace_dagster.orchestration.definitions import GENERATE_JOB
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.reporting.summary import summarize
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse

WORDS = (
    "run",
    "--domain",
    DOMAIN,
    "--dialogues",
    "5",
    "--rounds",
    "1",
    "--error-rate",
    str(FAULTY.error_rate),
    "--seed",
    "3",
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """What the command gives when nobody disturbs it; made without Dagster, so that the two are compared."""
    where = context(tmp_path_factory.mktemp("undisturbed"), settings(seed=3, dialogues=5, rounds=1))
    run_domain(where)
    return where


def calls_on_disk(home: Path) -> int:
    journal = Warehouse(home).journal(DOMAIN)
    return journal.read_bytes().count(b'["call",') if journal.exists() else 0


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Started]:
    """A run that is in the middle of making skeletons."""
    process = start(*WORDS, "--home", tmp_path / "home")
    # The task specs are five calls or a few more and are folded into DuckDB before the first skeleton is asked for.
    wait_for(lambda: calls_on_disk(tmp_path / "home") > 8 or process.poll() is not None)
    assert process.poll() is None
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_children(process: Started) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if listed.exists():
        return [int(pid) for pid in listed.read_text().split()]
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "zombie" in status.read_text())


def assert_it_goes_on(home: Path, undisturbed: StageContext) -> None:
    """Run the same command again and compare all rows and counts."""
    again = toolace(*WORDS, "--home", home)
    assert again.code == 0, again.err
    where = StageContext(DOMAIN, undisturbed.settings, Warehouse(home), "")
    assert held(where) == held(undisturbed)
    summary = summarize(where.warehouse, DOMAIN)
    assert summary.adds_up
    assert (summary.attempted, summary.unfinished) == (5, 0)
    # Whatever was on disk was not paid for again.
    repeated: list[dict[str, Any]] = where.store.read(
        "SELECT key FROM model_calls WHERE usable GROUP BY key HAVING count(*) > 1"
    )
    assert repeated == []
    assert summary.calls >= paid_calls(undisturbed)
    assert first_stale(where, load_pool(where.settings.pool).domain(DOMAIN)) is None


@pytest.mark.parametrize("way", ["ctrl_c", "kill_int", "kill_term"])
def test_a_stopped_run_says_how_to_go_on(running: Started, tmp_path: Path, undisturbed: StageContext, way: str) -> None:
    children = run_children(running)
    stopped = time.monotonic()
    if way == "ctrl_c":
        os.killpg(running.pid, signal.SIGINT)
    else:
        os.kill(running.pid, signal.SIGTERM if way == "kill_term" else signal.SIGINT)
    ended = finish(running)
    assert time.monotonic() - stopped < 15
    assert ended.code == (143 if way == "kill_term" else 130)
    home = tmp_path / "home"
    assert f"stopped. Everything paid for is kept in {home}; the same command goes on from there." in ended.err
    assert "Traceback" not in ended.err + ended.out
    assert children
    assert not any(is_alive(pid) for pid in children)
    if way == "ctrl_c":
        assert_it_goes_on(home, undisturbed)


def test_a_killed_run_leaves_nothing_behind_that_still_runs(
    running: Started, tmp_path: Path, undisturbed: StageContext
) -> None:
    children = run_children(running)
    assert children
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    wait_for(lambda: not any(is_alive(pid) for pid in children), seconds=15)
    assert_it_goes_on(tmp_path / "home", undisturbed)
    with open_instance(Warehouse(tmp_path / "home")) as instance:
        runs = {run.status: run for run in instance.get_runs(dg.RunsFilter(job_name=GENERATE_JOB))}
    assert runs.keys() == {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS}


def test_a_domain_whose_process_is_killed_is_named(running: Started) -> None:
    (child,) = run_children(running)
    os.kill(child, signal.SIGKILL)
    ended = finish(running)
    assert ended.code == 1
    assert f"{DOMAIN}: the process ended with exit code -9 before the run did" in ended.err
    assert "Traceback" not in ended.err


def test_the_environment_of_a_command_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-developer")
    assert "OPENAI_API_KEY" not in environment()
