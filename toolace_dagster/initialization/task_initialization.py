"""Task initialization: from a plan to a task spec (paper, stage 1.1).

Belongs here: the row program that asks for a task, and the rules a task must
meet. Does not belong here: drawing the plan (``sampling``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolace_dagster.entities import Detail, Rejection, SubTask, TaskPlan, TaskSpec, Tool
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.initialization.replies import TaskSpecReply
from toolace_dagster.initialization.sampling import offered_tools
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import plan_view, tools_view
from toolace_dagster.settings import Settings

STAGE = "task_specs"
_TRIES = 2


def task_program(plan: TaskPlan, tools: Mapping[str, Tool], settings: Settings) -> Program[TaskSpec | Rejection]:
    """Ask for a task; when it breaks a rule, ask once more with the reason.

    Args:
        plan: What sampling fixed.
        tools: Tools of the domain by name.
        settings: Sampling settings.

    Returns:
        The task spec, or why none came out.
    """
    offered = offered_tools(plan)
    fault: Rejection | None = None
    for attempt in range(_TRIES):
        request = ModelRequest(
            messages=render(
                "task_spec",
                tools=tools_view(offered, tools),
                plan=plan_view(plan),
                fault=fault.reason if fault else None,
            ),
            reply_type=TaskSpecReply,
            sampling=Sampling.of(settings.model_of("generator"), request_seed(STAGE, plan.slot, attempt)),
            purpose=Purpose(
                stage=STAGE,
                task="task_spec",
                role="generator",
                domain=plan.slot.domain,
                dialogue_id=plan.slot.dialogue_id,
            ),
            narrowed_schema=_planned_schema(plan),
        )
        answer = yield from ask(request)
        fault = task_fault(answer.reply, plan)
        if fault is None:
            return _spec(answer.reply, plan, offered, tools)
    assert fault is not None
    return fault


def _planned_schema(plan: TaskPlan) -> dict[str, Any]:
    """The schema of a task, narrowed to what the plan fixes for all of its sub-tasks."""
    schema = TaskSpecReply.model_json_schema()
    count = len(plan.sub_tasks)
    schema["properties"]["sub_tasks"] |= {"minItems": count, "maxItems": count}
    sub_task = schema["$defs"]["SubTaskReply"]["properties"]
    sub_task["tools"]["items"] = {"type": "string", "enum": sorted(plan.needed_tools)}
    steps = sorted({planned.steps for planned in plan.sub_tasks})
    sub_task["steps"] = {"type": "integer", "enum": steps, "description": sub_task["steps"]["description"]}
    return schema


def task_fault(reply: TaskSpecReply, plan: TaskPlan) -> Rejection | None:
    """Check a task against its plan.

    Returns:
        The first rule it breaks, or None.
    """
    if len(reply.sub_tasks) != len(plan.sub_tasks):
        return Rejection(
            check="task.sub_task_count",
            reason=f"The task has {len(reply.sub_tasks)} sub-tasks where the plan has {len(plan.sub_tasks)}.",
            evidence=str(len(reply.sub_tasks)),
        )
    for index, (written, planned) in enumerate(zip(reply.sub_tasks, plan.sub_tasks, strict=True)):
        if set(written.tools) != set(planned.tools):
            return Rejection(
                check="task.tools",
                reason=(
                    f"Sub-task {index} uses {', '.join(written.tools)} where the plan has {', '.join(planned.tools)}."
                ),
                evidence=", ".join(written.tools),
            )
        if written.steps != planned.steps:
            return Rejection(
                check="task.steps",
                reason=f"Sub-task {index} has {written.steps} steps where the plan has {planned.steps}.",
                evidence=str(written.steps),
            )
        named = next((name for name in planned.tools if "_" in name and name in written.goal), None)
        if named is not None:
            return Rejection(
                check="task.tool_named",
                reason=f"The goal of sub-task {index} names the tool {named}; a user knows nothing of tools.",
                evidence=written.goal,
            )
    return None


def _spec(reply: TaskSpecReply, plan: TaskPlan, offered: tuple[str, ...], tools: Mapping[str, Tool]) -> TaskSpec:
    return TaskSpec(
        dialogue_id=plan.slot.dialogue_id,
        domain=plan.slot.domain,
        scenario=reply.scenario,
        persona=plan.persona,
        manner=plan.manner,
        language=plan.language,
        today=plan.today,
        sub_tasks=tuple(
            SubTask(
                index=index,
                goal=written.goal,
                details=tuple(Detail(name=detail.name, value=detail.value) for detail in written.details),
                tools=planned.tools,
                steps=planned.steps,
                builds_on=planned.builds_on,
            )
            for index, (written, planned) in enumerate(zip(reply.sub_tasks, plan.sub_tasks, strict=True))
        ),
        offered_tools=offered,
        tool_versions={name: tools[name].fingerprint for name in offered},
        injections=plan.injections,
    )
