"""What is stale in a domain, decided before any run is launched.

Belongs here: comparing fingerprints stage by stage. Does not belong here:
remaking anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolace_dagster.entities import ToolDomain
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.pool import is_current
from toolace_dagster.pipeline.stage import freshness
from toolace_dagster.pipeline.stages import domain_stages


@dataclass(frozen=True)
class Staleness:
    """The first stage of a domain with stale rows.

    Attributes:
        stage: Its name; the stages after it follow.
        rows: Number of rows to make there.
        obsolete: Rows there that no setting asks for any more.
    """

    stage: str
    rows: int
    obsolete: int = 0


def first_stale(context: StageContext, domain: ToolDomain) -> Staleness | None:
    """Find where a domain has to be brought up to date.

    Args:
        context: Domain, settings, warehouse.
        domain: The domain as loaded from the pool now.

    Returns:
        The first stale stage, or None when everything is current.
    """
    with context.store.reading():
        if not is_current(context.store, domain):
            return Staleness(stage="tool_pool", rows=len(domain.tools))
        for stage in domain_stages(context.settings):
            found = freshness(stage, context)
            if found.stale or found.obsolete:
                return Staleness(stage=stage.name, rows=len(found.stale), obsolete=len(found.obsolete))
        return None
