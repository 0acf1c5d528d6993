"""Work on several domains at once, in forked processes: what all need is imported once, before the fork.

Work in one process does not share an interpreter lock with that in another, and a
crash costs one domain.

Belongs here: starting, listening to and stopping processes. Does not belong here:
what is done in them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from toolace_dagster.pipeline.disk import refused_by_disk
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.progress import Listener
from toolace_dagster.settings import Settings

_PATIENCE = 20.0


def import_for_all(settings: Settings) -> None:
    """Import what each run would import for itself on its first call, once and before the fork."""
    import_module("openai.resources.chat.completions")
    if settings.llm.endpoint_kind == "offline":
        from toolace_dagster.llm.offline import OfflineModel

        OfflineModel()


def in_processes(
    names: Sequence[str], work: Callable[[str, Connection], None], parallel: int, listener: Listener
) -> list[RunEnd]:
    """Do a piece of work for each name, each in a process of its own.

    Args:
        names: What there is to work on, such as domains.
        work: Runs in the process; sends progress, and at last a ``RunEnd``, through the connection. A
            ``KeyboardInterrupt`` ends it without a word.
        parallel: Processes at once.
        listener: Told of progress, in this process.

    Returns:
        One end per name, in the order given.

    Raises:
        KeyboardInterrupt: After all processes were stopped.
    """

    def stoppable(name: str, sender: Connection) -> None:
        # A group of its own, so that a run is stopped once, by its parent, and not by Ctrl-C as well.
        os.setpgrp()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        threading.Thread(target=_stop_when_orphaned, args=(parent,), daemon=True).start()
        try:
            work(name, sender)
        except KeyboardInterrupt:
            # The parent says it for all.
            return
        except Exception as error:
            refused = refused_by_disk(error)
            if not refused:
                raise
            sender.send(RunEnd(name=name, run_id="", error=refused))

    parent = os.getpid()
    fork = multiprocessing.get_context("fork")
    waiting = list(names)
    running: dict[Connection, tuple[str, BaseProcess]] = {}
    ends: dict[str, RunEnd] = {}
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                name = waiting.pop(0)
                receiver, sender = fork.Pipe(duplex=False)
                process = fork.Process(target=stoppable, args=(name, sender), name=f"toolace {name}")
                process.start()
                sender.close()
                running[receiver] = (name, process)
            for receiver in wait(list(running)):
                assert isinstance(receiver, Connection)
                name, process = running[receiver]
                message = _receive(receiver)
                if isinstance(message, RunEnd):
                    ends[name] = message
                elif message is not None:
                    listener(message)
                if message is None:
                    del running[receiver]
                    process.join()
                    died = f"the process ended with exit code {process.exitcode} before the run did"
                    ends.setdefault(name, RunEnd(name=name, run_id="", error=died))
    except KeyboardInterrupt:
        _stop([process for _, process in running.values()])
        raise
    return [ends[name] for name in names]


def _stop(processes: Sequence[BaseProcess]) -> None:
    """Let runs end in order, which takes no longer than the calls that are being written down; then end them."""
    deadline = time.monotonic() + _PATIENCE
    try:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(timeout=max(0.0, deadline - time.monotonic()))
    finally:
        for process in processes:
            process.kill()


def _stop_when_orphaned(parent: int) -> None:
    """Stop this process when the one that launched it was killed: nobody takes its reports any more."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _receive(receiver: Connection) -> Any:
    """The next message, or None when the other end is closed, be it in the middle of one."""
    try:
        return receiver.recv()
    except (EOFError, OSError):
        return None
