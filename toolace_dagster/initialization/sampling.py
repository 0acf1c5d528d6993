"""Sampling of task plans: numbers, tools, distractors, persona and injections.

All of a plan is fixed before a model is asked (paper, stage 1.1: the number of
sub-tasks is fixed per instance in advance). The paper does not say how tools are
drawn. We draw along the links of the pool (a result that feeds a parameter), so
that a sub-task is a chain that can be carried out, and rotate the first tool
through the domain, so that rare tools are used.

Belongs here: drawing a plan. Does not belong here: finding links
(``tool_pool.dependencies``), or writing the task (``task_initialization``).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from toolace_dagster.entities import InjectionType, Slot, SubTaskPlan, TaskPlan, Tool
from toolace_dagster.entities.randomness import generator
from toolace_dagster.initialization.personas import PERSONAS
from toolace_dagster.settings import Range, Settings
from toolace_dagster.tool_pool.dependencies import Link
from toolace_dagster.tool_pool.identifiers import identifier_parameters


def sample_plan(slot: Slot, tools: Sequence[Tool], links: Sequence[Link], settings: Settings) -> TaskPlan:
    """Draw the plan of one dialogue.

    Args:
        slot: The place to fill; it seeds all draws.
        tools: Tools of the domain, at least one.
        links: Which result feeds which parameter.
        settings: Ranges of sub-tasks, steps, injections and distractors.

    Returns:
        The plan.

    Raises:
        ValueError: If the domain has no tool.
    """
    if not tools:
        raise ValueError(f"domain {slot.domain} has no usable tool")
    rng = generator("task_plan", slot)
    chains = _Chains(tools, links, rng)
    sub_tasks: list[SubTaskPlan] = []
    for index in range(_draw(rng, settings.sub_tasks)):
        steps = min(_draw(rng, settings.steps), 2 * len(tools))
        # Between half as many tools as steps and as many: a tool is called once or twice, so that few calls repeat.
        length = rng.randint(-(-steps // 2), steps)
        sub_tasks.append(SubTaskPlan(tools=chains.draw(length, first=slot.number + index), steps=steps))
    needed = {name for sub_task in sub_tasks for name in sub_task.tools}
    others = [tool.name for tool in tools if tool.name not in needed]
    distractors = rng.sample(others, min(_draw(rng, settings.distractors), len(others)))
    return TaskPlan(
        slot=slot,
        sub_tasks=tuple(sub_tasks),
        distractors=tuple(distractors),
        persona=rng.choice(PERSONAS),
        injections=_injections(rng, settings.injections),
    )


def offered_tools(plan: TaskPlan) -> tuple[str, ...]:
    """Needed tools and distractors, shuffled so that position gives nothing away."""
    names = [*plan.needed_tools, *plan.distractors]
    generator("offered_tools", plan.slot).shuffle(names)
    return tuple(names)


class _Chains:
    """Draws chains of tools in which each identifier a call needs was returned before."""

    def __init__(self, tools: Sequence[Tool], links: Sequence[Link], rng: random.Random) -> None:
        self._tools = sorted(tools, key=lambda tool: tool.name)
        self._rng = rng
        self._used: list[str] = []
        self._producers: dict[tuple[str, str], set[str]] = {}
        for link in links:
            self._producers.setdefault((link.consumer, link.parameter), set()).add(link.producer)

    def draw(self, length: int, first: int) -> tuple[str, ...]:
        chain: list[str] = []
        while len(chain) < length:
            fitting = [tool for tool in self._tools if tool.name not in chain and self._can_follow(tool, chain)]
            if not fitting:
                break
            if chain:
                fed = [tool for tool in fitting if self._is_fed_by(tool, chain)]
                tool = self._rng.choice(fed if fed and self._rng.random() < 0.8 else fitting)
            else:
                fresh = [tool for tool in fitting if tool.name not in self._used] or fitting
                tool = fresh[first % len(fresh)]
            chain.append(tool.name)
            self._used.append(tool.name)
        if chain:
            return tuple(chain)
        # Every tool needs an identifier that no tool of the pool returns: then the user brings it.
        return (self._tools[first % len(self._tools)].name,)

    def _can_follow(self, tool: Tool, chain: Sequence[str]) -> bool:
        """Whether each identifier the tool requires was returned before, or can be returned by no tool at all."""
        earlier = {*self._used, *chain}
        for name in identifier_parameters(tool):
            producers = self._producers.get((tool.name, name), set()) - {tool.name}
            if name in tool.required and producers and not producers & earlier:
                return False
        return True

    def _is_fed_by(self, tool: Tool, chain: Sequence[str]) -> bool:
        return any(self._producers.get((tool.name, name), set()) & set(chain) for name in tool.properties)


def _draw(rng: random.Random, bounds: Range) -> int:
    return rng.randint(bounds.low, bounds.high)


def _injections(rng: random.Random, bounds: Range) -> tuple[InjectionType, ...]:
    """Distinct kinds first; a kind recurs only when more are wanted than there are kinds."""
    kinds: list[InjectionType] = []
    for _ in range(_draw(rng, bounds)):
        unused = [kind for kind in InjectionType if kind not in kinds]
        kinds.append(rng.choice(unused or list(InjectionType)))
    return tuple(kinds)
