"""Runs of the command line in processes of their own, forked from one that has its imports already.

A cold start takes seconds of CPU time, nearly all of it imports. What a run does after
them is the same here: own process, session, arguments, environment, output and exit
code, and it starts, stops and is killed like any other.

Belongs here: starting. Does not belong here: what is started, or what it came to
(``kill_resume``, ``tests/cli``).
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

_IMPORTED = [
    "toolace_dagster.cli",
    "toolace_dagster.orchestration.launch",
    "toolace_dagster.llm.offline.server",
    "openai.resources.chat.completions",
    # What opening a Dagster instance imports only then.
    "alembic.command",
    "dagster._core.instance.ref",
    "dagster._core.launcher.default_run_launcher",
    "dagster._core.run_coordinator.default_run_coordinator",
    "dagster._core.scheduler",
    "dagster._core.storage.event_log",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.noop_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.storage.runs",
    "dagster._core.storage.schedules",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.workspace.load",
    "dagster._daemon.sensor",
]
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(_IMPORTED)


@dataclass(frozen=True)
class Started:
    """A command that was started, as the leader of a session.

    Attributes:
        process: Its process.
        folder: Where its output goes.
    """

    process: BaseProcess
    folder: Path

    @property
    def pid(self) -> int:
        """Process id; also of its process group."""
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        """Exit code, or the signal's negative number; None while it runs."""
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal to the command alone."""
        os.kill(self.pid, number)

    def wait(self, timeout: float = 300.0) -> int:
        """Wait until it has ended; gives the exit code.

        Raises:
            TimeoutError: If it has not ended; it is killed with its group.
        """
        self.process.join(timeout)
        code = self.process.exitcode
        if code is None:
            os.killpg(self.pid, signal.SIGKILL)
            raise TimeoutError(f"not done within {timeout:.0f} s; so far it said: {self.said('out')}{self.said('err')}")
        return code

    def said(self, stream: str) -> str:
        """What it wrote so far to ``out`` or ``err``."""
        path = self.folder / stream
        return path.read_text() if path.exists() else ""


def start_warm(words: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> Started:
    """Start ``toolace`` with these arguments.

    Args:
        words: The arguments.
        environment: All its environment variables.
        cwd: Working folder; by default this process's.
    """
    folder = Path(tempfile.mkdtemp(prefix="toolace-said-"))
    process = _server.Process(target=_command, args=(list(words), dict(environment), str(cwd or Path.cwd()), folder))
    process.start()
    started = Started(process, folder)
    weakref.finalize(started, shutil.rmtree, folder, ignore_errors=True)
    return started


def _command(words: list[str], environment: dict[str, str], cwd: str, folder: Path) -> None:
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "out"), (2, "err")):
        opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["toolace", *words]
    from toolace_dagster.cli import main

    main()
