"""A sub-task's whole exchange: calls, outputs, query and reply that agree with each other.

Belongs here: running planned calls against simulated tools, with the mistakes
that were drawn. Does not belong here: the shape of any reply (task modules).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from toolace_dagster.llm.offline import mistakes
from toolace_dagster.llm.offline.arguments import Filled, Resolver
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.reports import Answered
from toolace_dagster.llm.offline.request import Request, ToolView, seeded
from toolace_dagster.llm.offline.schedule import Planned, lay_out
from toolace_dagster.llm.offline.shapes import as_list, leaves, objects_in
from toolace_dagster.llm.offline.simulation import Simulator
from toolace_dagster.llm.offline.values import EARLIEST, Maker


def _today_from(values: Sequence[Any], fallback: dt.date) -> dt.date:
    """The day a dialogue is thought to happen: shortly before the first coming date somebody mentions."""
    days = sorted(v[:10] for v in values if isinstance(v, str) and re.match(r"^202[6-9]-\d\d-\d\d", v))
    for text in days:
        try:
            return dt.date.fromisoformat(text) - dt.timedelta(days=4)
        except ValueError:
            continue
    return fallback


def day_told(today: Any) -> dt.date | None:
    """The day a prompt says it is, such as ``Friday, 2026-03-06``; None when it says none."""
    found = re.search(r"\d{4}-\d\d-\d\d", today) if isinstance(today, str) else None
    try:
        return dt.date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def maker_for(task: dict[str, Any], rng: Random) -> Maker:
    """Values for a dialogue: its day and its user follow from the task, so that every request sees the same."""
    values = [
        value
        for sub_task in objects_in(task.get("sub_tasks"))
        for detail in objects_in(sub_task.get("details"))
        for _, value in leaves(detail.get("value"))
    ]
    told = day_told(task.get("today"))
    if told is not None:
        return Maker(rng, told)
    fixed = seeded(str(task.get("scenario")), str(task.get("persona")))
    return Maker(rng, _today_from(values, EARLIEST + dt.timedelta(days=fixed.randint(0, 300))))


def tools_of(request: Request, sub_task: dict[str, Any]) -> list[ToolView]:
    """The tools of a sub-task that the prompt defines."""
    listed = sub_task.get("tools")
    found = (
        [request.tools[name] for name in as_list(listed) if isinstance(name, str) and name in request.tools]
        if isinstance(listed, list)
        else []
    )
    return found or list(request.tools.values())[:1]


def steps_of(sub_task: dict[str, Any]) -> int:
    """Number of steps of a sub-task, at least one."""
    steps = sub_task.get("steps")
    return steps if isinstance(steps, int) and steps > 0 else 1


class Exchange:
    """The calls and outputs of one sub-task as they come about.

    Args:
        request: The request.
        task: The task.
        sub_task: The sub-task.
        memory: The past.
        said: The user's message, when it is already written.
    """

    def __init__(
        self, request: Request, task: dict[str, Any], sub_task: dict[str, Any], memory: Memory, said: str = ""
    ) -> None:
        self.request = request
        self.maker = maker_for(task, request.stream(f"values/{sub_task.get('index')}"))
        self.memory = memory
        self.resolver = Resolver(task, sub_task, memory, self.maker, said)
        self.simulator = Simulator(memory, self.maker)
        self.index = sub_task.get("index") if isinstance(sub_task.get("index"), int) else 0
        before = [
            tool
            for part in objects_in(task.get("sub_tasks"))
            if (part.get("index") or 0) < (self.index or 0)
            for tool in tools_of(request, part)
        ]
        self.layout = lay_out(tools_of(request, sub_task), steps_of(sub_task), before)
        self.answers: list[Answered] = []

    def run(self, planned: list[Planned], errors: list[str], rng: Random) -> tuple[list[Filled], list[dict[str, Any]]]:
        """Make the calls of one step, with mistakes where drawn, and simulate their outputs.

        Args:
            planned: The step's calls.
            errors: Mistakes still to be made; those made are taken out.
            rng: Source of choices for mistakes.

        Returns:
            The calls and one output each.
        """
        filled: list[Filled] = []
        for call in planned:
            made = self.resolver.fill(call, [*self.memory.calls, *((f.tool.name, f.arguments) for f in filled)])
            filled.append(made)
        outputs: list[dict[str, Any]] = []
        for made in filled:
            for kind in list(errors):
                if mistakes.spoil_call(kind, made, self.maker, rng):
                    errors.remove(kind)
            outputs.append({"content": self.output(made), "is_error": False})
        for made in filled:
            self.memory.calls.append((made.tool.name, made.arguments))
        return filled, outputs

    def output(self, filled: Filled, planted: dict[str, list[Any]] | None = None) -> Any:
        """Simulate the output of a call and remember it."""
        items = max(self.items_wanted(filled.tool), *(len(values) for values in (planted or {}).values()), 0)
        content = self.simulator.answer(filled.tool, filled.arguments, items=items, planted=planted)
        self.note(filled.tool, filled.tool.name, filled.arguments, content)
        return content

    def note(self, tool: ToolView | None, name: str, arguments: dict[str, Any], content: Any) -> None:
        """Remember a call's answer for later calls and for the reply."""
        self.memory.add_output(name, arguments, content, self.index or 0)
        self.answers.append((tool, name, arguments, content))

    def items_wanted(self, tool: ToolView) -> int:
        """Least number of list items a tool must return, so that repeated calls have one each."""
        most = 1
        for step in self.layout:
            for planned in step:
                name = planned.changing
                if name is not None and tool.returns(name, planned.tool.params[name]) is not None:
                    most = max(most, planned.repeat + 1)
        return most
