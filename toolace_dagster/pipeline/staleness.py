"""What is stale in a domain, decided before any run is launched.

Belongs here: comparing fingerprints stage by stage, and a look at a domain as it will be with the tools of now. Does
not belong here: remaking anything.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from toolace_dagster.entities import ToolDomain
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.freshness import freshness
from toolace_dagster.pipeline.pool import is_current, is_current_but_for_borrowed, write_pool
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.warehouse import Warehouse


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

    Where other domains' tools changed that it may borrow, and none of its dialogues offers one of these, it has not.

    Args:
        context: Domain, settings, warehouse.
        domain: The domain as loaded from the pool now.

    Returns:
        The first stale stage, or None when everything is current.
    """
    if not is_current_but_for_borrowed(context.store, domain):
        return Staleness(stage="tool_pool", rows=len(domain.tools))
    with with_tools_of_now(context, domain) as then, then.store.reading():
        for stage in domain_stages(context.settings):
            found = freshness(stage, then)
            if found.stale or found.obsolete:
                return Staleness(stage=stage.name, rows=len(found.stale), obsolete=len(found.obsolete))
        return None


@contextmanager
def with_tools_of_now(context: StageContext, domain: ToolDomain) -> Generator[StageContext]:
    """The domain as it will be once its tools are in place; in a copy, if they are not yet.

    Args:
        context: Domain, settings, warehouse.
        domain: The domain as loaded from the pool now.
    """
    if context.store.exists() and is_current(context.store, domain):
        yield context
        return
    with TemporaryDirectory(prefix="toolace-") as folder:
        copy = StageContext(context.domain, context.settings, Warehouse(Path(folder)), run_id="")
        if context.store.exists():
            context.store.copy_to(copy.store.path)
        write_pool(copy.store, domain)
        yield copy
