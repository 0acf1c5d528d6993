"""A rehearsal: a few dialogues of each domain made with the offline model, which costs nothing.

Belongs here: making them in a scratch folder. Does not belong here: what they tell
(``figures``).
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from toolace_dagster.entities import ToolDomain
from toolace_dagster.execution.executor import DomainExecutor
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.estimate.evidence import DialogueUse, Evidence, dialogue_uses, rehearsed_evidence
from toolace_dagster.pipeline.estimate.stand_in import StandInTools
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import MONEY_SETTINGS, OFFLINE_MODEL, Settings
from toolace_dagster.warehouse import Warehouse

MOST_DOMAINS = 12
"""Domains rehearsed at most; the others are taken to be like them."""


def rehearse(domains: Sequence[ToolDomain], settings: Settings, dialogues: int) -> Evidence:
    """Make the first dialogues of some domains with the offline model.

    Args:
        domains: Domains of the run, with tools.
        settings: Settings of the run; all but models, limits and the number of dialogues are kept.
        dialogues: Dialogues per domain.

    Returns:
        What they used.
    """
    chosen = _spread(domains, MOST_DOMAINS)
    offline = {
        "llm": {"model": OFFLINE_MODEL, "max_tokens": settings.llm.max_tokens, "error_rate": settings.llm.error_rate},
        "roles": {},
        "cache": None,
        "dialogues": dialogues,
        **dict.fromkeys(MONEY_SETTINGS),
    }
    rehearsed = Settings.model_validate(settings.model_dump() | offline)
    # Forked: what a stage needs is imported already.
    workers = min(len(chosen), os.cpu_count() or 2)
    with (
        TemporaryDirectory(prefix="toolace-") as folder,
        ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool,
    ):
        made = [pool.submit(_rehearse_one, domain, rehearsed, Path(folder)) for domain in chosen]
        return rehearsed_evidence(use for future in made for use in future.result())


class _Rehearsal(StageContext):
    """A domain whose dialogues are made as with tools that run, though nobody's tools are run in a rehearsal.

    Where tools run, a dialogue takes about twice the calls: sub-tasks are written one by one, and corrected after what
    the tools answered.
    """

    def executor(self) -> DomainExecutor | None:
        """Made-up answers in the place of the tools'."""
        tools = {name: self.own_tools[name] for name in self.executable}
        return DomainExecutor([StandInTools(tools)]) if tools else None


def _rehearse_one(domain: ToolDomain, settings: Settings, folder: Path) -> list[DialogueUse]:
    context = _Rehearsal(domain=domain.name, settings=settings, warehouse=Warehouse(folder), run_id="rehearsal")
    write_pool(context.store, domain)
    for stage in domain_stages(settings):
        run_stage(stage, context)
    return dialogue_uses(context.store, domain.name, settings)


def _spread(domains: Sequence[ToolDomain], most: int) -> list[ToolDomain]:
    """As many domains as asked for, evenly from the whole list."""
    count = min(len(domains), most)
    return [domains[number * len(domains) // count] for number in range(count)]
