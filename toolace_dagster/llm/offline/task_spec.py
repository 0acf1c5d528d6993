"""The reply to ``task_spec``: scenario, goals and details for a plan.

Belongs here: choosing what the user will say, so that every planned call can be
made. Does not belong here: making the calls (``composer``).
"""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

from toolace_dagster.llm.offline import vocabulary
from toolace_dagster.llm.offline.composer import day_told, steps_of, tools_of
from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.naming import is_identifier, last_word, parts, same_name
from toolace_dagster.llm.offline.phrases import deed, joined
from toolace_dagster.llm.offline.request import Request, ToolView
from toolace_dagster.llm.offline.schedule import Planned, detail_name, lay_out
from toolace_dagster.llm.offline.schema import Schema, fits
from toolace_dagster.llm.offline.shapes import as_object, objects_in
from toolace_dagster.llm.offline.values import EARLIEST, Maker

_STICKY = frozenset(
    "email phone owner repo repository city district farm_name project_name street_address username".split()
)
_CHANGES = frozenset("update edit change modify set adjust".split())
_MOODS = (
    "{who} has a free afternoon and wants to get a few things settled: first to {first}.",
    "{who} promised the family to {first} and would rather not put it off again.",
    "After a long week {who} sits down at last to {first}.",
    "{who} is organising things for the coming weeks and begins by wanting to {first}.",
    "A change of plans means {who} now has to {first}, and more may follow.",
    "{who} is standing in for a colleague who usually does this, and has to {first}.",
    "{who} has been asked to {first} and wants it done before the weekend.",
    "With a deadline coming up, {who} wants to {first}.",
    "{who} was reminded by a note on the fridge to {first}.",
    "Between two appointments {who} tries to {first}.",
)
_GOALS = (
    "{who} wants to {deed}.",
    "The user would like to {deed}.",
    "{who} has to {deed}.",
    "What {who} is after is to {deed}.",
    "{who} hopes to {deed}.",
    "The aim is to {deed}.",
)


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write one task.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    plan = request.object("plan")
    rng = request.stream("content")
    some_day = EARLIEST + dt.timedelta(days=rng.randint(0, 420))
    maker = Maker(rng, day_told(plan.get("today")) or some_day)
    writer = _Writer(maker)
    planned = objects_in(plan.get("sub_tasks")) or [{"tools": list(request.tools)[:1], "steps": 1}]
    sub_tasks = [
        writer.sub_task(tools_of(request, part), steps_of(part), as_object(part.get("use_optional")), rng)
        for part in planned
    ]
    who = maker.person or vocabulary.person(rng)
    first = deed(tools_of(request, planned[0])[0]) if request.tools else "get help"
    scenario = rng.choice(_MOODS).format(who=who, first=first)
    if errors.hit("dropped_sub_task") and len(sub_tasks) > 1:
        del sub_tasks[errors.rng.randrange(len(sub_tasks))]
    if errors.hit("wrong_steps"):
        spoiled = errors.rng.choice(sub_tasks)
        spoiled["steps"] += 1
    if errors.hit("unlisted_tool"):
        spoiled = errors.rng.choice(sub_tasks)
        spoiled["tools"] = [*spoiled["tools"][:-1], spoiled["tools"][-1] + "_info"]
    if errors.hit("dropped_detail") and (stated := [part for part in sub_tasks if part["details"]]):
        details = errors.rng.choice(stated)["details"]
        del details[errors.rng.randrange(len(details))]
    if errors.hit("invalid_detail") and (stated := [part for part in sub_tasks if part["details"]]):
        # Not what any parameter of a plain type takes.
        errors.rng.choice(errors.rng.choice(stated)["details"])["value"] = [["as", "usual"]]
    if errors.hit("tool_in_goal"):
        spoiled = errors.rng.choice(sub_tasks)
        spoiled["goal"] += f" This takes {errors.rng.choice(spoiled['tools'])}."
    return {"scenario": scenario, "sub_tasks": sub_tasks}


