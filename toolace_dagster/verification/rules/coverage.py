"""Rules on the task: what was planned took place, and complications are still there.

Belongs here: the plan's coverage, steps, injections. Does not belong here: rules
that need no task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import JsonValue

from toolace_dagster.entities import InjectionRecord, InjectionSubType, InjectionType, ToolOutput, Turn, canonical_json
from toolace_dagster.refinement.intact import lapses
from toolace_dagster.refinement.values import is_empty
from toolace_dagster.verification.rules.registry import Defect, Subject, rule

_QUESTION = re.compile("[?;\\uff1f\\u061f]")
"""Question marks, the Greek, the Arabic and the wide one among them."""


@rule("rule.plan_coverage", repairable=False, needs_plan=True)
def plan_coverage(subject: Subject) -> Iterator[Defect]:
    """Each sub-task is asked for, acted on and answered; a planned tool is called, or there is a reason why not.

    An edit may have taken its call away. Or another tool really refused or found nothing, so that what it needs may
    not be there.
    """
    assert subject.spec is not None
    for sub_task in subject.spec.sub_tasks:
        turns = [turn for turn in subject.dialogue.turns if turn.sub_task == sub_task.index]
        if not any(turn.role == "user" for turn in turns):
            yield Defect(f"Sub-task {sub_task.index} is never asked for.", evidence=sub_task.goal)
            continue
        called = {call.name for turn in turns for call in turn.tool_calls}
        if not called:
            message = f"Sub-task {sub_task.index} is not acted on: no tool is called for it."
            yield Defect(message, turn_id=turns[0].id, evidence=sub_task.goal)
        in_vain = next((each for turn in turns for each in turn.outputs if _in_vain(each)), None)
        for name in sub_task.tools if called else ():
            if name in called:
                continue
            message = f"Sub-task {sub_task.index} plans a call of {name}, which is never made"
            edit = subject.facts.changes.get((sub_task.index, name))
            if edit is not None:
                yield Defect(f"{message}: edit {edit} took it away.", turns[0].id, evidence=name, severity="soft")
            elif in_vain is not None:
                reason = f"{in_vain.name} was called in vain"
                yield Defect(f"{message}; {reason}.", turns[0].id, evidence=name, severity="soft")
            else:
                yield Defect(f"{message}.", turn_id=turns[0].id, evidence=name)
        if turns[-1].role != "assistant" or turns[-1].is_call:
            yield Defect(f"Sub-task {sub_task.index} gets no reply.", turn_id=turns[-1].id, evidence=sub_task.goal)


def _in_vain(output: ToolOutput) -> bool:
    """Whether a tool that was run for real refused or found nothing."""
    content = output.content
    empty = not content or (isinstance(content, dict) and any(value == [] for value in content.values()))
    return output.source == "executed" and (output.is_error or empty)


@rule("rule.step_count", severity="soft", repairable=False, needs_plan=True)
def step_count(subject: Subject) -> Iterator[Defect]:
    """Each sub-task has the planned number of tool-calling steps; a failed call does not count."""
    assert subject.spec is not None
    # Neither do the poor results of an error simulation, which the corrected call gets again.
    failed = {p.turn.id for p in subject.calls if p.failed or (p.output and p.output.source == "injected")}
    for sub_task in subject.spec.sub_tasks:
        steps = sum(
            turn.is_call and turn.sub_task == sub_task.index and turn.id not in failed
            for turn in subject.dialogue.turns
        )
        if steps != sub_task.steps:
            yield Defect(f"Sub-task {sub_task.index} has {steps} steps, planned {sub_task.steps}.", evidence=str(steps))


@rule("rule.injection_intact")
def injection_intact(subject: Subject) -> Iterator[Defect]:
    """What an injection wrote is still what it was meant to be after later refinement."""
    by_id = {turn.id: turn for turn in subject.dialogue.turns}
    for record in subject.dialogue.injections:
        turns = [by_id[turn_id] for turn_id in record.turn_ids if turn_id in by_id]
        if len(turns) != len(record.turn_ids):
            yield Defect(
                f"A turn of the {record.type.value} injection is gone.",
                turn_id=record.anchor if record.anchor in by_id else None,
                evidence=", ".join(sorted(set(record.turn_ids) - by_id.keys())),
            )
        elif record.type is InjectionType.ERROR_SIMULATION:
            yield from _error_intact(record, turns)
        else:
            yield from _words_intact(record, turns)
        for lapse in lapses(subject.dialogue, record):
            turn = by_id[record.turn_ids[lapse.place]]
            said = turn.content or canonical_json([each.arguments for each in turn.tool_calls] or _contents(turn))
            yield Defect(f"The {record.label} injection is undone: {lapse.what}.", turn.id, evidence=said)


def _contents(turn: Turn) -> list[JsonValue]:
    return [output.content for output in turn.outputs]


def _error_intact(record: InjectionRecord, turns: list[Turn]) -> Iterator[Defect]:
    """What the tool answers first is still an error, or the empty or partial result that it was meant to be."""
    answers = [turn for turn in turns if turn.outputs]
    if not answers:
        return
    outputs = [output for turn in answers for output in turn.outputs]
    evidence, place = str(outputs[0].content), (answers[0].id, "$.outputs")
    failing = any(output.is_error for output in outputs)
    sub_type = record.sub_type
    if sub_type is None or sub_type.fails:
        # Rows made before there were sub-types do not say whether an empty result was meant.
        if not failing and (sub_type is not None or all(output.content for output in outputs)):
            yield Defect("The simulated error is no error any more.", *place, evidence)
    elif failing:
        yield Defect(f"The {sub_type.value.replace('_', ' ')} has become an error.", *place, evidence)
    elif (
        record.round == 0
        and sub_type is InjectionSubType.EMPTY_RESULT
        and not all(is_empty(o.content) for o in outputs)
    ):
        # What agents played is no edit's, and is not held to more.
        yield Defect("The empty result is not empty.", *place, evidence)


def _words_intact(record: InjectionRecord, turns: list[Turn]) -> Iterator[Defect]:
    """The first thing the assistant does is to answer in words."""
    answer = next((turn for turn in turns if turn.role == "assistant"), None)
    if answer is None:
        return
    if answer.is_call:
        message = f"The assistant calls a tool where the {record.type.value} injection has it answer in words."
        yield Defect(message, answer.id, "$.tool_calls", answer.tool_calls[0].name)
    elif record.type is InjectionType.CLARIFICATION and not _QUESTION.search(answer.content):
        message = "The assistant should ask for what is missing, but asks no question."
        yield Defect(message, answer.id, "$.content", answer.content, severity="soft")
