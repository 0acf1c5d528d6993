"""How entities look in a prompt.

Belongs here: the JSON that stands inside a prompt's tags. Does not belong here:
the words around it (``templates/``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

from pydantic import JsonValue

from toolace_dagster.entities import Dialogue, SubTask, Taken, TaskPlan, TaskSpec, Tool, Turn

TurnKind = Literal["user", "call", "outputs", "reply"]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def tools_view(names: Iterable[str], tools: Mapping[str, Tool]) -> list[dict[str, Any]]:
    """Tools in the order of ``names``, with their described results."""
    return [tools[name].for_prompt() for name in names]


def plan_view(plan: TaskPlan) -> dict[str, Any]:
    """The part of a plan a model follows."""
    sub_tasks: list[dict[str, Any]] = []
    for sub_task in plan.sub_tasks:
        shown: dict[str, Any] = {"tools": list(sub_task.tools), "steps": sub_task.steps}
        shown |= {"use_optional": sub_task.options} if sub_task.options else {}
        shown |= {"again": list(sub_task.again)} if sub_task.again else {}
        shown |= {"takes": [_taken_view(taken) for taken in sub_task.takes]} if sub_task.takes else {}
        shown |= {"user_brings": sub_task.from_user} if sub_task.from_user else {}
        shown |= {"time_passes": True} if sub_task.time_passes else {}
        sub_tasks.append(shown)
    return user_view(plan) | {"sub_tasks": sub_tasks}


def user_view(user: TaskPlan | TaskSpec) -> dict[str, Any]:
    """Who the user is, how and in which language they write, and the day it is."""
    shown: dict[str, Any] = {"persona": user.persona}
    shown |= {"manner": user.manner} if user.manner else {}
    return shown | {"language": user.language} | ({"today": day_view(user.today)} if user.today else {})


def day_view(day: date) -> str:
    """A day with its weekday: ``Friday, 2026-03-06``."""
    return f"{_WEEKDAYS[day.weekday()]}, {day.isoformat()}"


def _taken_view(taken: Taken) -> dict[str, Any]:
    return {
        "parameter": f"{taken.tool}.{taken.parameter}",
        "result_of": taken.source,
        "in_sub_task": taken.sub_task,
    }


def sub_task_view(sub_task: SubTask) -> dict[str, Any]:
    """One sub-task with its details."""
    return sub_task.model_dump(mode="json", exclude=None if sub_task.time_passes else {"time_passes"})


def task_view(spec: TaskSpec, dialogue: Dialogue | None = None, *, withheld: str | None = None) -> dict[str, Any]:
    """A task, and which of its tools are offered from the start.

    Args:
        spec: The task.
        dialogue: The dialogue it has become, from which tools may be withheld already.
        withheld: A tool that is about to be withheld.
    """
    initial = spec.offered_tools if dialogue is None else dialogue.initial_tools
    offered = [name for name in initial if name != withheld]
    return {
        **user_view(spec),
        "scenario": spec.scenario,
        "offered_from_start": offered,
        "sub_tasks": [sub_task_view(sub_task) for sub_task in spec.sub_tasks],
    }


def _ordered(value: JsonValue) -> JsonValue:
    """A JSON value with its keys sorted: the order a model gave them would tell a judge which version is new."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def turn_kind(turn: Turn) -> TurnKind:
    """What a turn does: user message, call, tool outputs or reply."""
    if turn.role == "user":
        return "user"
    if turn.role == "tool":
        return "outputs"
    return "call" if turn.is_call else "reply"


def turn_view(turn: Turn) -> dict[str, Any]:
    """One turn in full."""
    shown: dict[str, Any] = {"turn": turn.id, "role": turn.role, "sub_task": turn.sub_task}
    if turn.content:
        shown["content"] = turn.content
    if turn.tool_calls:
        shown["tool_calls"] = [{"name": call.name, "arguments": _ordered(call.arguments)} for call in turn.tool_calls]
    if turn.outputs:
        shown["outputs"] = [
            {"name": output.name, "content": _ordered(output.content), "is_error": output.is_error}
            for output in turn.outputs
        ]
    if turn.tools_added:
        shown["tools_added"] = list(turn.tools_added)
    return shown


def masked_view(turn: Turn, *, filled_with: str | None = None) -> dict[str, Any]:
    """A placeholder: the turn's place and kind, nothing of its content.

    Args:
        turn: The masked turn.
        filled_with: For outputs that are simulated again with their call: id of the call turn.
    """
    shown: dict[str, Any] = {"turn": turn.id, "role": turn.role, "sub_task": turn.sub_task, "masked": True}
    shown["kind"] = turn_kind(turn)
    if turn.tool_calls or turn.outputs:
        shown["calls"] = len(turn.tool_calls or turn.outputs)
    if turn.outputs:
        shown["is_error"] = any(output.is_error for output in turn.outputs)
    if turn.origin.injection is not None:
        shown["complication"] = turn.origin.injection.value
    if turn.origin.sub_type is not None:
        shown["sub_type"] = turn.origin.sub_type.value
    if turn.tools_added:
        shown["tools_added"] = list(turn.tools_added)
    return shown if filled_with is None else shown | {"with": filled_with}


def dialogue_view(turns: Iterable[Turn], masked: Mapping[str, str | None] | None = None) -> list[dict[str, Any]]:
    """Turns in order, the masked ones as placeholders.

    Args:
        turns: The turns.
        masked: Ids of masked turns; the value names the call turn that a tool turn is filled with.
    """
    masked = masked or {}
    return [masked_view(turn, filled_with=masked[turn.id]) if turn.id in masked else turn_view(turn) for turn in turns]
