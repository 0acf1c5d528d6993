"""``toolace cache``: what a home or a shared cache holds, and making it smaller.

Belongs here: reading options and printing. Does not belong here: listing and
pruning (``llm.cache``).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb

from toolace_dagster.cli.console import complain, say, show_table, warn
from toolace_dagster.llm.cache.folders import CacheFolder
from toolace_dagster.llm.cache.homes import HomeCache
from toolace_dagster.llm.cache.shared import CacheUnusable
from toolace_dagster.llm.cache.upkeep import By, Group, Holder, Selection, added_up, grouped
from toolace_dagster.warehouse import Warehouse

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def list_cache(home: Path, folder: Path | None, by: By) -> int:
    """Print what is held, in groups.

    Returns:
        Exit code: 1 when there is nothing or it can't be read.
    """

    def work(holder: Holder) -> int:
        holdings = holder.holdings()
        groups = grouped(holdings, by)
        rows = [_row(group, in_home=folder is None) for group in groups]
        if len(groups) > 1:
            rows.append(_row(added_up("all", holdings), in_home=folder is None))
        columns = (by, "calls", "bytes", *(() if folder else ("unused calls", "unused bytes")), "oldest", "last used")
        show_table(
            f"Prompts and replies kept in {folder or home}" if folder is None else f"Replies in {folder}", columns, rows
        )
        return 0

    return _with_holder(home, folder, work)


def size_cache(home: Path, folder: Path | None) -> int:
    """Print how much is held.

    Returns:
        Exit code: 1 when there is nothing or it can't be read.
    """

    def work(holder: Holder) -> int:
        everything = added_up("all", holder.holdings())
        say(
            f"{folder or home}: {everything.texts:,} calls with {_size(everything.size)} of text, "
            f"{_size(holder.disk())} on disk."
        )
        if folder is None:
            say(f"No current row uses {everything.unused:,} of them with {_size(everything.unused_size)}.")
        return 0

    return _with_holder(home, folder, work)


def prune_cache(home: Path, folder: Path | None, selection: Selection, *, dry_run: bool) -> int:
    """Remove texts and say how many.

    Returns:
        Exit code: 1 when there is nothing, or a part could not be pruned.
    """

    def work(holder: Holder) -> int:
        pruned = holder.prune(selection, dry_run=dry_run)
        kept = "; what they cost stays on the books" if folder is None and pruned.texts else ""
        done = "Would remove" if dry_run else "Removed"
        say(f"{done} the texts of {pruned.texts:,} calls, {_size(pruned.size)}{kept}.")
        if pruned.spared:
            say(f"{pruned.spared:,} more are used by current rows and stay; --used-too removes them as well.")
        if not dry_run:
            say(f"On disk: {_size(pruned.disk_before)} before, {_size(pruned.disk_after)} now.")
        if pruned.busy:
            warn(f"left alone, since a run is making calls for them: {', '.join(pruned.busy)}")
        return 1 if pruned.busy else 0

    return _with_holder(home, folder, work)


def duration(text: str) -> timedelta:
    """Read a duration such as ``12h``, ``30d`` or ``2w``.

    Raises:
        ValueError: If it is none.
    """
    found = re.fullmatch(r"(\d{1,5})([hdw])", text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is no duration; write one like 12h, 30d or 2w")
    return int(found[1]) * _UNITS[found[2]]


def byte_count(text: str) -> int:
    """Read a size such as ``500MB``, ``1.5GiB`` or ``0``.

    Raises:
        ValueError: If it is none.
    """
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmg]?i?b?)", text.strip().lower())
    if found is None or found[2] not in _BYTES:
        raise ValueError(f"{text!r} is no size; write one like 500MB or 1.5GiB")
    return int(float(found[1]) * _BYTES[found[2]])


def _with_holder(home: Path, folder: Path | None, work: Callable[[Holder], int]) -> int:
    warehouse = Warehouse(home)
    if folder is None and not warehouse.domains():
        complain(f"{home} holds nothing yet. --home names another folder, and --cache a shared cache.")
        return 1
    try:
        return work(HomeCache(warehouse) if folder is None else CacheFolder(folder))
    except (CacheUnusable, sqlite3.Error, duckdb.Error, OSError) as error:
        complain(f"{folder or home}: {error}" if not isinstance(error, CacheUnusable) else str(error))
        return 1


def _row(group: Group, *, in_home: bool) -> tuple[object, ...]:
    unused = (group.unused, group.unused_size) if in_home else ()
    return (group.name, group.texts, group.size, *unused, group.oldest[:10], group.last_used[:10])


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
