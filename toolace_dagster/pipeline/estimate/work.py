"""What a run has to make: dialogues, by the first stage at which they are stale.

Belongs here: counting them. Does not belong here: finding them (``regeneration``), or
what a stage costs (``evidence``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from toolace_dagster.entities import ToolDomain
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
    """

    domain: str
    wanted: int
    from_stage: dict[str, int]

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
    return Work(plan.domain, plan.wanted, dict(Counter(stale.from_stage for stale in plan.stale)))
