"""Real processes on one file, one of them killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.packaging.source_tree import ROOT

MOST = 16
COUNT = 4


def test_processes_share_and_a_killed_one_gives_its_part_back(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.llm.limits.worker", str(tmp_path), str(COUNT), str(MOST), "3.5"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as forked:
        assert forked.stdout is not None
        pids = [int(pid) for pid in forked.stdout.readline().split()]
        time.sleep(2.0)
        killed_at = time.monotonic_ns()
        os.kill(pids[0], signal.SIGKILL)
        forked.stdout.read()
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    events = sorted((int(at), int(pid), int(step)) for at, pid, step in lines)
    assert {pid for _, pid, _ in events} == set(pids)

    in_flight: Counter[int] = Counter()
    most_before, most_after = 0, 0
    started: Counter[int] = Counter()
    shared_from = max(min(at for at, pid, _ in events if pid == one) for one in pids)
    for at, pid, step in events:
        in_flight[pid] += step
        if at < killed_at:
            most_before = max(most_before, in_flight.total())
            started[pid] += step == 1 and at > shared_from
        elif pid != pids[0]:
            alive = in_flight.total() - in_flight[pids[0]]
            if at > killed_at + 500_000_000:
                most_after = max(most_after, alive)

    assert MOST * 0.75 <= most_before <= MOST + COUNT - 1
    assert MOST - 1 <= most_after <= MOST + COUNT - 2, "the part of the killed one is used by the others"
    assert min(started.values()) > 0.6 * max(started.values())
