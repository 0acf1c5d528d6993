"""Stage 2: one refinement round over all dialogues.

Belongs here: what a round's rows are made from. Does not belong here: masking, filling or
judging (``toolace_dagster.refinement``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from toolace_dagster.entities import TaskSpec
from toolace_dagster.initialization import task_initialization
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.rule_screen import hard_rules
from toolace_dagster.pipeline.stage import RowContent, WorkItem
from toolace_dagster.pipeline.stages.dialogues import dialogue_of
from toolace_dagster.pipeline.stages.following import following
from toolace_dagster.pipeline.stages.names import before_round
from toolace_dagster.pipeline.stages.versions import CODE_VERSIONS, execution, models
from toolace_dagster.prompts import prompt_hash
from toolace_dagster.refinement.rounds import RefinedDialogue, injections_of_round, round_program, stage_name
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks


@dataclass(frozen=True)
class RefinementRound:
    """Stage 2: one round over all dialogues."""

    round_number: int
    supplants: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``refinement_round_NN``."""
        return stage_name(self.round_number)

    @property
    def index(self) -> int:
        """After the skeletons."""
        return 2 + self.round_number

    def shared_version(self, settings: Settings) -> Parts:
        """Prompts, mask settings, model and code.

        The number of rounds is no part: it decides which injections are made in which round, and those are what a row
        is made from. So more rounds go on from those there are.
        """
        return {
            "code": CODE_VERSIONS["refinement"],
            "prompts": [prompt_hash(name) for name in ("injection", "mask_fill", "judge")],
            "settings": settings.of(
                "operations",
                "mask_share",
                "mask_decay",
                "injection_mix",
                "converge",
                "quiet_passes",
                "rules_in_refinement",
            )
            # Where a share is set, no clarification stands in for what fits nowhere.
            | ({"clarify": False} if settings.clarification_share is not None else {}),
            "rules": Checks.of(settings).fingerprint if settings.rules_in_refinement else [],
            "models": models(settings, "refiner", "judge"),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": execution(context)}

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per dialogue that passed the round before."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)
        before = before_round(self.round_number)
        # Read with all that they are compared by, but parsed for stale rows alone: that takes longest.
        texts = context.texts(before)
        # The shipped rules as they are shipped, unless the settings want theirs: what a user grades anew for
        # verification makes no round anew.
        checks = Checks.of(context.settings if context.settings.rules_in_refinement else Settings())

        def start(dialogue_id: str) -> Program[Any]:
            return round_program(
                dialogue_of(before, texts[dialogue_id]),
                specs[dialogue_id],
                context.tools,
                context.settings,
                self.round_number,
                context.executable,
                hard_rules(checks, specs[dialogue_id], context.tools),
            )

        settings = context.settings
        # What the rules find is mended once more at the end, so the last round is not what it would be before others.
        is_last = settings.rules_in_refinement and self.round_number == settings.rounds

        def with_plan(item: WorkItem) -> WorkItem:
            planned = injections_of_round(specs[item.dialogue_id], self.round_number, settings)
            return replace(item, inputs={**item.inputs, "round": [*planned, *(["last"] if is_last else [])]})

        return [with_plan(item) for item in following(context, before, specs, start)]

    def content(self, result: Any) -> RowContent:
        """A refined dialogue passes, whatever became of its edits."""
        assert isinstance(result, RefinedDialogue)
        changed = any(edit.outcome == "accepted" for edit in result.edits)
        dialogue = result.dialogue if changed else None
        return RowContent(state="passed", payload=result, edits=result.edits, dialogue=dialogue)
