"""Stage 1.2: a skeleton for each task spec.

Belongs here: what its rows are made from. Does not belong here: writing a skeleton
(``initialization.trajectory_initialization``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from toolace_dagster.entities import Skeleton, TaskSpec
from toolace_dagster.initialization import task_initialization, trajectory_initialization
from toolace_dagster.initialization.manner_of_writing import WholeRecord
from toolace_dagster.initialization.trajectory_initialization import skeleton_program
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stage import RowContent, WorkItem
from toolace_dagster.pipeline.stages.following import following
from toolace_dagster.pipeline.stages.versions import CODE_VERSIONS, execution, models
from toolace_dagster.prompts import prompt_hash
from toolace_dagster.settings import Settings
from toolace_dagster.simulation import agents
from toolace_dagster.warehouse import sql


@dataclass(frozen=True)
class Skeletons:
    """Stage 1.2: a skeleton per task spec."""

    index: int = 2
    name: str = trajectory_initialization.STAGE
    supplants: tuple[str, ...] = (agents.STAGE,)

    def shared_version(self, settings: Settings) -> Parts:
        """Prompts, settings, model and code."""
        by_turn = ("mask_fill",) if settings.trajectory == "by_turn" else ()
        return {
            "code": CODE_VERSIONS["skeletons"],
            "prompts": [
                prompt_hash(name) for name in ("trajectory", "sub_trajectory", "grounding_correction", *by_turn)
            ],
            "settings": settings.of("trajectory", "whole_limit", "ground_arguments", "rule_tries", "skeleton_context"),
            "models": models(settings, "generator"),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": execution(context, "correction")}

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per spec that passed."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)
        model = context.settings.model_of("generator").model
        records = context.store.read(sql("queries/whole_record"), {"model": model})
        record = WholeRecord(**records[0]) if records else WholeRecord()

        def start(dialogue_id: str) -> Program[Any]:
            return skeleton_program(specs[dialogue_id], context.tools, context.settings, context.executable, record)

        return following(context, task_initialization.STAGE, specs, start)

    def content(self, result: Any) -> RowContent:
        """A skeleton passes."""
        content = RowContent.of(result)
        return replace(content, dialogue=result.to_dialogue()) if isinstance(result, Skeleton) else content
