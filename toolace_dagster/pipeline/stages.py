"""The stages of a domain, in the order data flows.

Belongs here: what each stage reads, depends on and writes. Does not belong here:
how a stage is run (``stage``), or what happens to a row (the stage folders).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from pydantic import TypeAdapter

from toolace_dagster.entities import Dialogue, Rejection, Replacement, SimulatedDialogue, Skeleton, TaskSpec, Verdict
from toolace_dagster.initialization import task_initialization, trajectory_initialization
from toolace_dagster.initialization.manner_of_writing import WholeRecord
from toolace_dagster.initialization.sampling import PlanSampler, offered_tools
from toolace_dagster.initialization.task_initialization import task_program
from toolace_dagster.initialization.trajectory_initialization import skeleton_program
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.attempts import wanted_slots
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.plans import as_stored, plans_in_force
from toolace_dagster.pipeline.rule_screen import hard_rules
from toolace_dagster.pipeline.stage import RowContent, Stage, WorkItem, freshness
from toolace_dagster.prompts import prompt_hash
from toolace_dagster.refinement.rounds import RefinedDialogue, injections_of_round, round_program, stage_name
from toolace_dagster.settings import MAX_ROUNDS, Method, ModelRole, Settings
from toolace_dagster.simulation import agents
from toolace_dagster.simulation.program import simulation_program
from toolace_dagster.tool_pool.dependencies import find_links
from toolace_dagster.verification import verdict
from toolace_dagster.verification.checks import Checks, calls_taken_away, lacks_planned_calls
from toolace_dagster.verification.experts import question_texts
from toolace_dagster.verification.near_duplicates import near_duplicates
from toolace_dagster.verification.rules import Facts
from toolace_dagster.verification.verdict import verdict_program
from toolace_dagster.warehouse import sql

VERIFIED_STAGE = "verified_dialogues"
CODE_VERSIONS = {"task_specs": 6, "skeletons": 5, "refinement": 10, "verification": 8, "simulation": 1}
"""Raised by hand when a stage's code changes what its rows say; part of each row's fingerprint."""

_REPLACEMENTS = TypeAdapter(list[Replacement])


def _models(settings: Settings, *roles: ModelRole) -> list[dict[str, Any]]:
    return [settings.model_of(role).answers for role in roles]


def _execution(context: StageContext, *prompts: str) -> list[Any]:
    """What rows depend on where tools are run for real: the backends with their code, and prompts for nothing else."""
    if not context.executable:
        return []
    return [[backend.model_dump(mode="json") for backend in context.backends], *(prompt_hash(name) for name in prompts)]


def _passed(result: Any) -> RowContent:
    if isinstance(result, Rejection):
        return RowContent(state="rejected", payload=None, rejection=result)
    return RowContent(state="passed", payload=result)


@dataclass(frozen=True)
class TaskSpecs:
    """Stage 1.1: a task spec per slot.

    Attributes:
        looks_ahead: Take all attempts there are for wanted, to see which of them are stale.
    """

    index: int = 1
    name: str = task_initialization.STAGE
    supplants: tuple[str, ...] = ()
    looks_ahead: bool = False

    def shared_version(self, settings: Settings) -> Parts:
        """Prompt, model and code."""
        return {
            "code": CODE_VERSIONS["task_specs"],
            "prompts": prompt_hash("task_spec"),
            "settings": settings.of("rule_tries"),
            "models": _models(settings, "generator"),
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
        if self.looks_ahead or context.settings.attempts == 1:
            return lambda _: False

        @cache
        def stale() -> frozenset[str]:
            # Verified dialogues are copies of what was decided before.
            ahead = [replace(self, looks_ahead=True), *domain_stages(context.settings)[1:-1]]
            return frozenset(item.dialogue_id for stage in ahead for item in freshness(stage, context).stale)

        return lambda dialogue_id: dialogue_id in stale()

    def content(self, result: Any) -> RowContent:
        """A spec passes."""
        return _passed(result)


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
            "models": _models(settings, "generator"),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": _execution(context, "correction")}

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per spec that passed."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)
        model = context.settings.model_of("generator").model
        records = context.store.read(sql("queries/whole_record"), {"model": model})
        record = WholeRecord(**records[0]) if records else WholeRecord()

        def start(dialogue_id: str) -> Program[Any]:
            return skeleton_program(specs[dialogue_id], context.tools, context.settings, context.executable, record)

        return _following(context, task_initialization.STAGE, specs, start)

    def content(self, result: Any) -> RowContent:
        """A skeleton passes."""
        content = _passed(result)
        return replace(content, dialogue=result.to_dialogue()) if isinstance(result, Skeleton) else content


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
            "models": _models(settings, "refiner", "judge"),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": _execution(context)}

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
                _dialogue(before, texts[dialogue_id]),
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

        return [with_plan(item) for item in _following(context, before, specs, start)]

    def content(self, result: Any) -> RowContent:
        """A refined dialogue passes, whatever became of its edits."""
        assert isinstance(result, RefinedDialogue)
        changed = any(edit.outcome == "accepted" for edit in result.edits)
        dialogue = result.dialogue if changed else None
        return RowContent(state="passed", payload=result, edits=result.edits, dialogue=dialogue)


@dataclass(frozen=True)
class SimulatedDialogues:
    """The baseline's stage, in the place of skeletons and rounds: a dialogue that agents play, per task spec."""

    index: int = 2
    name: str = agents.STAGE
    supplants: tuple[str, ...] = (
        trajectory_initialization.STAGE,
        *(stage_name(number) for number in range(1, MAX_ROUNDS + 1)),
    )

    def shared_version(self, settings: Settings) -> Parts:
        """Prompts, settings, model and code."""
        return {
            "code": CODE_VERSIONS["simulation"],
            "prompts": [prompt_hash(name) for name in agents.AGENT_TASKS],
            "settings": settings.of("simulation_turns", "injection_mix", "rule_tries"),
            "models": _models(settings, "generator"),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": _execution(context)}

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per spec that passed."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)

        def start(dialogue_id: str) -> Program[Any]:
            return simulation_program(specs[dialogue_id], context.tools, context.settings, context.executable)

        return _following(context, task_initialization.STAGE, specs, start)

    def content(self, result: Any) -> RowContent:
        """A dialogue that was played to its end passes; of another the beginning is kept with the reason."""
        assert isinstance(result, SimulatedDialogue)
        if result.rejection is not None:
            return RowContent(state="rejected", payload=result, rejection=result.rejection)
        return RowContent(state="passed", payload=result, dialogue=result.dialogue)


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
            "models": _models(settings, *settings.expert_roles, *repairing),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": _execution(context)}

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

        return [with_facts(item) for item in _following(context, before, specs, start, dialogues)]

    def content(self, result: Any) -> RowContent:
        """The verdict's terminal state."""
        assert isinstance(result, Verdict)
        end = result.terminal
        if end.state == "accepted":
            # Of a dialogue that was mended or cut, the sources are those of what was accepted.
            return RowContent("accepted", result, edits=result.edits, verdict=result, dialogue=result.dialogue)
        rejection = Rejection(check=end.check or "", reason=end.reason, evidence=end.evidence, turn_id=end.turn_id)
        return RowContent(state="rejected", payload=result, rejection=rejection, verdict=result, edits=result.edits)


@dataclass(frozen=True)
class VerifiedDialogues:
    """The accepted dialogues themselves: what splits and exports read."""

    rounds: int
    method: Method = "non_autoregressive"
    index: int = 4 + MAX_ROUNDS
    name: str = VERIFIED_STAGE
    supplants: tuple[str, ...] = ()

    def shared_version(self, settings: Settings) -> Parts:  # noqa: ARG002 - the protocol's signature
        """Nothing of its own: rows are copies of what was verified."""
        return {}

    def version(self, context: StageContext) -> Parts:
        """The same in every domain."""
        return self.shared_version(context.settings)

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per accepted verdict."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)
        before = last_writing_stage(self.rounds, self.method)
        written, verdicts = context.texts(before), context.texts(verdict.STAGE)

        def start(dialogue_id: str) -> Program[Any]:
            changed = Verdict.model_validate_json(verdicts[dialogue_id]).dialogue
            return _copied(changed if changed is not None else _dialogue(before, written[dialogue_id]))

        accepted = _following(context, verdict.STAGE, specs, start)
        hashes = {row["dialogue_id"]: row["content_hash"] for row in context.places(before)}
        return [replace(item, inputs={**item.inputs, "dialogue": hashes[item.dialogue_id]}) for item in accepted]

    def content(self, result: Any) -> RowContent:
        """An accepted dialogue."""
        assert isinstance(result, Dialogue)
        return RowContent(state="accepted", payload=result)


def domain_stages(settings: Settings) -> list[Stage]:
    """All stages of a domain that make rows, in order."""
    rounds = [RefinementRound(number) for number in range(1, settings.rounds + 1)]
    writing: list[Stage] = [SimulatedDialogues()] if settings.method == "simulation" else [Skeletons(), *rounds]
    made = settings.rounds, settings.method
    return [TaskSpecs(), *writing, Verification(*made), VerifiedDialogues(*made)]


def last_writing_stage(rounds: int, method: Method) -> str:
    """Name of the last stage that writes dialogues, which are then verified."""
    return agents.STAGE if method == "simulation" else before_round(rounds + 1)


def before_round(round_number: int) -> str:
    """Name of the stage whose dialogues a round starts from."""
    return trajectory_initialization.STAGE if round_number == 1 else stage_name(round_number - 1)


def dialogues_after(context: StageContext, stage: str) -> dict[str, Dialogue]:
    """Dialogues as they stood after a stage, by id."""
    return {dialogue_id: _dialogue(stage, text) for dialogue_id, text in context.texts(stage).items()}


def _dialogue(stage: str, payload: str) -> Dialogue:
    """The dialogue in a payload of a stage that writes dialogues."""
    if stage == trajectory_initialization.STAGE:
        return Skeleton.model_validate_json(payload).to_dialogue()
    if stage == agents.STAGE:
        return SimulatedDialogue.model_validate_json(payload).dialogue
    return RefinedDialogue.model_validate_json(payload).dialogue


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


def _following(
    context: StageContext,
    before: str,
    specs: dict[str, TaskSpec],
    start: Callable[[str], Program[Any]],
    dialogues: dict[str, Dialogue] | None = None,
) -> list[WorkItem]:
    """Items for all rows that passed the stage before; they depend on its content and their own spec."""
    places: Iterable[dict[str, Any]] = context.places(before)
    return [
        WorkItem(
            dialogue_id=place["dialogue_id"],
            slot=place["slot"],
            attempt=place["attempt"],
            inputs={"before": place["content_hash"], "spec": specs[place["dialogue_id"]].model_dump(mode="json")},
            program=partial(start, place["dialogue_id"]),
            dialogue=dialogues[place["dialogue_id"]] if dialogues else None,
        )
        for place in places
        # A row of an earlier run whose spec is gone is about to be made anew.
        if place["dialogue_id"] in specs
    ]


def _copied(dialogue: Dialogue) -> Program[Dialogue]:
    yield from ()
    return dialogue
