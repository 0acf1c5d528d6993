"""Which complications a simulation is to have, where, and which agent brings each about.

A simulation can't be edited afterwards, so complexity comes from instructions: each
planned sub-type is laid into a sub-task that allows it, and told to the agents it
concerns. The choice among sub-types follows the other method's: the planned one,
else another of its type, else one of another type.

Belongs here: places, and what each agent is told. Does not belong here: recognising
whether a complication came about (``records``), or the words (``prompts``).
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from toolace_dagster.entities import (
    SUB_TYPES,
    Complication,
    Detail,
    InjectionSubType,
    InjectionType,
    SubTask,
    TaskSpec,
    Tool,
)
from toolace_dagster.entities.randomness import generator
from toolace_dagster.refinement.anchors import PER_SUB_TASK, in_order_of_choice
from toolace_dagster.refinement.places import absent_tools
from toolace_dagster.settings import Settings

_BY_USER = frozenset(
    {
        *SUB_TYPES[InjectionType.CLARIFICATION],
        *SUB_TYPES[InjectionType.TOOL_AWARENESS],
        *SUB_TYPES[InjectionType.NON_FUNCTION_CALLING],
    }
)
_BY_ASSISTANT = frozenset(
    {InjectionSubType.INVALID_ARGUMENT, InjectionSubType.EMPTY_RESULT, InjectionSubType.USER_CORRECTION}
)
"""Slips of the assistant, and the question with which it makes sure; nobody else can bring them about."""
_BY_TOOLS = frozenset(SUB_TYPES[InjectionType.ERROR_SIMULATION])
_REPEATED = re.compile(r" \(\d+\)$| for .*$")


def plan_complications(spec: TaskSpec, tools: Mapping[str, Tool], settings: Settings) -> tuple[Complication, ...]:
    """Lay the complications of a task into its sub-tasks.

    Args:
        spec: The task.
        tools: Tools of the domain by name.
        settings: The mix of sub-types that stand-ins are drawn from.

    Returns:
        Those that fit somewhere, in the order of the plan; the same for the same task.
    """
    rng = generator("simulation", spec.dialogue_id)
    planned = spec.sub_types or tuple(SUB_TYPES[kind][0] for kind in spec.injections)
    laid: list[Complication] = []
    for wanted in planned:
        for sub_type in in_order_of_choice(wanted, settings.injection_mix, rng):
            places = [
                found
                for sub_task in _free(spec, sub_type.type, laid)
                if (found := _placed(sub_type, sub_task, spec, tools, rng)) is not None
            ]
            if places:
                laid.append(rng.choice(places))
                break
    return tuple(laid)


def for_user(complications: Sequence[Complication], tools: Mapping[str, Tool]) -> list[dict[str, Any]]:
    """What the user agent is told of them; it is never given a tool's name."""
    told: list[dict[str, Any]] = []
    for each in complications:
        if each.sub_type not in _BY_USER:
            continue
        shown: dict[str, Any] = {"sub_type": each.sub_type.value, "sub_task": each.sub_task}
        shown |= {"detail": each.detail.model_dump(mode="json")} if each.detail else {}
        for name, tool in (("missing", each.tool), ("wish", each.absent_tool)):
            if tool is not None and tool in tools:
                shown[name] = tools[tool].description
        told.append(shown)
    return told


def for_assistant(complications: Sequence[Complication]) -> list[dict[str, Any]]:
    """What the assistant agent is told: where it is to slip, and where to make sure before it acts."""
    return [
        {"sub_type": each.sub_type.value, "sub_task": each.sub_task}
        for each in complications
        if each.sub_type in _BY_ASSISTANT
    ]


def for_tools(complications: Sequence[Complication]) -> list[dict[str, Any]]:
    """What the tool agent is told: which calls are to fail or to find little."""
    return [
        {"sub_type": each.sub_type.value, "sub_task": each.sub_task, **({"tool": each.tool} if each.tool else {})}
        for each in complications
        if each.sub_type in _BY_TOOLS
    ]


def base_name(detail: Detail) -> str:
    """The parameter a detail is for: ``date`` for the second date, named ``date (2)``."""
    return _REPEATED.sub("", detail.name)


