"""Stage 1.1: a task spec for each slot and attempt.

Belongs here: what its rows are made from, and which rows there should be. Does not belong here:
drawing plans or writing specs (``toolace_dagster.initialization``), or how attempts ended (``pipeline.attempts``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from toolace_dagster.initialization import task_initialization
from toolace_dagster.initialization.sampling import PlanSampler, offered_tools
from toolace_dagster.initialization.task_initialization import task_program
from toolace_dagster.pipeline.attempts import wanted_slots
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.freshness import freshness
from toolace_dagster.pipeline.plans import as_stored, plans_in_force
from toolace_dagster.pipeline.stage import RowContent, Stage, WorkItem
from toolace_dagster.pipeline.stages.versions import CODE_VERSIONS, models
from toolace_dagster.prompts import prompt_hash
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool.dependencies import find_links


@dataclass(frozen=True)
class TaskSpecs:
    """Stage 1.1: a task spec per slot.

    Attributes:
        later: The stages after it by which a dialogue may be made anew, under the settings of a run. None: take all
            attempts there are for wanted, to see which of them are stale.
    """

    later: Callable[[Settings], Sequence[Stage]] | None
    index: int = 1
    name: str = task_initialization.STAGE
    supplants: tuple[str, ...] = ()

    def shared_version(self, settings: Settings) -> Parts:
        """Prompt, model and code."""
        return {
            "code": CODE_VERSIONS["task_specs"],
            "prompts": prompt_hash("task_spec"),
            "settings": settings.of("rule_tries"),
            "models": models(settings, "generator"),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain."""
        return self.shared_version(context.settings)

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per slot and attempt; it depends on its plan and the tools it offers."""
        settings = context.settings
        tools = list(context.own_tools.values())
        if not tools:
            return []
        # Linking the tools takes longest, and is needed only where a plan is to be drawn.
        sampler: PlanSampler | None = None
        kept = plans_in_force(context.store, settings, context.tools)
        items: list[WorkItem] = []
        for slot in wanted_slots(context.store, context.domain, settings, self._is_stale(context)):
            plan = kept.get(slot.dialogue_id)
            if plan is None:
                sampler = sampler or PlanSampler(
                    tools, find_links(tools), settings, list(context.borrowed_tools.values())
                )
                plan = as_stored(sampler.plan(slot))
            versions = [context.tools[name].fingerprint for name in offered_tools(plan)]
            items.append(
                WorkItem(
                    dialogue_id=slot.dialogue_id,
                    slot=slot.number,
                    attempt=slot.attempt,
                    inputs={"plan": plan.model_dump(mode="json"), "tools": versions},
                    program=partial(task_program, plan, context.tools, settings),
                    plan=plan,
                )
            )
        return items

    def _is_stale(self, context: StageContext) -> Callable[[str], bool]:
        """Whether a dialogue is to be made anew at this stage or a later one; found out when first asked."""
        later = self.later
        if later is None or context.settings.attempts == 1:
            return lambda _: False

        @cache
        def stale() -> frozenset[str]:
            ahead = [replace(self, later=None), *later(context.settings)]
            return frozenset(item.dialogue_id for stage in ahead for item in freshness(stage, context).stale)

        return lambda dialogue_id: dialogue_id in stale()

    def content(self, result: Any) -> RowContent:
        """A spec passes."""
        return RowContent.of(result)
