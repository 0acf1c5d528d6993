"""Bringing the partitions of an instance in line with the pool.

Belongs here: adding and removing partitions. Does not belong here: finding out what
became of the pool (``pipeline.sync``), or requesting runs (``sensors``).
"""

import dagster as dg

from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.workers import domains_under_way
from toolace_dagster.pipeline.sync import PoolDrift, mark_domains, pool_drift
from toolace_dagster.tool_pool import ToolPool
from toolace_dagster.warehouse import Warehouse


def sync_home(pool: ToolPool, warehouse: Warehouse) -> PoolDrift:
    """Register new domains as partitions and retire those that are gone, in the home's own instance.

    While a part of the pool can't be read nothing is retired, and what ``domains.toml`` may leave out is not registered
    while that can't; the result says which.

    Args:
        pool: The pool as it is now.
        warehouse: The home.

    Returns:
        What became of the domains before that.
    """
    drift = pool_drift(pool, warehouse)
    with open_instance(warehouse) as instance:
        register_domains(instance, [domain for domain in drift.current if domain not in drift.doubtful])
        gone = set[str]() if drift.unread else registered_domains(instance) - set(drift.current)
        for domain in gone:
            instance.delete_dynamic_partition(_name(), domain)
    mark_domains(drift, warehouse)
    return drift


def busy_domains(warehouse: Warehouse) -> set[str]:
    """Domains that a run of the home's own instance waits for or works on.

    Args:
        warehouse: The home.
    """
    with open_instance(warehouse) as instance:
        return domains_under_way(instance)


def registered_domains(instance: dg.DagsterInstance) -> set[str]:
    """Domains that have a partition."""
    return set(instance.get_dynamic_partitions(_name()))


def _name() -> str:
    name = TOOL_DOMAINS.name
    assert name is not None
    return name
