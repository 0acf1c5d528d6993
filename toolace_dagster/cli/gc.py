"""``toolace gc``: remove what a home keeps of earlier states.

Belongs here: what is printed. Does not belong here: what may go (``pipeline.garbage``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from toolace_dagster.cli.cache import duration
from toolace_dagster.cli.console import complain, say, show_table, warn
from toolace_dagster.cli.pool import open_pool, print_notes
from toolace_dagster.dataset.files import abandoned, remove_all
from toolace_dagster.llm.journal import JournalInUse
from toolace_dagster.pipeline.garbage import collect, remove_domain
from toolace_dagster.pipeline.sync import retired_domains
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

_Made = TypeVar("_Made")


def collect_garbage(
    home: Path,
    settings: Settings,
    *,
    keep: int,
    older_than: str | None,
    retired: bool,
    dry_run: bool,
    runs_older_than: str | None = None,
) -> int:
    """Remove earlier versions of rows, unused tools, what killed exports left and, if asked, retired domains.

    Args:
        home: Home folder.
        settings: They name the pool, whose domains are never removed.
        keep: Versions of each row to keep besides the current one.
        older_than: Only what was replaced longer ago, such as ``30d``.
        retired: Also the whole data of domains that are gone from the pool.
        dry_run: Only say it.
        runs_older_than: Dagster's runs that ended longer ago, with their event logs; none when None.

    Returns:
        Exit code: 1 when the home holds nothing or a part of the pool can't be read
        or a domain is in use, 2 when a duration is none.
    """
    warehouse = Warehouse(home)
    domains = warehouse.domains()
    if not domains:
        complain(f"{home} holds nothing yet. --home names another folder.")
        return 1
    try:
        now = datetime.now(UTC)
        before = now.replace(tzinfo=None) - (duration(older_than) if older_than else duration("0h"))
        runs_before = now - duration(runs_older_than) if runs_older_than else None
    except ValueError as error:
        complain(str(error))
        return 2
    gone: list[str] = []
    if retired:
        told = _retired(warehouse, settings)
        if told is None:
            return 1
        gone = told
    kept = [domain for domain in domains if domain not in gone]
    busy: list[str] = []
    look = partial(collect, warehouse, keep=keep, before=before, dry_run=dry_run)
    found = [each for _, each in _of_free(kept, busy, look)]
    done = "would be removed" if dry_run else "removed"
    rows = [(each.domain, each.rows, each.bytes, each.tools) for each in found if each]
    if rows:
        show_table(f"Earlier versions, {done}", ("domain", "rows", "bytes", "tools"), rows)
    for domain in gone if dry_run else (name for name, _ in _of_free(gone, busy, partial(remove_domain, warehouse))):
        say(f"All data of {domain}, which is gone from the pool: {done}.")
    left = sorted(abandoned(warehouse.exports.rglob(".*.tmp")))
    if left:
        say(f"{len(left)} unfinished files that a killed export left: {done}.")
    if not dry_run:
        remove_all(left)
    anything = _prune_dagster(warehouse, runs_before, dry_run=dry_run)
    if busy:
        warn(f"left alone, since a run is making calls for them: {', '.join(busy)}")
        return 1
    if not rows and not gone and not left and not anything:
        say("Nothing to remove.")
    return 0


def _of_free(domains: Sequence[str], busy: list[str], work: Callable[[str], _Made]) -> Iterator[tuple[str, _Made]]:
    """Do something with each domain as it is asked for; those that are in use are added to ``busy``."""
    for domain in domains:
        try:
            made = work(domain)
        except JournalInUse:
            busy.append(domain)
        else:
            yield domain, made


def _prune_dagster(warehouse: Warehouse, before: datetime | None, *, dry_run: bool) -> bool:
    """Old runs and left-over budgets; whether there were any."""
    if before is None and not any(warehouse.ledger("").parent.glob("*.ledger")):
        return False
    # Dagster takes seconds to import.
    from toolace_dagster.orchestration.retention import forget_budgets, prune_runs

    done = "would be removed" if dry_run else "removed"
    budgets = forget_budgets(warehouse, dry_run=dry_run)
    if budgets:
        say(f"Budgets of {budgets:,} launches that have ended: {done}.")
    if before is None:
        return bool(budgets)
    runs = prune_runs(warehouse, before, dry_run=dry_run)
    kept = f"; {runs.kept:,} stay, since the newest state of an asset is theirs" if runs.kept else ""
    say(f"{runs.removed:,} of Dagster's runs with their event logs: {done}{kept}.")
    return True


def _retired(warehouse: Warehouse, settings: Settings) -> list[str] | None:
    """Domains marked as gone that are; None, with the reason printed, where the pool does not tell."""
    pool = open_pool(settings)
    if pool is None:
        complain("Without the pool nobody can tell which domains are gone, so nothing was removed.")
        return None
    if pool.unread:
        print_notes(pool.unread)
        complain("A domain may be missing just because these can't be read, so nothing was removed.")
        return None
    marked = retired_domains(warehouse).keys()
    current = {domain.name for domain in pool.domains}
    for domain in sorted(marked & current):
        say(f"{domain} was marked as gone, but is in the pool: its data stays.")
    return sorted(marked - current)
