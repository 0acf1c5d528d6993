"""What a run has to make: dialogues, by the first stage at which they are stale.

Belongs here: asking the stages. Does not belong here: what a stage costs
(``evidence``).
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from toolace_dagster.entities import ToolDomain
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.pool import is_current, write_pool
from toolace_dagster.pipeline.stage import stale_items
from toolace_dagster.pipeline.stages import VERIFIED_STAGE, domain_stages
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
    context = StageContext(domain=domain.name, settings=settings, warehouse=warehouse, run_id="")
    if context.store.exists() and is_current(context.store, domain):
        return _work(context)
    # Which rows new tools make stale shows when they are in place: in a copy.
    with TemporaryDirectory(prefix="toolace-") as folder:
        copy = StageContext(domain=domain.name, settings=settings, warehouse=Warehouse(Path(folder)), run_id="")
        if context.store.exists():
            copy.store.path.parent.mkdir(parents=True)
            shutil.copyfile(context.store.path, copy.store.path)
        write_pool(copy.store, domain)
        return _work(copy)


def _work(context: StageContext) -> Work:
    first: dict[str, str] = {}
    with context.store.reading():
        for stage in domain_stages(context.settings):
            if stage.name == VERIFIED_STAGE:
                # Copies, which ask nobody.
                continue
            stale, _, _ = stale_items(stage, context)
            for item in stale:
                first.setdefault(item.dialogue_id, stage.name)
    wanted = context.settings.dialogues if context.tools else 0
    return Work(context.domain, wanted, dict(Counter(first.values())))
