"""Trajectory initialization: from a task spec to a skeleton (paper, stage 1.2).

Each sub-trajectory is generated from its sub-task and the earlier ones, calls and
outputs together so that they agree. Structural integrity comes before semantic
correctness: what is checked here is structure alone.

Belongs here: the row program of the skeleton. Does not belong here: building turns
from replies (``turns``), running tools (``real_outputs``), any judgement of content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from toolace_dagster.entities import (
    Rejection,
    Skeleton,
    SubTask,
    SubTrajectory,
    TaskSpec,
    Tool,
    Turn,
)
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.initialization.real_outputs import grounded_in_execution
from toolace_dagster.initialization.replies import SubTrajectoryReply
from toolace_dagster.initialization.tool_calling import CallSchemas, call_faults, call_schemas, told
from toolace_dagster.initialization.turns import sub_trajectory_turns
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, sub_task_view, task_view, tools_view
from toolace_dagster.settings import Settings

STAGE = "skeletons"
_TRIES = 2


def skeleton_program(
    spec: TaskSpec, tools: Mapping[str, Tool], settings: Settings, executable: frozenset[str] = frozenset()
) -> Program[Skeleton | Rejection]:
    """Ask for one sub-trajectory after the other and concatenate them.

    Args:
        spec: The task.
        tools: Tools of the domain by name.
        settings: Sampling settings.
        executable: Names of the tools that are run for real; their outputs are what they answered.

    Returns:
        The skeleton, or why none came out.

    Raises:
        ExecutionFailed: If a tool's run gave no outcomes.
    """
    parts: list[SubTrajectory] = []
    schemas = call_schemas(SubTrajectoryReply, (tools[name] for name in spec.offered_tools))
    for sub_task in spec.sub_tasks:
        earlier = [turn for part in parts for turn in part.turns]
        fault: Rejection | None = None
        for attempt in range(_TRIES):
            answer = yield from ask(_request(spec, sub_task, earlier, tools, settings, attempt, schemas))
            fault = sub_trajectory_fault(answer.reply, sub_task)
            if fault is None:
                turns = sub_trajectory_turns(answer.reply, sub_task.index, first=len(earlier))
                turns = yield from grounded_in_execution(turns, earlier, spec, sub_task, tools, settings, executable)
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


def _calls_fault(reply: SubTrajectoryReply, *, tools: Mapping[str, Tool], offered: Sequence[str]) -> str | None:
    """What is wrong with the calls of a reply, for the model to mend."""
    return told(fault for step in reply.steps for fault in call_faults(step.calls, step.outputs, tools, offered))


def _request(
    spec: TaskSpec,
    sub_task: SubTask,
    earlier: Sequence[Turn],
    tools: Mapping[str, Tool],
    settings: Settings,
    attempt: int,
    schemas: CallSchemas,
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
        narrowed_schema=schemas.full,
        wide_schema=schemas.names,
        check=partial(_calls_fault, tools=tools, offered=spec.offered_tools),
    )
