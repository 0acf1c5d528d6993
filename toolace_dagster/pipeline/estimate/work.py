"""What a run has to make: dialogues, by the first stage at which they are stale.

Belongs here: counting them. Does not belong here: finding them (``regeneration``), or
what a stage costs (``evidence``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from toolace_dagster.entities import ToolDomain
from toolace_dagster.pipeline.causes import NEW, PLAN, TRIED_AGAIN, UNKNOWN
from toolace_dagster.pipeline.regeneration import DomainPlan, plan_domain
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


@dataclass(frozen=True)
class Work:
    """What one domain needs.

    Attributes:
        domain: Tool domain.
        wanted: Dialogues that the settings ask for.
        from_stage: Dialogues to make, by the first stage at which they are stale; later stages follow it.
        again: Ids of those among them that were made before by the plan they have now, by that stage: what each used
            then tells more of it than what others did.
    """

    domain: str
    wanted: int
    from_stage: dict[str, int]
    again: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @property
    def dialogues(self) -> int:
        """Dialogues that need any stage."""
        return sum(self.from_stage.values())


def find_work(domain: ToolDomain, settings: Settings, warehouse: Warehouse) -> Work:
    """Find what a run would have to make of a domain; the home is left as it is.

    Args:
        domain: The domain as loaded from the pool now.
        settings: Settings of the run.
        warehouse: The home.
    """
    return work_of(plan_domain(domain, settings, warehouse))


def work_of(plan: DomainPlan) -> Work:
    """Count what a plan would make."""
    again: dict[str, set[str]] = {}
    for stale in plan.stale:
        if not {NEW, PLAN, UNKNOWN, TRIED_AGAIN} & set(stale.causes):
            again.setdefault(stale.from_stage, set()).add(stale.dialogue_id)
    return Work(
        plan.domain,
        plan.wanted,
        dict(Counter(stale.from_stage for stale in plan.stale)),
        {stage: frozenset(ids) for stage, ids in again.items()},
    )
