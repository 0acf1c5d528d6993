"""``toolace sync``: bring partitions in line with the pool, without making anything.

Belongs here: what is printed. Does not belong here: comparing (``pipeline.sync``).
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.cli.console import say, warn
from toolace_dagster.cli.pool import open_pool, print_notes
from toolace_dagster.pipeline.sync import pool_drift
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

_WORDS = {
    "added": "new: a run makes them",
    "changed": "changed: a run remakes the dialogues that offer what changed",
    "gone": "gone from the pool: no partition any more, the data is kept",
    "unsure": "not in the pool as far as it can be read: kept as they are",
    "back": "back in the pool",
}


def sync_pool(home: Path, settings: Settings, *, dry_run: bool) -> int:
    """Register new domains, retire those that are gone, and say what a run would find.

    Args:
        home: Home folder.
        settings: They name the pool.
        dry_run: Only say it.

    Returns:
        Exit code: 1 when the pool can't be read, or so little of it that nobody can tell whether a domain is gone.
    """
    pool = open_pool(settings)
    if pool is None:
        return 1
    warehouse = Warehouse(home)
    if dry_run:
        drift = pool_drift(pool, warehouse)
    else:
        from toolace_dagster.orchestration.sync import sync_home

        drift = sync_home(settings, warehouse)
    if drift.unread:
        warn("a part of the pool can't be read, so no domain is retired: one that is missing may be in it.")
        print_notes(drift.unread)
    say(f"{len(drift.current)} domains with tools in the pool.")
    for kind, words in _WORDS.items():
        names: tuple[str, ...] = getattr(drift, kind)
        if names:
            say(f"{', '.join(names)}: {words}.")
    if not any(getattr(drift, kind) for kind in _WORDS):
        say("The home holds these domains as they are.")
    return 1 if drift.unsure else 0
