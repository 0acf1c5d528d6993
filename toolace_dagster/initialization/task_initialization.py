"""Task initialization: from a plan to a task spec (paper, stage 1.1).

Belongs here: the row program that asks for a task. Does not belong here: drawing
the plan (``sampling``), or the rules a task must meet (``task_rules``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolace_dagster.entities import Detail, Rejection, SubTask, TaskPlan, TaskSpec, Tool
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.initialization.replies import TaskSpecReply
from toolace_dagster.initialization.sampling import offered_tools
from toolace_dagster.initialization.task_rules import TOLD_ONLY, task_faults
from toolace_dagster.initialization.tool_calling import told
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import plan_view, tools_view
from toolace_dagster.settings import Settings

STAGE = "task_specs"


def task_program(plan: TaskPlan, tools: Mapping[str, Tool], settings: Settings) -> Program[TaskSpec | Rejection]:
    """Ask for a task; when it breaks a rule, ask again with the reasons.

    Args:
        plan: What sampling fixed.
        tools: Tools of the domain by name.
        settings: How often it is asked, and sampling settings.

    Returns:
        The task spec, or why none came out.
    """
    offered = offered_tools(plan)
    faults: list[Rejection] = []
    rejecting: list[Rejection] = []
    for attempt in range(settings.rule_tries):
        request = ModelRequest(
            messages=render(
                "task_spec",
                tools=tools_view(offered, tools),
                plan=plan_view(plan),
                fault=told(fault.reason for fault in faults),
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
        faults = task_faults(answer.reply, plan, tools)
        rejecting = [fault for fault in faults if fault.check not in TOLD_ONLY]
        if not faults or (not rejecting and attempt == settings.rule_tries - 1):
            return _spec(answer.reply, plan, offered, tools)
    return rejecting[0]


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
                builds_on=tuple(
                    sorted({*planned.builds_on, *(each for each in written.builds_on if 0 <= each < index)})
                ),
                time_passes=planned.time_passes,
            )
            for index, (written, planned) in enumerate(zip(reply.sub_tasks, plan.sub_tasks, strict=True))
        ),
        offered_tools=offered,
        tool_versions={name: tools[name].fingerprint for name in offered},
        injections=plan.injections,
        sub_types=plan.sub_types,
    )
