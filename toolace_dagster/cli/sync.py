"""``toolace sync``: bring partitions in line with the pool, and on request make what is stale then.

Belongs here: what is printed. Does not belong here: comparing (``pipeline.sync``), or
making (``run``).
"""

from __future__ import annotations

from dataclasses import replace

from toolace_dagster.cli.console import complain, say, warn
from toolace_dagster.cli.plan import show_plan
from toolace_dagster.cli.pool import open_pool, print_notes
from toolace_dagster.cli.preset import RunOptions
from toolace_dagster.cli.run import run_pipeline
from toolace_dagster.pipeline.sync import pool_drift
from toolace_dagster.warehouse import Warehouse

_WORDS = {
    "added": "new: a run makes them",
    "changed": "changed: a run remakes the dialogues that offer what changed",
    "gone": "gone from the pool: no partition any more, the data is kept",
    "unsure": "not in the pool as far as it can be read: kept as they are",
    "back": "back in the pool",
    "doubtful": "may be left out by domains.toml, which can't be read: no partition yet",
}


def sync_pool(options: RunOptions, *, dry_run: bool, run: bool) -> int:
    """Register new domains, retire those that are gone, and say what a run would find.

    Args:
        options: They name the home and the pool, and say how a run makes what is stale.
        dry_run: Only say it.
        run: Make what is stale afterwards, in all domains of the pool that no run works on; or say what that would be.

    Returns:
        Exit code: that of the run if there is one; 1 when the pool can't be read, or so little of it that nobody can
        tell whether a domain is gone, or, before a run, any part of it.
    """
    pool = open_pool(options.settings)
    if pool is None:
        return 1
    warehouse = Warehouse(options.home)
    if dry_run:
        drift = pool_drift(pool, warehouse)
    else:
        from toolace_dagster.orchestration.sync import sync_home

        drift = sync_home(pool, warehouse)
    if drift.unread:
        warn("a part of the pool can't be read, so no domain is retired: one that is missing may be in it.")
        print_notes(drift.unread)
    say(f"{len(drift.current)} domains with tools in the pool.")
    for kind, words in _WORDS.items():
        names = [name for name in getattr(drift, kind) if kind == "doubtful" or name not in drift.doubtful]
        if names:
            say(f"{', '.join(names)}: {words}.")
    if not any(getattr(drift, kind) for kind in _WORDS):
        say("The home holds these domains as they are.")
    if not run:
        return 1 if drift.unsure else 0
    if drift.unread:
        # Dialogues that offer a tool which can't be read for a moment would be made anew, and again when it can be.
        complain("nothing is made while a part of the pool can't be read.")
        return 1
    from toolace_dagster.orchestration.sync import busy_domains

    busy = busy_domains(warehouse)
    free = [name for name in drift.current if name not in busy]
    if len(free) < len(drift.current):
        say(f"{', '.join(sorted(busy & set(drift.current)))}: left out, a run works on it.")
    if not free:
        return 0
    say("")
    chosen = replace(options, domains=free)
    return show_plan(chosen, as_json=False) if dry_run else run_pipeline(chosen)
