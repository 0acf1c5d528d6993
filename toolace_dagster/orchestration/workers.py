"""Runs and the processes that work on them: a run whose process was killed says so to nobody.

Belongs here: noting a run's process, reporting runs whose process has gone, and what is under way. Does not belong
here: whether a process runs (``llm.limits.alive``).
"""

import os
from collections.abc import Iterable, Sequence

import dagster as dg
from dagster import DagsterEventType
from dagster._core.events import EngineEventData

from toolace_dagster.llm.limits.alive import ProcessMark

PROCESS_TAG = "toolace/process"
"""Tag of a run: its own id and the mark of the process that works on it. A run that is executed again has the tags of
the one it repeats, so the id says whether the mark is its own."""
PARTITION_TAG = "dagster/partition"
_UNDER_WAY = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_ALL_UNDER_WAY = dg.RunsFilter(statuses=list(_UNDER_WAY))


def process_tag(run_id: str, pid: int) -> dict[str, str]:
    """The tag of a run on which a process of this machine works.

    Args:
        run_id: The run.
        pid: The process.
    """
    return {PROCESS_TAG: f"{run_id} {ProcessMark.of(pid)}"}


def engine_events(instance: dg.DagsterInstance, run_id: str) -> list[EngineEventData]:
    """What Dagster's engine, and we by its name, noted in a run's log.

    Args:
        instance: The run's.
        run_id: The run.
    """
    entries = instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
    return [entry.dagster_event.engine_event_data for entry in entries if entry.dagster_event is not None]


def note_process(instance: dg.DagsterInstance, run: dg.DagsterRun, events: Iterable[EngineEventData]) -> None:
    """Give a run its tag, if it has none of its own; called from inside the run.

    Args:
        instance: The run's.
        run: The run.
        events: As of :func:`engine_events`.
    """
    if _mark(run) is not None:
        return
    # A step may have a process of its own, which ends before the run does. Dagster notes which one the run has.
    said = {event.metadata.get("pid") for event in events}
    pids = {str(each.value) for each in said if each is not None}
    own = next((pid for pid in (os.getpid(), os.getppid()) if str(pid) in pids), None)
    if own is not None:
        instance.add_run_tags(run.run_id, process_tag(run.run_id, own))


def report_gone(instance: dg.DagsterInstance) -> list[str]:
    """Report runs under way as failed, or as cancelled where that was asked for, whose process has gone.

    Runs of other machines, and those that don't say which process they have, are left alone.

    Args:
        instance: Of the home.

    Returns:
        Their ids.
    """
    found: list[str] = []
    for seen in instance.get_runs(_ALL_UNDER_WAY):
        mark = _mark(seen)
        if mark is None or not mark.has_gone():
            continue
        # It may have ended in order after we had looked. What it is now, it stays.
        run = instance.get_run_by_id(seen.run_id)
        if run is None or run.status not in _UNDER_WAY:
            continue
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, f"Process {mark.pid} on {mark.host} has gone.")
        else:
            instance.report_run_failed(
                run,
                f"Process {mark.pid} on {mark.host}, which worked on this run, has gone without a word: it was killed, "
                "memory ran out, or the machine stopped. What was paid for is kept: launch the run again, or "
                "re-execute it from failure.",
            )
        found.append(run.run_id)
    return found


def runs_under_way(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """Runs that wait or are worked on, once those whose process has gone are reported.

    Args:
        instance: Of the home.
    """
    report_gone(instance)
    return instance.get_runs(_ALL_UNDER_WAY)


def domains_under_way(instance: dg.DagsterInstance) -> set[str]:
    """Domains of such runs.

    Args:
        instance: Of the home.
    """
    return {run.tags[PARTITION_TAG] for run in runs_under_way(instance) if PARTITION_TAG in run.tags}


def _mark(run: dg.DagsterRun) -> ProcessMark | None:
    whose, _, text = run.tags.get(PROCESS_TAG, "").partition(" ")
    return ProcessMark.parse(text) if whose == run.run_id else None
