"""What became of the pool's domains since a home last saw it: new, changed, gone, back.

Belongs here: comparing, and marking what is gone. Does not belong here: partitions
(``orchestration``), or remaking anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from toolace_dagster.entities import ImportNote
from toolace_dagster.pipeline.pool import holds_tools
from toolace_dagster.tool_pool import ToolPool
from toolace_dagster.warehouse import Warehouse, insert, sql

RETIRED = "retired"


@dataclass(frozen=True)
class PoolDrift:
    """Domains by what became of them, each sorted by name.

    Attributes:
        current: All domains of the pool that have a usable tool.
        added: Those of them the home has never held.
        changed: Those whose own tools or backends are not what the home holds.
        gone: Domains the home holds that the pool has no more, and that are not marked yet; none while ``unread`` holds
            anything.
        unsure: Domains that would be gone if all of the pool had been read.
        back: Domains that were marked as gone and are in the pool again.
        unread: What could not be read of the pool. While there is any, nothing is retired.
        doubtful: See ``doubtful_domains``. They get no partition, and a mark of theirs stays.
    """

    current: tuple[str, ...]
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    unread: tuple[ImportNote, ...] = ()
    doubtful: tuple[str, ...] = ()


def pool_drift(pool: ToolPool, warehouse: Warehouse) -> PoolDrift:
    """Compare a pool with a home.

    Args:
        pool: The pool as it is now.
        warehouse: The home.
    """
    usable = {domain.name: domain for domain in pool.domains if domain.tools}
    held = set(warehouse.domains())
    retired = set(retired_domains(warehouse))
    missing = tuple(sorted(held - usable.keys() - retired))
    return PoolDrift(
        current=tuple(sorted(usable)),
        added=tuple(sorted(usable.keys() - held)),
        changed=tuple(
            name for name in sorted(held & usable.keys()) if not holds_tools(warehouse.domain(name), usable[name])
        ),
        gone=() if pool.unread else missing,
        unsure=missing if pool.unread else (),
        back=tuple(sorted(retired & usable.keys())),
        unread=pool.unread,
        doubtful=tuple(sorted(doubtful_domains(pool, warehouse))),
    )


def doubtful_domains(pool: ToolPool, warehouse: Warehouse) -> set[str]:
    """Domains that ``domains.toml`` may leave out, as it can't be read: those the home never held, or holds as gone.

    Args:
        pool: The pool as it is now.
        warehouse: The home.
    """
    if not pool.overrides_unread:
        return set()
    usable = {domain.name for domain in pool.domains if domain.tools}
    return (usable - set(warehouse.domains())) | (usable & retired_domains(warehouse).keys())


def mark_domains(drift: PoolDrift, warehouse: Warehouse) -> None:
    """Mark domains that are gone as retired, and those that are back as current; nothing else is touched.

    Args:
        drift: What became of the domains.
        warehouse: The home.
    """
    back = [domain for domain in drift.back if domain not in drift.doubtful]
    _mark(dict.fromkeys(drift.gone, RETIRED) | dict.fromkeys(back, "current"), warehouse)


def mark_present(domains: Iterable[str], warehouse: Warehouse) -> list[str]:
    """Take the mark of a retired domain from those that are in the pool.

    Args:
        domains: Domains that the pool holds now.
        warehouse: The home.

    Returns:
        Those that were marked.
    """
    back = sorted(retired_domains(warehouse).keys() & set(domains))
    _mark(dict.fromkeys(back, "current"), warehouse)
    return back


def _mark(states: Mapping[str, str], warehouse: Warehouse) -> None:
    if not states:
        return
    now = datetime.now(UTC).replace(tzinfo=None).isoformat()
    with warehouse.shared.write() as connection:
        connection.execute(
            "DELETE FROM domain_states WHERE domain IN (SELECT unnest($domains::VARCHAR[]))", {"domains": list(states)}
        )
        rows = [{"domain": domain, "state": state, "since": now} for domain, state in states.items()]
        insert(connection, "domain_states", rows)


def retired_domains(warehouse: Warehouse) -> dict[str, datetime]:
    """Domains that have gone from the pool, with the time that was noticed (UTC)."""
    rows = warehouse.shared.read(sql("queries/domain_states"))
    return {row["domain"]: row["since"] for row in rows if row["state"] == RETIRED}
