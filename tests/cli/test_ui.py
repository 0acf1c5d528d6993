"""``toolace ui`` around the program it runs: runs that were killed, signals, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from tests.pipeline.homes import TWO_DOMAINS, small_pool
from toolace_dagster.cli.ui import register_pool, report_gone_runs, serve_until_ended
from toolace_dagster.orchestration.definitions import GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.orchestration.workers import process_tag
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

UNTIL_TOLD = """
import pathlib, sys, time
until = time.monotonic() + 60
while not pathlib.Path(sys.argv[1]).exists() and time.monotonic() < until:
    time.sleep(0.01)
sys.exit(7)
"""
"""A program that ends with 7 once a file is there."""


def test_a_run_that_is_killed_while_the_ui_is_open_is_marked_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home, done = tmp_path / "home", tmp_path / "done"
    rounds: list[str] = []
    with open_instance(Warehouse(home)) as instance:
        job = build_definitions(home).resolve_job_def(GENERATE_JOB)
        alive, killed = (instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED) for _ in range(2))
        instance.add_run_tags(alive.run_id, process_tag(alive.run_id, os.getpid()))

        def look() -> None:
            rounds.append("look")
            if len(rounds) == 2:
                # A run of `toolace run` that is killed between two looks.
                process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
                instance.add_run_tags(killed.run_id, process_tag(killed.run_id, process.pid))
                process.kill()
                process.wait()
            report_gone_runs(home)
            if len(rounds) == 3:
                done.touch()

        assert serve_until_ended([sys.executable, "-c", UNTIL_TOLD, str(done)], os.environ, look, every=0.05) == 7
        states = {run.run_id: run.status for run in instance.get_runs()}
    assert states == {alive.run_id: dg.DagsterRunStatus.STARTED, killed.run_id: dg.DagsterRunStatus.FAILURE}
    assert capsys.readouterr().out == "1 run whose process had gone: marked as failed.\n"


def test_a_look_that_fails_ends_nothing_and_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = tmp_path / "done"
    rounds: list[str] = []

    def look() -> None:
        rounds.append("look")
        if len(rounds) >= 4:
            done.touch()
        else:
            raise OSError("the disk is gone")

    assert serve_until_ended([sys.executable, "-c", UNTIL_TOLD, str(done)], os.environ, look, every=0.02) == 7
    assert len(rounds) >= 4
    assert capsys.readouterr().err.count("OSError: the disk is gone") == 1


def test_a_domain_that_may_be_left_out_is_no_partition_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    pool, warehouse = small_pool(tmp_path / "pool"), Warehouse(tmp_path / "home")
    known, left_out = TWO_DOMAINS
    # What was a partition before stays one, of whatever domain.
    for text, partitions in ((f'exclude = ["{left_out}/*"', set[str]()), (f'exclude = ["{left_out}/*"]', {known})):
        (pool / "domains.toml").write_text(text)
        register_pool(warehouse, Settings(pool=str(pool)))
        with open_instance(warehouse) as instance:
            assert set(instance.get_dynamic_partitions("tool_domain")) == partitions
    warned = capsys.readouterr().err
    assert warned.count("no partition yet for") == 1
    assert f"{known}, {left_out}: domains.toml may leave them out" in warned


ENDS_SLOWLY = """
import signal, sys, time
def end(number, _):
    time.sleep(0.6)
    print("ended in order", flush=True)
    sys.exit(5)
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""
AROUND = """
import os, sys
from toolace_dagster.cli.ui import serve_until_ended
sys.exit(serve_until_ended([sys.executable, "-c", sys.argv[1]], os.environ, lambda: None, every=0.05))
"""


@pytest.mark.parametrize(
    ("number", "to_all", "code"),
    [
        pytest.param(signal.SIGTERM, False, 5, id="terminate"),
        pytest.param(signal.SIGINT, True, 0, id="ctrl_c"),
    ],
)
def test_the_program_ends_in_order_by_a_signal(number: int, to_all: bool, code: int) -> None:
    around = subprocess.Popen(
        [sys.executable, "-c", AROUND, ENDS_SLOWLY], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert around.stdout is not None
    assert around.stdout.readline() == "ready\n"
    time.sleep(0.1)
    if to_all:
        os.killpg(around.pid, number)
    else:
        os.kill(around.pid, number)
    said, _ = around.communicate(timeout=20)
    assert (said, around.returncode) == ("ended in order\n", code)


def test_a_program_that_a_signal_ended_gives_the_code_of_a_shell() -> None:
    kills_itself = "import os; os.kill(os.getpid(), 9)"
    assert serve_until_ended([sys.executable, "-c", kills_itself], os.environ, lambda: None) == 137