def _free(spec: TaskSpec, kind: InjectionType, laid: Sequence[Complication]) -> list[SubTask]:
    """Sub-tasks that may have one more of a type; those that have none come before the others."""
    of_sub_task: dict[int, list[InjectionType]] = {}
    for each in laid:
        of_sub_task.setdefault(each.sub_task, []).append(each.sub_type.type)
    apart = {InjectionType.TOOL_AWARENESS, InjectionType.ERROR_SIMULATION}
    free = [
        sub_task
        for sub_task in spec.sub_tasks
        if len(before := of_sub_task.get(sub_task.index, [])) < PER_SUB_TASK
        and kind not in before
        and not (kind in apart and apart & set(before))
    ]
    return [sub_task for sub_task in free if sub_task.index not in of_sub_task] or free


def _placed(
    sub_type: InjectionSubType, sub_task: SubTask, spec: TaskSpec, tools: Mapping[str, Tool], rng: random.Random
) -> Complication | None:
    """The complication in a sub-task, or None where that does not allow it."""
    at = sub_task.index
    match sub_type:
        case InjectionSubType.MISSING_VALUE | InjectionSubType.AMBIGUOUS_REFERENCE | InjectionSubType.USER_CORRECTION:
            details = _withholdable(sub_task, spec, tools)
            if sub_type is InjectionSubType.AMBIGUOUS_REFERENCE:
                details = [detail for detail in details if isinstance(detail.value, str)]
            return Complication(sub_type=sub_type, sub_task=at, detail=rng.choice(details)) if details else None
        case InjectionSubType.TOOL_ARRIVES_LATER:
            before = {name for earlier in spec.sub_tasks[:at] for name in earlier.tools}
            fresh = [name for name in sub_task.tools if name not in before]
            # At least one tool stays on offer from the start.
            usable = fresh and len(spec.offered_tools) > 1
            return Complication(sub_type=sub_type, sub_task=at, tool=rng.choice(fresh)) if usable else None
        case InjectionSubType.TOOL_NEVER_ARRIVES:
            absent = absent_tools(spec.domain, spec.offered_tools, tools)
            if not absent:
                return None
            return Complication(sub_type=sub_type, sub_task=at, absent_tool=rng.choice(absent).name)
        case InjectionSubType.QUESTION_ABOUT_RESULTS | InjectionSubType.SUMMARY_REQUEST:
            return Complication(sub_type=sub_type, sub_task=at) if at else None
        case InjectionSubType.INVALID_ARGUMENT:
            taking = any(name in tools and tools[name].properties for name in sub_task.tools)
            return Complication(sub_type=sub_type, sub_task=at) if taking else None
        case InjectionSubType.EMPTY_RESULT | InjectionSubType.PARTIAL_RESULT:
            listing = [name for name in sub_task.tools if name in tools and _lists(tools[name].result)]
            return Complication(sub_type=sub_type, sub_task=at, tool=rng.choice(listing)) if listing else None
        case _:
            return Complication(sub_type=sub_type, sub_task=at)


def _withholdable(sub_task: SubTask, spec: TaskSpec, tools: Mapping[str, Tool]) -> list[Detail]:
    """Details that a call of the sub-task can't do without and that nothing else of the task gives away."""
    required = {name for tool in sub_task.tools if tool in tools for name in tools[tool].required}
    others = [
        detail for part in spec.sub_tasks[: sub_task.index + 1] for detail in part.details if part is not sub_task
    ]
    known = {base_name(detail) for detail in others} | {str(detail.value).casefold() for detail in others}
    own = [base_name(detail) for detail in sub_task.details]
    return [
        detail
        for detail in sub_task.details
        if detail.name in required
        and own.count(detail.name) == 1
        and detail.name not in known
        and isinstance(detail.value, (str, int, float))
        and not isinstance(detail.value, bool)
        and len(str(detail.value)) > 1
        and str(detail.value).casefold() not in known
    ]


def _lists(schema: JsonValue) -> bool:
    """Whether a result holds a list of entries somewhere."""
    if isinstance(schema, dict):
        items = schema.get("items")
        if schema.get("type") == "array" and isinstance(items, dict) and items.get("type") != "string":
            return True
        return any(_lists(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_lists(inner) for inner in schema)
