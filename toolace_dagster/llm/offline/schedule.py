"""Which tool is called in which step.

Belongs here: laying a sub-task's tools over its steps, and which parameter
changes when a tool is called again. No choice here is random: the task spec
and the sub-trajectory, written in separate requests, must arrive at the same.
Does not belong here: argument values.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from toolace_dagster.llm.offline import vocabulary
from toolace_dagster.llm.offline.naming import is_identifier, last_word
from toolace_dagster.llm.offline.request import ToolView

_LIST_ITEMS = 3
"""Calls that one list is sure to feed."""


@dataclass(frozen=True)
class Planned:
    """One planned call.

    Attributes:
        tool: The tool.
        repeat: How many times it was planned before in this sub-task.
        changing: The parameter whose value differs from call to call.
    """

    tool: ToolView
    repeat: int = 0
    changing: str | None = None


def lay_out(tools: list[ToolView], steps: int, before: list[ToolView] | None = None) -> list[list[Planned]]:
    """Lay tools over steps.

    Args:
        tools: The sub-task's tools in planned order.
        steps: Number of steps.
        before: Tools of earlier sub-tasks.

    Returns:
        One list of calls per step. More steps than tools: a tool is called again
        right after itself. Fewer: neighbours that need nothing of each other share a step.
    """
    if not tools:
        return []
    earlier = before or []
    changing = [varying(tool, [*earlier, *tools[:at]]) for at, tool in enumerate(tools)]
    if steps >= len(tools):
        again = _repeats(tools, changing, earlier, steps - len(tools))
        return [[Planned(tool, turn, changing[at])] for at, tool in enumerate(tools) for turn in range(1 + again[at])]
    groups: list[list[ToolView]] = [[tool] for tool in tools]
    while len(groups) > max(1, steps):
        cost = [_dependent(left, right) * 10 + len(left) + len(right) for left, right in pairwise(groups)]
        at = cost.index(min(cost))
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
    seen: dict[str, int] = {}
    laid: list[list[Planned]] = []
    for group in groups:
        step: list[Planned] = []
        for tool in group:
            step.append(Planned(tool, seen.get(tool.name, 0), changing[tools.index(tool)]))
            seen[tool.name] = seen.get(tool.name, 0) + 1
        laid.append(step)
    return laid


def varying(tool: ToolView, before: list[ToolView]) -> str | None:
    """The parameter that differs when a tool is called again in a sub-task.

    Args:
        tool: The tool.
        before: Tools planned before it.

    Returns:
        A required identifier if an earlier tool lists several or none returns it, else the required (or
        failing that optional) parameter that is most about what is asked; None when there is none.
    """
    ranked = sorted(tool.params, key=lambda name: _rank(tool, name))
    for name in ranked:
        view = tool.params[name]
        if not is_identifier(name, view):
            return name
        found = [leaf for earlier in before if (leaf := earlier.returns(name, view)) is not None]
        if name in tool.required and (not found or any(leaf.listed for leaf in found)):
            return name
    return None


def detail_name(parameter: str, repeat: int) -> str:
    """Name of the detail that holds a parameter's value in a repeated call."""
    return parameter if repeat == 0 else f"{parameter} ({repeat + 1})"


def _rank(tool: ToolView, name: str) -> tuple[bool, int, int]:
    view = tool.params[name]
    order = 1
    if is_identifier(name, view):
        order = 0
    elif (last_word(name) in ("owner", "repo", "email", "phone")) or vocabulary.is_person(
        name, str(view.get("description", ""))
    ):
        order = 5
    elif view["type"] == "boolean":
        order = 4
    elif view["type"] == "object":
        order = 3
    return name not in tool.required, order, list(tool.params).index(name)


def _repeats(tools: list[ToolView], changing: list[str | None], before: list[ToolView], extra: int) -> list[int]:
    counts = [0] * len(tools)
    able = [at for at, name in enumerate(changing) if name is not None]
    wanted = [at for at in able if tools[at].looks_up]
    fed = [at for at in wanted if _fed_by_list(tools[at], changing[at], [*before, *tools[:at]])]
    order = fed or wanted or able or list(range(len(tools)))
    for number in range(extra):
        if order is fed and all(counts[at] >= _LIST_ITEMS - 1 for at in order):
            order = [at for at in wanted if at not in fed] or [at for at in able if at not in fed] or order
        counts[order[number % len(order)]] += 1
    return counts


def _fed_by_list(tool: ToolView, name: str | None, before: list[ToolView]) -> bool:
    if name is None or not is_identifier(name, tool.params[name]):
        return False
    return any((leaf := earlier.returns(name, tool.params[name])) is not None and leaf.listed for earlier in before)


def _dependent(left: list[ToolView], right: list[ToolView]) -> bool:
    return any(
        before.returns(name, after.params[name]) is not None
        for after in right
        for name in after.required
        if name in after.params and is_identifier(name, after.params[name])
        for before in left
    )
