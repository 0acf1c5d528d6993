"""Removing what a home keeps of earlier states: past rows, versions of tools, retired domains.

Belongs here: what may go. Does not belong here: prompts and replies, which are pruned
by their own command (``llm.cache.upkeep``).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime

from toolace_dagster.llm.journal.calls import batches_beside
from toolace_dagster.llm.journal.file import JournalFile
from toolace_dagster.warehouse import Row, Store, Warehouse, fetch, sql

_QUERIES = ("queries/prunable_rows", "queries/unused_tools")


@dataclass(frozen=True)
class Garbage:
    """What may go from one domain's file.

    Attributes:
        domain: Tool domain.
        rows: Earlier versions of rows.
        bytes: Size of their payloads as text.
        tools: Versions of tools that no row was made with.
    """

    domain: str
    rows: int
    bytes: int
    tools: int

    def __bool__(self) -> bool:
        return bool(self.rows or self.tools)


def collect(warehouse: Warehouse, domain: str, *, keep: int, before: datetime, dry_run: bool) -> Garbage:
    """Remove earlier versions of rows, and tools that nothing was made with.

    Args:
        warehouse: The home.
        domain: The domain.
        keep: Versions of each row to keep besides the current one.
        before: Only what was replaced before (UTC).
        dry_run: Only count.

    Returns:
        What was, or would be, removed.

    Raises:
        JournalInUse: A run is making calls for the domain; nothing was removed. Counting alone does not ask.
    """
    store = warehouse.domain(domain)
    where = {"keep": keep, "before": before.isoformat()}
    with nullcontext() if dry_run else _unused(warehouse, domain):
        with store.reading():
            found = _garbage(domain, *(store.read(sql(query), where) for query in _QUERIES))
        if found and not dry_run:
            found = _remove(store, domain, where)
            store.compact()
    return found


def _remove(store: Store, domain: str, where: Mapping[str, object]) -> Garbage:
    """Find and remove in one transaction, so that nothing else can have become of the rows in between."""
    with store.write() as connection:
        rows, tools = (fetch(connection, sql(query), where) for query in _QUERIES)
        connection.execute(sql("queries/prune_past_rows"), _columns(rows, ("stage", "dialogue_id", "replaced_at")))
        connection.execute(sql("queries/prune_tools"), _columns(tools, ("name", "fingerprint")))
    return _garbage(domain, rows, tools)


def _columns(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in names}


def _garbage(domain: str, rows: Sequence[Row], tools: Sequence[Row]) -> Garbage:
    return Garbage(domain, len(rows), sum(row["bytes"] or 0 for row in rows), len(tools))


def _unused(warehouse: Warehouse, domain: str) -> closing[JournalFile]:
    """Hold the lock of those who make calls for a domain, so that nobody begins to; runs wait."""
    return closing(JournalFile(warehouse.journal(domain), "toolace gc"))


def remove_domain(warehouse: Warehouse, domain: str) -> None:
    """Remove all that a home holds of a domain: its file, the journal of its calls and what it knows of batches.

    Args:
        warehouse: The home.
        domain: A domain that is retired.

    Raises:
        JournalInUse: A run is making calls for the domain; nothing was removed.
    """
    path, journal = warehouse.domain(domain).path, warehouse.journal(domain)
    with _unused(warehouse, domain):
        # The log first: without its file it is nothing's, and a file without it is one.
        for file in (path.with_name(f"{path.name}.wal"), path):
            file.unlink(missing_ok=True)
        if batches_beside(journal).exists():
            shutil.rmtree(batches_beside(journal))
        journal.unlink(missing_ok=True)
        # Last, so that what a kill left is found by the mark.
        with warehouse.shared.write() as connection:
            connection.execute("DELETE FROM domain_states WHERE domain = ?", [domain])
