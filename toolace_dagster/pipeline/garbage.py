"""Removing what a home keeps of earlier states: past rows, versions of tools, retired domains.

Belongs here: what may go. Does not belong here: prompts and replies, which are pruned
by their own command (``llm.cache.upkeep``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from toolace_dagster.warehouse import Store, Warehouse, sql


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
    """
    store = warehouse.domain(domain)
    where = {"keep": keep, "before": before.isoformat()}
    with store.reading():
        rows = store.read(sql("queries/prunable_rows"), where)
        tools = store.read(sql("queries/unused_tools"), where)
    found = Garbage(domain, len(rows), sum(row["bytes"] or 0 for row in rows), len(tools))
    if found and not dry_run:
        _remove(store, [row["row"] for row in rows], [(tool["name"], tool["fingerprint"]) for tool in tools])
    return found


def _remove(store: Store, rows: list[int], tools: list[tuple[str, str]]) -> None:
    with store.write() as connection:
        connection.execute("DELETE FROM past_rows WHERE rowid IN (SELECT unnest($rows::BIGINT[]))", {"rows": rows})
        for name, fingerprint in tools:
            connection.execute("DELETE FROM domain_tools WHERE name = ? AND fingerprint = ?", [name, fingerprint])
    store.compact()


def remove_domain(warehouse: Warehouse, domain: str) -> None:
    """Remove all that a home holds of a domain: its file and the journal of its calls.

    Args:
        warehouse: The home.
        domain: A domain that is retired.
    """
    path = warehouse.domain(domain).path
    for file in (path, path.with_name(f"{path.name}.wal"), warehouse.journal(domain)):
        file.unlink(missing_ok=True)
    with warehouse.shared.write() as connection:
        connection.execute("DELETE FROM domain_states WHERE domain = ?", [domain])
