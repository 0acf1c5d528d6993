"""Sub-tasks of a wanted shape over the dependency graph.

==============  =================================================================
chain           each tool takes a result of the one before it
fan_out         a result of one tool is taken by two others or more
fan_in          one tool takes results of two others, for different parameters
neighbours      tools about the same resource, none fed by another
independent     tools about different resources, none fed by another
single          one tool
mixed           none of these: what a tool needs did not allow a shape
==============  =================================================================

Belongs here: growing a shape around given tools, and telling shapes apart. Does
not belong here: which shape and which tools a sub-task begins with (``sampling``).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from toolace_dagster.entities import PlanShape
from toolace_dagster.tool_pool import ToolGraph

_LOOKED_AT = 24
"""Candidates tried at each point, so that a plan costs the same in a large domain."""


def holds(shape: PlanShape, tools: Sequence[str], graph: ToolGraph) -> bool:
    """Whether a sub-task's tools have a shape.

    Args:
        shape: The shape.
        tools: Tools in planned order.
        graph: Graph of their domain.
    """
    pairs = [(one, other) for at, one in enumerate(tools) for other in tools[at + 1 :]]
    fed = any(graph.is_fed(one, other) or graph.is_fed(other, one) for one, other in pairs)
    if shape is PlanShape.SINGLE:
        return len(tools) == 1
    if shape is PlanShape.CHAIN:
        return len(tools) > 1 and all(graph.is_fed(later, earlier) for earlier, later in pairwise(tools))
    if shape is PlanShape.FAN_OUT:
        return any(sum(graph.is_fed(later, hub) for later in tools[at + 1 :]) > 1 for at, hub in enumerate(tools))
    if shape is PlanShape.FAN_IN:
        return any(_meets(sink, tools[:at], graph) for at, sink in enumerate(tools))
    if shape is PlanShape.NEIGHBOURS:
        return len(tools) > 1 and not fed and bool(_shared(tools, graph))
    if shape is PlanShape.INDEPENDENT:
        return len(tools) > 1 and not fed and all(not graph.resources(a) & graph.resources(b) for a, b in pairs)
    return not any(holds(other, tools, graph) for other in PlanShape if other is not PlanShape.MIXED)


def shape_of(tools: Sequence[str], graph: ToolGraph, wanted: PlanShape = PlanShape.MIXED) -> PlanShape:
    """The shape of a sub-task's tools.

    Args:
        tools: Tools in planned order.
        graph: Graph of their domain.
        wanted: The one to tell where tools have several shapes; else it is the first of ``PlanShape`` that they have.
    """
    if holds(wanted, tools, graph):
        return wanted
    return next(shape for shape in PlanShape if holds(shape, tools, graph))


def _shared(tools: Sequence[str], graph: ToolGraph) -> frozenset[str]:
    """The resources that all tools are about."""
    common = graph.resources(tools[0])
    for name in tools[1:]:
        common &= graph.resources(name)
    return common


def _meets(sink: str, before: Sequence[str], graph: ToolGraph) -> bool:
    sources = [found for found in (set(before) & set(s) for s in graph.fed_by[sink].values()) if found]
    return any(len(one | other) > 1 for at, one in enumerate(sources) for other in sources[at + 1 :])


class Anchors:
    """Tools that a shape can begin with, found once for a domain."""

    def __init__(self, graph: ToolGraph) -> None:
        """Look through the graph.

        Args:
            graph: Graph of the domain.
        """
        names = tuple(graph.tools)
        self._by_shape: dict[PlanShape, tuple[str, ...]] = {
            PlanShape.CHAIN: tuple(name for name in names if graph.feeds[name] or graph.fed_by[name]),
            PlanShape.FAN_OUT: tuple(name for name in names if len(graph.feeds[name]) > 1),
            PlanShape.FAN_IN: tuple(name for name in names if len(graph.fed_by[name]) > 1),
            PlanShape.NEIGHBOURS: tuple(
                name for name in names if any(len(graph.by_resource[noun]) > 1 for noun in graph.resources(name))
            ),
            PlanShape.INDEPENDENT: names,
            PlanShape.SINGLE: names,
        }

    def of(self, shape: PlanShape) -> tuple[str, ...]:
        """The tools a shape can begin with, sorted by name."""
        return self._by_shape[shape]


class Grower:
    """Grows sub-tasks of one dialogue."""

    def __init__(self, graph: ToolGraph, rng: random.Random, called: Sequence[str]) -> None:
        """Begin a sub-task.

        Args:
            graph: Graph of the domain.
            rng: Draws.
            called: Tools of earlier sub-tasks.
        """
        self._graph = graph
        self._rng = rng
        self._called = list(called)
        self._ways: dict[PlanShape, Callable[[list[str], int], list[str] | None]] = {
            PlanShape.CHAIN: self._chain,
            PlanShape.FAN_OUT: self._fan_out,
            PlanShape.FAN_IN: self._fan_in,
            PlanShape.NEIGHBOURS: self._neighbours,
            PlanShape.INDEPENDENT: self._independent,
            PlanShape.SINGLE: lambda core, _: core,
        }

    def grow(self, shape: PlanShape, core: Sequence[str], size: int) -> list[str] | None:
        """Add tools to a core until it has a shape and, where possible, a size.

        Args:
            shape: The wanted shape.
            core: Tools that have to be in it, in an order in which they can be called.
            size: Number of tools aimed at; a fan takes one more where it has to.

        Returns:
            Tools in an order in which they can be called, or None when it cannot be.
        """
        grown = self._ways[shape](list(core), size)
        return grown if grown is not None and holds(shape, grown, self._graph) else None

    def some(self, names: Sequence[str], tools: Sequence[str] = (), *, ahead: bool = False) -> list[str]:
        """Some of the named tools that can be called after the given ones, in random order, unused ones first.

        Args:
            names: Candidates.
            tools: The sub-task so far.
            ahead: Whether they are to be called before the sub-task so far.
        """
        if len(names) > _LOOKED_AT:
            names = self._rng.sample(names, _LOOKED_AT)
        able = [name for name in names if self._fits(name, tools, ahead=ahead)]
        followers = self._graph.followers
        # Tools that many others need are called often anyway.
        drawn = {name: self._rng.random() ** (1 + followers[name]) for name in able}
        return sorted(able, key=lambda name: (name in self._called, -drawn[name], name))

    def _fits(self, name: str, tools: Sequence[str], *, ahead: bool = False) -> bool:
        known = self._called if ahead else [*self._called, *tools]
        return (
            name not in tools
            and not self._graph.missing(name, known)
            and not any(self._graph.apart(name, other) for other in tools)
        )

    def _add(self, tools: list[str], names: Sequence[str], least: int, most: int) -> None:
        """Add tools; beyond ``least`` only such as the dialogue has not used yet, so that few calls repeat."""
        added = 0
        for name in self.some(names, tools):
            room = most if name not in self._called else least
            if added < room and self._fits(name, tools):
                tools.append(name)
                added += 1

    def _sources(self, name: str) -> list[str]:
        return sorted({source for sources in self._graph.fed_by[name].values() for source in sources} - {name})

    def _chain(self, tools: list[str], size: int) -> list[str] | None:
        while len(tools) < size:
            following = self.some(self._graph.feeds[tools[-1]], tools)
            if not following or (len(tools) > 1 and following[0] in self._called):
                break
            tools.append(following[0])
        while len(tools) < size:
            leading = self.some(self._sources(tools[0]), tools, ahead=True)
            if not leading or (len(tools) > 1 and leading[0] in self._called):
                break
            tools.insert(0, leading[0])
        return tools

    def _fan_out(self, core: list[str], size: int) -> list[str] | None:
        ahead = self.some(self._sources(core[0]), core, ahead=True)[:4]
        for hub in [*reversed(core), *ahead]:
            tools = list(core) if hub in core else [hub, *core]
            fed = sum(self._graph.is_fed(name, hub) for name in tools)
            self._add(tools, self._graph.feeds[hub], 2 - fed, max(2 - fed, size - len(tools)))
            if holds(PlanShape.FAN_OUT, tools, self._graph):
                return tools
        return None

    def _fan_in(self, core: list[str], size: int) -> list[str] | None:
        tools = list(core)
        sources = self._graph.fed_by[core[-1]]
        for parameter in self._rng.sample(sorted(sources), len(sources)):
            enough = _meets(tools[-1], tools[:-1], self._graph)
            if enough and len(tools) >= size:
                break
            if not set(sources[parameter]) & set(tools):
                found = self.some(sources[parameter], tools, ahead=True)[:1]
                tools[:0] = [name for name in found if not enough or name not in self._called]
        if _meets(tools[-1], tools[:-1], self._graph):
            return tools
        for sink in self._rng.sample(self._graph.feeds[core[-1]], min(6, len(self._graph.feeds[core[-1]]))):
            for names in self._graph.fed_by[sink].values():
                tools = list(core)
                self._add(tools, [name for name in names if name != sink], 1, 1)
                if len(tools) > len(core) and self._fits(sink, tools) and _meets(sink, tools, self._graph):
                    return [*tools, sink]
        return None

    def _neighbours(self, core: list[str], size: int) -> list[str] | None:
        shared = sorted(_shared(core, self._graph))
        for noun in self._rng.sample(shared, len(shared)):
            tools = self._apart(core, self._graph.by_resource[noun], size, lambda _one, _other: True)
            if len(tools) > 1:
                return tools
        return None

    def _independent(self, core: list[str], size: int) -> list[str] | None:
        names = self._graph.names
        resources = self._graph.resources
        return self._apart(core, names, size, lambda one, other: not resources(one) & resources(other))

    def _apart(
        self, core: Iterable[str], names: Sequence[str], size: int, agree: Callable[[str, str], bool]
    ) -> list[str]:
        tools = list(core)
        for name in self.some(names, tools):
            if len(tools) >= (size if name not in self._called else 2):
                break
            fed = any(self._graph.is_fed(name, other) or self._graph.is_fed(other, name) for other in tools)
            if not fed and self._fits(name, tools) and all(agree(name, other) for other in tools):
                tools.append(name)
        return tools
