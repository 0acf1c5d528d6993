"""What a written sub-trajectory must be, and what is wrong with one.

Two kinds of faults: those of structure, with which nothing can be built, and those that
the model is told of once while the reply is still warm. What is left of the second
kind is for grounding, refinement and the rules.

Belongs here: checks on replies of trajectory initialization. Does not belong here: checks
on single calls (``tool_calling``) or on finished dialogues (``verification``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from toolace_dagster.entities import Rejection, SubTask, TaskSpec, Tool
from toolace_dagster.initialization.replies import SubTrajectoryReply, TrajectoryReply
from toolace_dagster.initialization.tool_calling import call_faults, told

_SPOKEN = re.compile(r"\d{4}-\d\d-\d\d.*|\d\d?:\d\d.*")
"""Dates and times, which people say in many ways."""
_IN_WORDS = 20
"""Numbers up to this one are often written out."""


def sub_trajectory_fault(reply: SubTrajectoryReply, sub_task: SubTask) -> Rejection | None:
    """Check the structure of a sub-trajectory: text where text must be, the planned steps, one output per call.

    Returns:
        The first fault, or None.
    """
    for part, text in (("query", reply.query), ("reply", reply.reply)):
        if not text.strip():
            return Rejection(
                check="skeleton.empty", reason=f"The {part} of sub-task {sub_task.index} is blank.", evidence=repr(text)
            )
    if len(reply.steps) != sub_task.steps:
        return Rejection(
            check="skeleton.steps",
            reason=f"Sub-task {sub_task.index} is written in {len(reply.steps)} steps where it has {sub_task.steps}.",
            evidence=str(len(reply.steps)),
        )
    for position, step in enumerate(reply.steps):
        if len(step.calls) != len(step.outputs):
            return Rejection(
                check="skeleton.outputs",
                reason=(
                    f"Step {position} of sub-task {sub_task.index} has {len(step.calls)} calls "
                    f"and {len(step.outputs)} outputs; each call needs one."
                ),
                evidence=", ".join(call.name for call in step.calls),
            )
    return None


def trajectory_fault(reply: TrajectoryReply, spec: TaskSpec) -> Rejection | None:
    """Check the structure of a whole trajectory.

    Returns:
        The first fault, or None.
    """
    if len(reply.sub_trajectories) != len(spec.sub_tasks):
        return Rejection(
            check="skeleton.sub_trajectories",
            reason=f"There are {len(reply.sub_trajectories)} sub-trajectories where there are {len(spec.sub_tasks)} "
            "sub-tasks.",
            evidence=str(len(reply.sub_trajectories)),
        )
    faults = (
        sub_trajectory_fault(written, sub_task)
        for written, sub_task in zip(reply.sub_trajectories, spec.sub_tasks, strict=True)
    )
    return next((fault for fault in faults if fault is not None), None)


def sub_trajectory_advice(
    reply: SubTrajectoryReply, *, sub_task: SubTask, spec: TaskSpec, tools: Mapping[str, Tool], said: str
) -> str | None:
    """What the model should mend in a sub-trajectory, as one message; None when nothing was found.

    Args:
        reply: What it wrote.
        sub_task: The sub-task.
        spec: The task.
        tools: Tools of the domain by name.
        said: What the user said in earlier sub-trajectories.
    """
    return told(_advice(reply, sub_task, spec, tools, said))


def trajectory_advice(reply: TrajectoryReply, *, spec: TaskSpec, tools: Mapping[str, Tool]) -> str | None:
    """The same for a whole trajectory."""
    return told(_advice_on_all(reply, spec, tools))


def unsaid_values(
    sub_task: SubTask, arguments: Sequence[JsonValue], said: str, tools: Mapping[str, Tool], language: str
) -> list[str]:
    """Details that calls take although the user has not said them.

    The comparison forgives: one longer word of a name counts as said, dates, times, choices and small numbers are
    left out. Tracing each value exactly is for grounding.

    Args:
        sub_task: The sub-task with its details.
        arguments: Values of the arguments of its calls.
        said: What the user has said, this sub-task's query included.
        tools: Tools by name; values that a schema lists as choices are said in other words.
        language: In others than English only names and values with digits are looked for; words may be translated.

    Returns:
        The values in short.
    """
    taken = {_key(leaf) for value in arguments for leaf in _leaves(value)}
    choices = {str(choice) for name in sub_task.tools if name in tools for choice in _choices(tools[name].parameters)}
    text = said.casefold()
    return [
        f"{detail.name}: {str(leaf)[:60]}"
        for detail in sub_task.details
        for leaf in _leaves(detail.value)
        if _key(leaf) in taken and str(leaf) not in choices and not _is_said(leaf, text, language)
    ]


def _advice(
    reply: SubTrajectoryReply, sub_task: SubTask, spec: TaskSpec, tools: Mapping[str, Tool], said: str
) -> Iterator[str]:
    fault = sub_trajectory_fault(reply, sub_task)
    if fault is not None:
        yield fault.reason
        return
    calls = [call for step in reply.steps for call in step.calls]
    for step in reply.steps:
        yield from call_faults(step.calls, step.outputs, tools, spec.offered_tools)
    unused = [name for name in sub_task.tools if name not in {call.name for call in calls}]
    if unused:
        yield f"Sub-task {sub_task.index} has to use {', '.join(unused)} too."
    arguments = [value for call in calls for value in call.arguments.values()]
    missing = unsaid_values(sub_task, arguments, f"{said}\n{reply.query}", tools, spec.language)
    if missing:
        yield f"The query of sub-task {sub_task.index} has to say {'; '.join(missing)}."


def _advice_on_all(reply: TrajectoryReply, spec: TaskSpec, tools: Mapping[str, Tool]) -> Iterator[str]:
    fault = trajectory_fault(reply, spec)
    if fault is not None:
        yield fault.reason
        return
    said = ""
    for written, sub_task in zip(reply.sub_trajectories, spec.sub_tasks, strict=True):
        yield from _advice(written, sub_task, spec, tools, said)
        said += f"\n{written.query}"


def _is_said(value: str | int | float, text: str, language: str) -> bool:
    if isinstance(value, str):
        plain = value.casefold()
        if plain in text or _SPOKEN.fullmatch(plain):
            return True
        if language != "English" and not any(char.isdigit() or char.isupper() for char in value):
            return True
        words = re.findall(r"\w{3,}", plain)
        return any(word in text for word in words)
    if value <= _IN_WORDS:
        return True
    shown = str(int(value)) if float(value).is_integer() else str(value)
    return shown in re.sub(r"(?<=\d)[ ,.'](?=\d{3}\b)", "", text) or shown in text or shown.replace(".", ",") in text


def _leaves(value: JsonValue) -> Iterator[str | int | float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
        yield value


def _key(value: str | int | float) -> str:
    return str(float(value)) if isinstance(value, (int, float)) else value.casefold()


def _choices(schema: JsonValue) -> Iterator[JsonValue]:
    if isinstance(schema, dict):
        listed = schema.get("enum")
        yield from listed if isinstance(listed, list) else ()
        for inner in schema.values():
            yield from _choices(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _choices(inner)
