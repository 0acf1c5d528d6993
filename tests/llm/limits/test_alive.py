"""Telling a process from those that had, or will have, its id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from toolace_dagster.llm.limits.alive import ProcessMark

OURS = ProcessMark.of(os.getpid())
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say when it started")


def test_a_process_has_gone_once_it_was_killed_and_not_before() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        mark = ProcessMark.parse(str(ProcessMark.of(process.pid)))
        assert mark is not None
        assert not mark.has_gone()
        process.send_signal(signal.SIGKILL)
        if OURS.started:
            # Nobody has waited for it yet.
            deadline = time.monotonic() + 20
            while not mark.has_gone() and time.monotonic() < deadline:
                time.sleep(0.005)
            assert mark.has_gone()
        process.wait()
        assert mark.has_gone()


@needs_proc
def test_a_later_process_with_the_same_id_is_another_one() -> None:
    assert not OURS.has_gone()
    assert replace(OURS, started=str(int(OURS.started) - 1)).has_gone()


@needs_proc
def test_whatever_ran_before_the_machine_was_started_again_has_gone() -> None:
    assert replace(OURS, boot="an-earlier-one").has_gone()


def test_nobody_knows_of_processes_of_another_place() -> None:
    assert not replace(OURS, place="1", boot="another", pid=2**22 + 1, started="0").has_gone()


@pytest.mark.parametrize("text", ["", "host", "host/x/1/2/3", "host/1/2/3", "a/1/2/3/4/5"])
def test_a_text_that_is_no_mark_says_nothing(text: str) -> None:
    assert ProcessMark.parse(text) is None
