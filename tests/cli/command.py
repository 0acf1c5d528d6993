"""The command line as users start it: in a process of its own.

Most commands are forked from a process that has the imports already; where the start itself is looked at, or the
command as it stands in the list of processes, they start cold.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.warm_start import Started, start_warm

ROOT = Path(__file__).parents[2]
_START = [sys.executable, "-c", "from toolace_dagster.cli import main; main()"]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: none of the variables that a developer's shell may hold."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "TOOLACE_", "DAGSTER"))
    }
    return kept | {"PYTHONPATH": str(ROOT)} | more


def start(*words: object, cwd: Path | None = None, **variables: str) -> Started:
    """Start a command, as the leader of a process group; its output is captured."""
    return start_warm([str(word) for word in words], environment(**variables), cwd)


def start_cold(*words: object, cwd: Path | None = None, **variables: str) -> subprocess.Popen[str]:
    """Start a command in an interpreter of its own."""
    return subprocess.Popen(
        [*_START, *map(str, words)],
        cwd=cwd,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: Started | subprocess.Popen[str]) -> Ended:
    """Wait for a command."""
    if isinstance(process, Started):
        code = process.wait(100)
        return Ended(code, process.said("out"), process.said("err"))
    out, err = process.communicate(timeout=100)
    return Ended(process.returncode, out, err)


def toolace(*words: object, cwd: Path | None = None, cold: bool = False, **variables: str) -> Ended:
    """Run a command to its end."""
    return finish((start_cold if cold else start)(*words, cwd=cwd, **variables))
