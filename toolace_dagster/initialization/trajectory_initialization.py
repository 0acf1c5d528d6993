"""Trajectory initialization: from a task spec to a skeleton (paper, stage 1.2).

Each sub-trajectory is generated from its sub-task and the earlier ones, calls and
outputs together so that they agree. Structural integrity comes before semantic
correctness: what is checked here is structure alone.

Belongs here: the row program of the skeleton, and building turns from replies.
Does not belong here: any judgement of content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolace_dagster.entities import (
    Origin,
    Rejection,
    Skeleton,
    SubTask,
    SubTrajectory,
    TaskSpec,
    Tool,
    ToolCall,
    ToolOutput,
    Turn,
)
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.initialization.replies import CallReply, OutputReply, SubTrajectoryReply
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, sub_task_view, task_view, tools_view
from toolace_dagster.settings import Settings

STAGE = "skeletons"
_TRIES = 2
_ORIGIN = Origin(operation="trajectory_initialization")


def skeleton_program(spec: TaskSpec, tools: Mapping[str, Tool], settings: Settings) -> Program[Skeleton | Rejection]:
    """Ask for one sub-trajectory after the other and concatenate them.

    Args:
        spec: The task.
        tools: Tools of the domain by name.
        settings: Sampling settings.

    Returns:
        The skeleton, or why none came out.
    """
    parts: list[SubTrajectory] = []
    for sub_task in spec.sub_tasks:
        earlier = [turn for part in parts for turn in part.turns]
        fault: Rejection | None = None
        for attempt in range(_TRIES):
            answer = yield from ask(_request(spec, sub_task, earlier, tools, settings, attempt))
            fault = sub_trajectory_fault(answer.reply, sub_task)
            if fault is None:
                turns = sub_trajectory_turns(answer.reply, sub_task.index, first=len(earlier))
                parts.append(SubTrajectory(sub_task=sub_task.index, turns=turns))
                break
        if fault is not None:
            return fault
    return Skeleton(
        dialogue_id=spec.dialogue_id,
        domain=spec.domain,
        offered_tools=spec.offered_tools,
        sub_trajectories=tuple(parts),
    )


def sub_trajectory_fault(reply: SubTrajectoryReply, sub_task: SubTask) -> Rejection | None:
    """Check the structure of a sub-trajectory: text where text must be, and one output per call.

    Returns:
        The first fault, or None.
    """
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
    for part, text in (("query", reply.query), ("reply", reply.reply)):
        if not text.strip():
            return Rejection(
                check="skeleton.empty", reason=f"The {part} of sub-task {sub_task.index} is blank.", evidence=repr(text)
            )
    return None


def sub_trajectory_turns(reply: SubTrajectoryReply, sub_task: int, first: int) -> tuple[Turn, ...]:
    """Build the turns of a sub-trajectory: query, then calls and outputs in alternation, then reply.

    Args:
        reply: A structurally sound reply.
        sub_task: Index of the sub-task.
        first: Number of turns before it; turn ids count on from there.
    """
    turns: list[Turn] = []

    def next_id() -> str:
        return f"t{first + len(turns):02d}"

    turns.append(Turn(id=next_id(), role="user", sub_task=sub_task, content=reply.query.strip(), origin=_ORIGIN))
    for step in reply.steps:
        calls = tool_calls(step.calls, turn_id=next_id())
        turns.append(Turn(id=next_id(), role="assistant", sub_task=sub_task, tool_calls=calls, origin=_ORIGIN))
        outputs = tool_outputs(step.outputs, calls)
        turns.append(Turn(id=next_id(), role="tool", sub_task=sub_task, outputs=outputs, origin=_ORIGIN))
    turns.append(Turn(id=next_id(), role="assistant", sub_task=sub_task, content=reply.reply.strip(), origin=_ORIGIN))
    return tuple(turns)


def tool_calls(replies: Sequence[CallReply], turn_id: str) -> tuple[ToolCall, ...]:
    """Give the calls of one turn their ids, unique in the dialogue."""
    stem = turn_id.replace(".", "_")
    return tuple(
        ToolCall(id=f"call_{stem}_{index}", name=call.name, arguments=call.arguments)
        for index, call in enumerate(replies)
    )


def tool_outputs(replies: Sequence[OutputReply], calls: Sequence[ToolCall]) -> tuple[ToolOutput, ...]:
    """Pair outputs with the calls they answer, in order.

    Raises:
        ValueError: If their numbers differ.
    """
    return tuple(
        ToolOutput(call_id=call.id, name=call.name, content=output.content, is_error=output.is_error)
        for call, output in zip(calls, replies, strict=True)
    )


def _request(
    spec: TaskSpec,
    sub_task: SubTask,
    earlier: Sequence[Turn],
    tools: Mapping[str, Tool],
    settings: Settings,
    attempt: int,
) -> ModelRequest[SubTrajectoryReply]:
    return ModelRequest(
        messages=render(
            "sub_trajectory",
            tools=tools_view(spec.offered_tools, tools),
            task=task_view(spec),
            dialogue=dialogue_view(earlier),
            sub_task=sub_task_view(sub_task),
        ),
        reply_type=SubTrajectoryReply,
        sampling=Sampling.of(
            settings.model_of("generator"), request_seed(STAGE, spec.dialogue_id, sub_task.index, attempt)
        ),
        purpose=Purpose(
            stage=STAGE, task="sub_trajectory", role="generator", domain=spec.domain, dialogue_id=spec.dialogue_id
        ),
    )