class _Writer:
    """Writes sub-tasks one after the other, remembering what is known by then."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.known: dict[str, Any] = {}
        self.called: list[ToolView] = []

    def sub_task(self, tools: list[ToolView], steps: int, asked: dict[str, Any], rng: Random) -> dict[str, Any]:
        details: dict[str, Any] = {}
        layout = lay_out(tools, steps, self.called)
        for step in layout:
            for planned in step:
                self._details(planned, details, asked.get(planned.tool.name), rng)
            self.called += [planned.tool for planned in step]
        self.known.update(details)
        _order_dates(details)
        deeds = list(dict.fromkeys(deed(tool) for tool in tools))
        who = self.maker.person or "The user"
        goal = rng.choice(_GOALS).format(who=who, deed=joined(deeds[:4]).replace(" my ", " their "))
        return {
            "goal": goal,
            "details": [{"name": name, "value": value} for name, value in details.items()],
            "tools": [tool.name for tool in tools],
            "steps": steps,
        }

    def _details(self, planned: Planned, details: dict[str, Any], asked: Any, rng: Random) -> None:
        tool = planned.tool
        changing = planned.changing
        optional = [
            name for name in tool.params if name not in tool.required and not is_identifier(name, tool.params[name])
        ]
        wished = {name for name in optional if rng.random() < 0.28 and planned.repeat == 0}
        wished = set(sorted(wished, key=optional.index)[:2])
        if tool.verb in _CHANGES and optional and not wished and not planned.repeat and len(tool.required) < 2:
            wished = {rng.choice(optional)}
        if asked in tool.params and not planned.repeat:
            wished = {asked, *sorted(wished)[:1]}
        for name, view in tool.params.items():
            needed = name in tool.required
            if not needed and name not in wished and not (planned.repeat and name == changing):
                continue
            if planned.repeat and name != changing:
                continue
            if is_identifier(name, view) and any(earlier.returns(name, view) is not None for earlier in self.called):
                continue
            called = detail_name(name, planned.repeat)
            if called in details and (not planned.repeat) and fits(details[called], view, tool.parameters):
                continue
            anew = name == changing and tool.name in [earlier.name for earlier in self.called]
            if needed and not planned.repeat and not anew and self._remembered(name, view, tool, rng):
                continue
            value = self._value(name, view, tool, needed=needed)
            for _ in range(6):
                if not planned.repeat or value not in [v for k, v in details.items() if k.split(" (")[0] == name]:
                    break
                value = self._value(name, view, tool, needed=needed)
            if called in details:
                called = f"{name} for {tool.noun}"
            details[called] = value

    def _remembered(self, name: str, view: Schema, tool: ToolView, rng: Random) -> bool:
        sticky = is_identifier(name, view) or name in _STICKY or last_word(name) in _STICKY
        if not sticky and not vocabulary.is_person(name, str(view.get("description", ""))):
            return False
        known = next((value for key, value in self.known.items() if same_name(key, name)), None)
        return known is not None and fits(known, view, tool.parameters) and rng.random() < 0.9

    def _value(self, name: str, view: Schema, tool: ToolView, *, needed: bool) -> Any:
        value = self.maker.value(name, view, tool.parameters, tool=tool.description)
        if not needed:
            for _ in range(4):
                if value != view.get("default"):
                    break
                value = self.maker.value(name, view, tool.parameters, tool=tool.description)
            if isinstance(value, bool) and isinstance(view.get("default"), bool):
                value = not view["default"]
        return value


def _order_dates(details: dict[str, Any]) -> None:
    """A range's end does not come before its start."""
    for name, value in details.items():
        if parts(name)[:1] == ("from",) and isinstance(value, str):
            other = next((key for key in details if parts(key) == ("to", *parts(name)[1:])), None)
            if other is not None and isinstance(details[other], str) and details[other] < value:
                details[name], details[other] = details[other], value
                return
