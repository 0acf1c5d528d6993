"""What Dagster's instance need not keep for ever: event logs of old runs, and budgets of launches that have ended.

Belongs here: which of them may go. Does not belong here: rows of the data (``pipeline.garbage``).
"""

import time
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster import DagsterEventType

from toolace_dagster.orchestration.instance import dagster_home, open_instance
from toolace_dagster.orchestration.resources import BACKFILL_TAG, LAUNCH_TAG, ROOT_TAG
from toolace_dagster.orchestration.workers import report_gone
from toolace_dagster.warehouse import Warehouse

_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_QUIET = 3600.0
"""Seconds without a call after which a ledger that no run speaks for is taken to be left over."""


@dataclass(frozen=True)
class OldRuns:
    """What became of runs that ended long ago.

    Attributes:
        removed: Removed with their event logs, or to be removed.
        kept: Left alone, since the newest state of an asset is theirs.
    """

    removed: int
    kept: int


def prune_runs(warehouse: Warehouse, before: datetime, *, dry_run: bool) -> OldRuns:
    """Remove runs with their event logs, but for those that made what is the newest state of an asset's partition.

    Args:
        warehouse: The home.
        before: Only runs that ended before, with a time zone.
        dry_run: Only count.
    """
    with open_instance(warehouse) as instance:
        needed = _runs_of_newest_states(instance)
        old = [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=list(_ENDED), updated_before=before))]
        free = [run for run in old if run not in needed]
        for run in free if not dry_run else ():
            instance.delete_run(run)
    return OldRuns(len(free), len(old) - len(free))


def _runs_of_newest_states(instance: dg.DagsterInstance) -> set[str]:
    """Runs whose removal would make the UI take something for never made."""
    kind = DagsterEventType.ASSET_MATERIALIZATION
    needed: set[str] = set()
    for key in instance.all_asset_keys():
        latest = instance.get_latest_materialization_event(key)
        needed |= {latest.run_id} if latest else set()
        ids = list(instance.get_latest_storage_id_by_partition(key, kind).values())
        if ids:
            chosen = dg.AssetRecordsFilter(key, storage_ids=ids)
            needed |= {each.run_id for each in instance.fetch_materializations(chosen, limit=len(ids)).records}
    return needed


def forget_budgets(warehouse: Warehouse, *, dry_run: bool) -> int:
    """Remove what runs shared of their budgets, of launches that have ended.

    Args:
        warehouse: The home.
        dry_run: Only count.

    Returns:
        How many.
    """
    folder = warehouse.ledger("").parent
    found = [path for path in folder.glob("*.ledger") if time.time() - path.stat().st_mtime > _QUIET]
    if not found or not dagster_home(warehouse).exists():
        return 0
    with open_instance(warehouse) as instance:
        if not dry_run:
            report_gone(instance)
        busy = instance.get_runs(dg.RunsFilter(statuses=[each for each in dg.DagsterRunStatus if each not in _ENDED]))
        backfills = {each.backfill_id for each in instance.get_backfills() if each.status.value == "REQUESTED"}
    tags = (LAUNCH_TAG, BACKFILL_TAG, ROOT_TAG)
    alive = (
        backfills | {run.run_id for run in busy} | {run.tags[tag] for run in busy for tag in tags if tag in run.tags}
    )
    over = [path for path in found if path.stem not in alive]
    for path in over if not dry_run else ():
        path.unlink(missing_ok=True)
    return len(over)
