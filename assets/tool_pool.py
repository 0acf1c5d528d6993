"""The tool pool asset.

Belongs here: the asset. Does not belong here: reading or repairing tools
(``toolace_dagster.tool_pool``).
"""

from collections import Counter

import dagster as dg

from toolace_dagster.orchestration.foresight import note_plan
from toolace_dagster.orchestration.materialize import Materialized, check_result, domain_check
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.health import pool_faults
from toolace_dagster.pipeline.pool import configured_pool, pool_fingerprint, stored_links, write_pool
from toolace_dagster.pipeline.sync import mark_present
from toolace_dagster.reporting.markdown import table
from toolace_dagster.reporting.tool_graph import link_rows, mermaid

_CHECK = "every_entry_accounted_for"
_HEALTH = "pool_is_healthy"


@dg.asset(
    partitions_def=TOOL_DOMAINS,
    group_name="stage_0_tool_pool",
    kinds={"duckdb", "json"},
    check_specs=[
        domain_check(
            _CHECK, "tool_pool", "Each usable entry of the source became one tool of the domain.", blocking=True
        ),
        domain_check(
            _HEALTH,
            "tool_pool",
            "Few entries were rejected, every tool is described, and there are enough to make tasks of.",
        ),
    ],
)
def tool_pool(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
    """Tools of one domain in normal form, with the report of their import."""
    where = toolace.stage_context(context)
    domain = configured_pool(where.settings).domain(context.partition_key)
    warehouse = toolace.warehouse()
    store = warehouse.domain(domain.name)
    write_pool(store, domain)
    mark_present([domain.name], warehouse)
    note_plan(context, where)
    statuses = Counter(note.status for note in domain.notes)
    usable = statuses["accepted"] + statuses["repaired"]
    faults = [] if usable == len(domain.tools) else [f"{usable} usable entries became {len(domain.tools)} tools"]
    links = stored_links(store)
    remarks = [note.model_dump(exclude={"domain"}) for note in domain.notes if note.status != "accepted"]
    look = "toolace pool check --pool, with the pool of the settings"
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(domain.tools),
            "tools": dg.MetadataValue.md(
                table([{"tool": tool.name, "description": tool.description[:160]} for tool in domain.tools])
            ),
            "accepted": statuses["accepted"],
            "repaired": statuses["repaired"],
            "rejected": statuses["rejected"],
            "repaired_or_rejected": dg.MetadataValue.md(table(remarks)),
            "links": len(links),
            "strongest_links": dg.MetadataValue.md(table(link_rows(links))),
            "dependency_graph": dg.MetadataValue.md(mermaid(domain.tools, links)),
        },
        data_version=dg.DataVersion(pool_fingerprint(domain)),
        check_results=[
            check_result(_CHECK, faults, look=look),
            check_result(_HEALTH, pool_faults(domain), look=look, warns=True),
        ],
    )
