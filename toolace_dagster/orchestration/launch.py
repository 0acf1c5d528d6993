"""Launching runs from the command line: one Dagster run a domain, several domains at once.

Each domain runs in a forked process: Dagster is imported once, runs do not share
an interpreter lock, and a crash costs one domain. (Threads do not work: Dagster
redirects the process's output while it runs a step.)

Belongs here: processes, run configuration, how a run ended. Does not belong here:
what is stale (``pipeline.staleness``), or printing (``cli``).
"""

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

import dagster as dg

from toolace_dagster.orchestration.definitions import DATASET_JOB, GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.orchestration.materialize import LIMIT_KEY
from toolace_dagster.orchestration.resources import LAUNCH_TAG
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.progress import Listener, listening
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

_PATIENCE = 20.0


def run_domains(
    domains: Sequence[str], settings: Settings, warehouse: Warehouse, *, launch: str, parallel: int, listener: Listener
) -> list[RunEnd]:
    """Materialize all stages of several domains.

    Args:
        domains: Domain names; registered as partitions when they are new.
        settings: Settings of the runs.
        warehouse: The home's files.
        launch: Id of this launch, whose runs share a budget.
        parallel: Domains at once.
        listener: Told of progress, in this process.

    Returns:
        One end per domain, in the order given.

    Raises:
        KeyboardInterrupt: After all runs were stopped; what was paid for is kept.
    """
    with open_instance(warehouse) as instance:
        register_domains(instance, domains)
    job = build_definitions(warehouse.home, settings=settings).resolve_job_def(GENERATE_JOB)
    _import_for_all(settings)
    parent = os.getpid()

    def work(domain: str, sender: Connection) -> None:
        # A group of its own, so that a run is stopped once, by its parent, and not by Ctrl-C as well.
        os.setpgrp()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        threading.Thread(target=_stop_when_orphaned, args=(parent,), daemon=True).start()
        try:
            with listening(sender.send):
                sender.send(_execute(job, settings, warehouse, name=domain, partition=domain, launch=launch))
        except KeyboardInterrupt:
            # The parent says it for all domains.
            return

    return _in_processes(list(domains), work, parallel, listener)


def _import_for_all(settings: Settings) -> None:
    """Import what each run would import for itself on its first call, once and before the fork."""
    import_module("openai.resources.chat.completions")
    if settings.llm.endpoint_kind == "offline":
        from toolace_dagster.llm.offline import OfflineModel

        OfflineModel()


def build_dataset(settings: Settings, warehouse: Warehouse) -> RunEnd:
    """Materialize splits, the exports of the settings' formats and the dataset card."""
    job = build_definitions(warehouse.home, settings=settings).resolve_job_def(DATASET_JOB)
    assets = ["splits", *(f"{name}_export" for name in settings.formats), "dataset_card"]
    return _execute(job, settings, warehouse, name=DATASET_JOB, partition=None, assets=assets)


def _execute(
    job: dg.JobDefinition,
    settings: Settings,
    warehouse: Warehouse,
    *,
    name: str,
    partition: str | None,
    launch: str = "",
    assets: Sequence[str] | None = None,
) -> RunEnd:
    # Dagster refuses nulls here; settings that are None are None by default too.
    values = {name: value for name, value in settings.model_dump(mode="json").items() if value is not None}
    config = {"home": str(warehouse.home), "settings": values, "settings_are_whole": True}
    with open_instance(warehouse) as instance:
        try:
            result = job.execute_in_process(
                instance=instance,
                partition_key=partition,
                asset_selection=None if assets is None else [dg.AssetKey(asset) for asset in assets],
                run_config={
                    "resources": {"toolace": {"config": config}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                tags={LAUNCH_TAG: launch} if launch else None,
                raise_on_error=False,
            )
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
    error, limit = ("", "") if result.success else _failure(result)
    return RunEnd(name=name, run_id=result.run_id, error=error, limit=limit)


def _failure(result: dg.ExecuteInProcessResult) -> tuple[str, str]:
    """Why a run failed, and the setting that is the limit if a budget stopped it."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            said = data.user_failure_data
            if said and said.description:
                limit = said.metadata.get(LIMIT_KEY)
                return f"{event.step_key}: {said.description}", str(limit.value) if limit else ""
            error = data.error
            while error is not None and error.cause is not None:
                error = error.cause
            return f"{event.step_key}: {error.message.strip() if error else 'failed'}", ""
    return "the run failed; its log in the Dagster UI says why", ""


def _in_processes(
    names: list[str], work: Callable[[str, Connection], None], parallel: int, listener: Listener
) -> list[RunEnd]:
    fork = multiprocessing.get_context("fork")
    waiting = list(names)
    running: dict[Connection, tuple[str, BaseProcess]] = {}
    ends: dict[str, RunEnd] = {}
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                name = waiting.pop(0)
                receiver, sender = fork.Pipe(duplex=False)
                process = fork.Process(target=work, args=(name, sender), name=f"toolace {name}")
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
