"""What a run would make of a home and why, dialogue by dialogue, without making it.

Belongs here: looking ahead. Does not belong here: what it will cost (``estimate``), or
making it (``stage_run``).
"""

from __future__ import annotations

from dataclasses import dataclass

from toolace_dagster.entities import ToolDomain
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.freshness import freshness
from toolace_dagster.pipeline.stages import VERIFIED_STAGE, domain_stages
from toolace_dagster.pipeline.staleness import with_tools_of_now
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


@dataclass(frozen=True)
class StaleDialogue:
    """A dialogue that a run would make, or make again.

    Attributes:
        domain: Tool domain.
        dialogue_id: The dialogue.
        from_stage: First stage at which it is stale; it goes through all later ones too, unless one rejects it.
        causes: Why, in words.
    """

    domain: str
    dialogue_id: str
    from_stage: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class DomainPlan:
    """What a run would make of one domain.

    Attributes:
        domain: Tool domain.
        wanted: Dialogues that the settings ask for now, attempts that follow rejections among them.
        stale: Those to be made.
        dropped: Dialogues that nothing asks for any more; they are kept as earlier versions.
    """

    domain: str
    wanted: int
    stale: tuple[StaleDialogue, ...]
    dropped: tuple[str, ...] = ()


def plan_domain(domain: ToolDomain, settings: Settings, warehouse: Warehouse) -> DomainPlan:
    """Find what a run would make of a domain; the home is left as it is.

    Args:
        domain: The domain as loaded from the pool now.
        settings: Settings of the run.
        warehouse: The home.
    """
    stored = StageContext(domain=domain.name, settings=settings, warehouse=warehouse, run_id="")
    with with_tools_of_now(stored, domain) as context:
        return plan_stored(context)


def plan_stored(context: StageContext) -> DomainPlan:
    """Find what a run would make of a domain with the tools that its file holds.

    Args:
        context: Domain, settings, warehouse.
    """
    with context.store.reading():
        first: dict[str, StaleDialogue] = {}
        dropped: dict[str, None] = {}
        wanted = 0
        for stage in domain_stages(context.settings):
            if stage.name == VERIFIED_STAGE:
                # Copies, which ask nobody.
                continue
            found = freshness(stage, context)
            wanted = wanted or len(found.fingerprints)
            dropped |= dict.fromkeys(sorted(found.obsolete - first.keys()))
            for item in found.stale:
                words = found.causes[item.dialogue_id]
                stale = StaleDialogue(context.domain, item.dialogue_id, stage.name, words)
                first.setdefault(item.dialogue_id, stale)
    return DomainPlan(context.domain, wanted, tuple(first.values()), tuple(dropped))
