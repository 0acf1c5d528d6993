"""Stage 3: a verdict for each dialogue, however it was made.

Belongs here: what its rows are made from, with what is seen only beside other rows: near-duplicates, and
calls that refinement took away. Does not belong here: rules, experts or the verdict (``toolace_dagster.verification``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from toolace_dagster.entities import Dialogue, Rejection, Replacement, TaskSpec, Verdict
from toolace_dagster.initialization import task_initialization
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stage import RowContent, WorkItem
from toolace_dagster.pipeline.stages.dialogues import dialogues_after
from toolace_dagster.pipeline.stages.following import following
from toolace_dagster.pipeline.stages.names import last_writing_stage
from toolace_dagster.pipeline.stages.versions import CODE_VERSIONS, execution, models
from toolace_dagster.prompts import prompt_hash
from toolace_dagster.refinement.rounds import stage_name
from toolace_dagster.settings import MAX_ROUNDS, Method, ModelRole, Settings
from toolace_dagster.verification import verdict
from toolace_dagster.verification.checks import Checks, calls_taken_away, lacks_planned_calls
from toolace_dagster.verification.experts import question_texts
from toolace_dagster.verification.near_duplicates import near_duplicates
from toolace_dagster.verification.rules import Facts
from toolace_dagster.verification.verdict import verdict_program
from toolace_dagster.warehouse import sql

_REPLACEMENTS = TypeAdapter(list[Replacement])


@dataclass(frozen=True)
class Verification:
    """Stage 3: a verdict per dialogue, however it was made."""

    rounds: int
    method: Method = "non_autoregressive"
    index: int = 3 + MAX_ROUNDS
    name: str = verdict.STAGE

    @property
    def before(self) -> str:
        """The stage whose dialogues are verified."""
        return last_writing_stage(self.rounds, self.method)

    @property
    def supplants(self) -> tuple[str, ...]:
        """Rounds beyond the last one."""
        return tuple(stage_name(number) for number in range(self.rounds + 1, MAX_ROUNDS + 1))

    def shared_version(self, settings: Settings) -> Parts:
        """Rules, questions, prompt, model and code."""
        repairing: tuple[ModelRole, ...] = ("refiner",) if settings.repair else ()
        return {
            "code": CODE_VERSIONS["verification"],
            "rules": Checks.of(settings).fingerprint,
            "prompts": [prompt_hash("expert"), *question_texts(), *(prompt_hash("mask_fill") for _ in repairing)],
            "settings": settings.of(
                "questions_per_call",
                "expert_votes",
                "expert_roles",
                "expert_weights",
                "expert_threshold",
                "repair",
                "repairs",
                "keep_prefix",
            ),
            "models": models(settings, *settings.expert_roles, *repairing),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": execution(context)}

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per dialogue that passed the stage before."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)
        before = self.before
        dialogues = dialogues_after(context, before)

        checks = Checks.of(context.settings)
        repeated = near_duplicates(dialogues.values(), context.settings.near_duplicate)
        changes = calls_lost(context, dialogues, specs)

        def start(dialogue_id: str) -> Program[Any]:
            return verdict_program(
                dialogues[dialogue_id],
                specs[dialogue_id],
                context.tools,
                context.settings,
                checks,
                Facts(duplicate_of=repeated.get(dialogue_id), changes=changes.get(dialogue_id, {})),
                context.executable,
            )

        def with_facts(item: WorkItem) -> WorkItem:
            likeness = repeated.get(item.dialogue_id)
            taken = sorted(changes.get(item.dialogue_id, {}).items())
            known = [
                likeness and [likeness.dialogue_id, likeness.similarity],
                [[*place, edit] for place, edit in taken],
            ]
            return replace(item, inputs={**item.inputs, "facts": known})

        return [with_facts(item) for item in following(context, before, specs, start, dialogues)]

    def content(self, result: Any) -> RowContent:
        """The verdict's terminal state."""
        assert isinstance(result, Verdict)
        end = result.terminal
        if end.state == "accepted":
            # Of a dialogue that was mended or cut, the sources are those of what was accepted.
            return RowContent("accepted", result, edits=result.edits, verdict=result, dialogue=result.dialogue)
        rejection = Rejection(check=end.check or "", reason=end.reason, evidence=end.evidence, turn_id=end.turn_id)
        return RowContent(state="rejected", payload=result, rejection=rejection, verdict=result, edits=result.edits)


def calls_lost(
    context: StageContext, dialogues: dict[str, Dialogue], specs: dict[str, TaskSpec]
) -> dict[str, dict[tuple[int, str], str]]:
    """By dialogue: the planned calls that refinement took away, by sub-task and tool, with the edit that did.

    Args:
        context: The domain.
        dialogues: Dialogues as refinement left them, by id.
        specs: Their tasks.
    """
    missing = [key for key, dialogue in dialogues.items() if key in specs and lacks_planned_calls(dialogue, specs[key])]
    edits: dict[str, dict[str, list[Replacement]]] = {}
    for row in context.store.read(sql("queries/accepted_edits"), {"ids": missing}) if missing else ():
        of_dialogue = edits.setdefault(row["dialogue_id"], {})
        of_dialogue[row["edit_id"]] = _REPLACEMENTS.validate_json(row["replacements"])
    return {dialogue_id: calls_taken_away(replaced) for dialogue_id, replaced in edits.items()}
