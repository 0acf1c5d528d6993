"""Rules on the dialogue's form.

Belongs here: roles, alternation, ids, the plan's coverage, injections intact.
Does not belong here: what calls and replies say.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolace_dagster.entities import InjectionType, structure_faults
from toolace_dagster.verification.rules.registry import Defect, Subject, rule


@rule("rule.structure")
def structure(subject: Subject) -> Iterator[Defect]:
    """Observations and actions alternate, every call is answered once, ids are unique."""
    for fault in structure_faults(subject.dialogue.turns):
        yield Defect(fault.message, turn_id=fault.turn_id, evidence=fault.fault)


@rule("rule.plan_coverage")
def plan_coverage(subject: Subject) -> Iterator[Defect]:
    """Each sub-task is asked for, acted on with its planned tools, and answered."""
    for sub_task in subject.spec.sub_tasks:
        turns = [turn for turn in subject.dialogue.turns if turn.sub_task == sub_task.index]
        if not any(turn.role == "user" for turn in turns):
            yield Defect(f"Sub-task {sub_task.index} is never asked for.", evidence=sub_task.goal)
            continue
        called = {call.name for turn in turns for call in turn.tool_calls}
        for name in sub_task.tools:
            if name not in called:
                yield Defect(
                    f"Sub-task {sub_task.index} plans a call of {name}, which is never made.",
                    turn_id=turns[0].id,
                    evidence=name,
                )
        if turns[-1].role != "assistant" or turns[-1].is_call:
            yield Defect(f"Sub-task {sub_task.index} gets no reply.", turn_id=turns[-1].id, evidence=sub_task.goal)


@rule("rule.step_count", severity="soft")
def step_count(subject: Subject) -> Iterator[Defect]:
    """Each sub-task has the planned number of tool-calling steps; a failed call does not count."""
    for sub_task in subject.spec.sub_tasks:
        failed = {placed.turn.id for placed in subject.calls if placed.failed}
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
            yield Defect(f"A turn of the {record.type.value} injection is gone.", turn_id=record.anchor)
            continue
        middle = turns[1]
        if record.type is InjectionType.ERROR_SIMULATION:
            if not any(output.is_error for output in middle.outputs):
                yield Defect("The simulated error is no error any more.", turn_id=middle.id, path="$.outputs")
        elif middle.is_call:
            yield Defect(
                f"The assistant calls a tool where the {record.type.value} injection has it answer in words.",
                turn_id=middle.id,
                path="$.tool_calls",
            )
