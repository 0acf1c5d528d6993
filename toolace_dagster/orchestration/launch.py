"""Launching runs from the command line: one Dagster run a domain, several domains at once.

Each domain runs in a forked process: Dagster is imported once, runs do not share
an interpreter lock, and a crash costs one domain. (Threads do not work: Dagster
redirects the process's output while it runs a step.)

Belongs here: run configuration, how a run ended. Does not belong here: processes
(``pipeline.processes``), what is stale (``pipeline.staleness``), or printing (``cli``).
"""

import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from uuid import uuid4

import dagster as dg

from toolace_dagster.orchestration.definitions import DATASET_JOB, GENERATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.orchestration.materialize import LIMIT_KEY
from toolace_dagster.orchestration.resources import LAUNCH_TAG
from toolace_dagster.orchestration.workers import process_tag, report_gone
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.processes import import_for_all, in_processes
from toolace_dagster.pipeline.progress import Listener, listening
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


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
        report_gone(instance)
        register_domains(instance, domains)
    job = build_definitions(warehouse.home, settings=settings).resolve_job_def(GENERATE_JOB)
    import_for_all(settings)

    def work(domain: str, sender: Connection) -> None:
        with listening(sender.send):
            sender.send(_execute(job, settings, warehouse, name=domain, partition=domain, launch=launch))

    return in_processes(list(domains), work, parallel, listener)


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
    values = settings.model_dump(mode="json")
    # Dagster refuses nulls among them.
    nulls = [name for name, value in values.items() if value is None]
    values = {name: value for name, value in values.items() if value is not None}
    # The job's definition has the home. In the configuration, which is stored, it would outlast a move of the home.
    config = {"settings": values, "nulls": nulls, "settings_are_whole": True}
    run_id = str(uuid4())
    tags = process_tag(run_id, os.getpid()) | ({LAUNCH_TAG: launch} if launch else {})
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
                tags=tags,
                run_id=run_id,
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
