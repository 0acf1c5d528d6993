"""``toolace ui``: the Dagster UI over a home.

Belongs here: starting it, and looking after runs that were killed while it is open. Does not belong here: what it
shows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from toolace_dagster.cli.console import say, warn
from toolace_dagster.configuration import CONFIG_VARIABLE
from toolace_dagster.llm.money import counted
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.pipeline.sync import doubtful_domains
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import PoolError
from toolace_dagster.warehouse import Warehouse

_EVERY = 60.0
"""Seconds between two looks for runs whose process has gone."""
_GRACE = 15.0
"""Seconds that Dagster's server and daemon have to end in after Ctrl-C."""
_SIGNALLED = 128
"""A program that a signal ended has this and the signal's number as exit code, as in a shell."""


def serve_ui(home: Path, port: int, settings: Settings, config: Path | None = None) -> int:
    """Run Dagster's web server and daemon until they are stopped. The pool's domains are partitions from the start.

    Args:
        home: Home folder.
        port: Port on this machine.
        settings: They name the pool.
        config: Configuration file of the runs that are launched there.

    Returns:
        Exit code of Dagster.
    """
    from toolace_dagster.orchestration.instance import dagster_home

    folder = dagster_home(Warehouse(home))
    report_gone_runs(home)
    register_pool(Warehouse(home), settings)
    environment = os.environ | {"DAGSTER_HOME": str(folder), "TOOLACE_HOME": str(home.resolve())}
    if config is not None:
        # Runs are started in processes of their own, wherever these work.
        environment[CONFIG_VARIABLE] = str(config.resolve())
    workspace = Path(__file__).parents[2] / "workspace.yaml"
    location = ["-w", str(workspace)] if workspace.exists() else ["-m", "toolace_dagster.orchestration.definitions"]
    say(f"The Dagster UI over {home} is at http://127.0.0.1:{port} (Ctrl-C stops it).")
    command = [sys.executable, "-m", "dagster", "dev", *location, "-h", "127.0.0.1", "-p", str(port)]
    return serve_until_ended(command, environment, partial(report_gone_runs, home))


def register_pool(warehouse: Warehouse, settings: Settings) -> None:
    """Make the pool's domains partitions, but for those that ``domains.toml`` may leave out while it can't be read.

    Args:
        warehouse: The home.
        settings: They name the pool.
    """
    from toolace_dagster.orchestration.instance import open_instance, register_domains

    try:
        pool = configured_pool(settings)
    except PoolError as error:
        warn(str(error))
        return
    unsure = doubtful_domains(pool, warehouse)
    if unsure:
        warn(f"no partition yet for {', '.join(sorted(unsure))}: domains.toml may leave them out, and can't be read.")
    with open_instance(warehouse) as instance:
        register_domains(instance, [each.name for each in pool.domains if each.tools and each.name not in unsure])


def report_gone_runs(home: Path) -> None:
    """Mark runs whose process has gone as failed: a run that was killed blocks the runs of its domain in the queue.

    Args:
        home: Home folder.
    """
    from toolace_dagster.orchestration.instance import open_instance
    from toolace_dagster.orchestration.workers import report_gone

    with open_instance(Warehouse(home)) as instance:
        gone = report_gone(instance)
    if gone:
        say(f"{counted(len(gone), 'run')} whose process had gone: marked as failed.")


def serve_until_ended(
    command: Sequence[str], environment: Mapping[str, str], look: Callable[[], None], *, every: float = _EVERY
) -> int:
    """Run a program until it ends, and do something now and then meanwhile.

    Ctrl-C reaches the program from the terminal, and SIGTERM from here.

    Args:
        command: The program and its arguments.
        environment: Its environment.
        look: What to do; if it fails, that is told, and done again later.
        every: Seconds in between.

    Returns:
        The program's exit code; 0 after Ctrl-C.
    """
    told = ""
    with subprocess.Popen(command, env=environment) as program, _terminating(program):  # noqa: S603 - our own command
        try:
            while True:
                try:
                    code = program.wait(every)
                except subprocess.TimeoutExpired:
                    told = _tried(look, told)
                else:
                    return code if code >= 0 else _SIGNALLED - code
        except KeyboardInterrupt:
            try:
                program.wait(_GRACE)
            except subprocess.TimeoutExpired:
                # It was sent to this process alone.
                program.terminate()
            return 0


def _tried(look: Callable[[], None], told: str) -> str:
    """Do something that may fail; what was told of that, so that it is told once."""
    try:
        look()
    except Exception as error:
        words = f"runs whose process has gone can't be looked for: {type(error).__name__}: {error}"
        if words != told:
            warn(words)
        return words
    return ""


@contextmanager
def _terminating(program: subprocess.Popen[bytes]) -> Generator[None]:
    """Hand SIGTERM on to a program."""

    def hand_on(_number: int, _frame: FrameType | None) -> None:
        program.terminate()

    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
