"""Work in several processes: the results' order, errors, and processes that are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolace_dagster.pipeline.in_order import in_order, processes_for


@pytest.mark.parametrize("processes", [1, 2, 3, 9])
def test_results_come_in_the_parts_order_whoever_made_them(processes: int):
    made = list(in_order(lambda part: (part, os.getpid()), range(7), processes))
    assert [part for part, _ in made] == list(range(7))
    workers = {worker for _, worker in made}
    assert len(workers) == min(processes, 7)
    assert (os.getpid() in workers) == (processes == 1)


def test_an_error_of_the_work_is_raised_here_and_ends_all_processes():
    def work(part: int) -> int:
        if part == 3:
            raise ValueError("part 3 is bad")
        return part

    found: list[int] = []
    with pytest.raises(ValueError, match="part 3 is bad"):
        found.extend(in_order(work, range(8), 2))
    assert multiprocessing.active_children() == []


def test_a_killed_process_is_noticed():
    def work(part: int) -> int:
        if part == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return part

    with pytest.raises(RuntimeError, match="ended before its work was done"):
        list(in_order(work, range(8), 2))


def test_results_that_nobody_takes_end_the_processes():
    results = in_order(lambda _: "x" * 1_000_000, range(100), 2)
    assert len(next(results)) == 1_000_000
    assert len(multiprocessing.active_children()) == 2
    results.close()
    assert multiprocessing.active_children() == []


ENDLESS = """
import os, time
from toolace_dagster.pipeline.in_order import in_order

for worker, _ in in_order(lambda part: (os.getpid(), "x" * 1_000_000), range(10**6), 3):
    print(worker, flush=True)
    time.sleep(0.01)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at /proc")
def test_when_the_one_who_takes_results_is_killed_the_others_end():
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        workers = {int(process.stdout.readline()) for _ in range(3)}
        assert len(workers) == 3
        process.kill()
        process.wait()
        deadline = time.monotonic() + 20
        while any(_lives(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return not state.startswith("Z")


def test_few_parts_stay_in_this_process():
    assert processes_for(0) == processes_for(3) == 1
    assert processes_for(1000) >= 1
