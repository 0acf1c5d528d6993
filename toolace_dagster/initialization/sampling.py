"""Sampling of task plans: numbers, shapes, tools, distractors, user and injections.

All of a plan is fixed before a model is asked (paper, stage 1.1: the number of
sub-tasks is fixed per instance in advance). The paper does not say how tools are
drawn. We draw sub-tasks of wanted shapes over the dependency graph, so that each
can be carried out, and give each dialogue a tool it has to use, by turns. A plan
follows from seed, domain and slot alone.

Belongs here: drawing a plan. Does not belong here: growing a shape (``shapes``),
turns and shares (``coverage``), or writing the task (``task_initialization``).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

from toolace_dagster.entities import PlanShape, Slot, SubTaskPlan, Taken, TaskPlan, Tool
from toolace_dagster.entities.randomness import generator
from toolace_dagster.initialization.complexity import draw_injections, draw_sub_types
from toolace_dagster.initialization.coverage import Turns, share_of, take_turns
from toolace_dagster.initialization.distractors import Distractors
from toolace_dagster.initialization.personas import draw_user
from toolace_dagster.initialization.shapes import Anchors, Grower, shape_of
from toolace_dagster.settings import Range, Settings
from toolace_dagster.tool_pool import Link, ToolGraph

_DEEPEST = 24
"""Calls that are planned only because a later one needs them; beyond, the user brings the identifier."""

_REPEATS = 2
"""Times a tool may be called again in a sub-task for further entries of a list."""

_OPTIONS = 2
"""Optional parameters a sub-task is asked to use, at most."""


def offered_tools(plan: TaskPlan) -> tuple[str, ...]:
    """Needed tools and distractors, shuffled so that position gives nothing away."""
    names = [*plan.needed_tools, *plan.distractors]
    generator("offered_tools", plan.slot).shuffle(names)
    return tuple(names)


class PlanSampler:
    """Draws the plans of one domain; what depends on the domain alone is worked out once."""

    def __init__(
        self, tools: Sequence[Tool], links: Sequence[Link], settings: Settings, borrowed: Sequence[Tool] = ()
    ) -> None:
        """Set up the draws.

        Args:
            tools: Tools of the domain, at least one.
            links: Which result feeds which parameter.
            settings: Ranges of sub-tasks, steps, injections and distractors; weights of shapes and distractors.
            borrowed: Tools of other domains that may be offered as distractors.

        Raises:
            ValueError: If the domain has no tool.
        """
        if not tools:
            raise ValueError("a domain without a usable tool has no plans")
        self._settings = settings
        self._graph = ToolGraph(tools, links)
        self._turns = Turns(self._graph.names)
        self._anchors = Anchors(self._graph)
        self._distractors = Distractors(tools, borrowed, settings.distractor_mix)

    @property
    def graph(self) -> ToolGraph:
        """The graph that plans are drawn over."""
        return self._graph

    def plan(self, slot: Slot) -> TaskPlan:
        """Draw the plan of one dialogue.

        Args:
            slot: The place to fill; it seeds all draws.

        Returns:
            The plan; the same whenever and in whatever order plans are drawn.
        """
        settings = self._settings
        rng = generator("task_plan", slot)
        draft = _Draft(self._graph, self._anchors, settings, rng)
        lead = self._turns.lead(slot)
        count = _draw(rng, settings.sub_tasks)
        sub_tasks: list[SubTaskPlan] = []
        arranged: set[str] = set()
        for index in range(count):
            steps = _draw(rng, settings.steps)
            place = slot.number * settings.sub_tasks.high + index
            wanted = PlanShape.SINGLE
            if steps > 1:
                wanted = share_of(settings.plan_shapes, place, "shapes", slot.seed, slot.domain)
            tools, steps = draft.sub_task(wanted, steps, lead, left=count - index)
            # A stream of its own: whether calls are parallel changes nothing else of a plan.
            if generator("parallel", slot, index).random() < settings.parallel_share:
                steps = draft.fewer_steps(tools, steps)
            passes = any(self._graph.awaits(name, earlier) for name in tools for earlier in arranged)
            # What was arranged before has happened by then.
            arranged = {*tools} if passes else {*arranged, *tools}
            sub_tasks.append(
                SubTaskPlan(
                    tools=tuple(tools),
                    steps=steps,
                    shape=shape_of(tools, self._graph, wanted),
                    wanted=wanted,
                    options=self._options(tools, lead, slot, rng, draft.called),
                    from_user=self._from_user(tools, draft.called),
                    takes=self._takes(tools, sub_tasks),
                    again=draft.again(tools) if steps > len(tools) else (),
                    time_passes=passes,
                )
            )
            draft.called += tools
        needed = dict.fromkeys(name for sub_task in sub_tasks for name in sub_task.tools)
        number = _draw(rng, settings.distractors)
        user = draw_user(slot, settings)
        distractors = self._distractors.draw(slot, needed, number, settings.distractors.low, rng)
        injections = draw_injections(rng, settings, _draw(rng, settings.injections), count)
        return TaskPlan(
            slot=slot,
            sub_tasks=tuple(sub_tasks),
            distractors=tuple(distractor.name for distractor in distractors),
            distractor_kinds=tuple(distractor.kind for distractor in distractors),
            persona=user.persona,
            manner=user.manner,
            language=user.language,
            today=user.today,
            injections=injections,
            sub_types=draw_sub_types(generator("sub_types", slot), settings, injections),
        )

    def _options(
        self, tools: Sequence[str], lead: str, slot: Slot, rng: random.Random, called: Sequence[str]
    ) -> dict[str, str]:
        """Optional parameters to use: the lead's by turns, sometimes another tool's."""
        chosen: dict[str, str] = {}
        for name in sorted(tools, key=lambda name: name != lead):
            chance = rng.random()
            tool = self._graph.tools[name]
            known = {*called, *tools[: list(tools).index(name)]}
            able = [
                parameter
                for parameter in sorted(tool.properties.keys() - tool.required)
                if parameter not in self._graph.identifiers[name]
                or known & set(self._graph.fed_by[name].get(parameter, ()))
            ]
            if not able or name in called or len(chosen) >= _OPTIONS:
                continue
            if name == lead:
                chosen[name] = take_turns(able, tool, self._turns.round(slot))
            elif chance < 0.25:
                chosen[name] = rng.choice(able)
        return chosen

    def _from_user(self, tools: Sequence[str], called: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Required identifiers that no earlier call hands out."""
        found: dict[str, tuple[str, ...]] = {}
        for at, name in enumerate(tools):
            missing = self._graph.missing(name, [*called, *tools[:at]])
            brought = {*self._graph.from_user[name], *missing}
            if brought:
                found[name] = tuple(sorted(brought))
        return found

    def _takes(self, tools: Sequence[str], earlier: Sequence[SubTaskPlan]) -> tuple[Taken, ...]:
        """Required identifiers that an earlier sub-task's results hold, the latest of them, and nothing nearer."""
        found: list[Taken] = []
        for at, name in enumerate(tools):
            for parameter, sources in sorted(self._graph.needs[name].items()):
                if sources & set(tools[:at]):
                    continue
                for index in reversed(range(len(earlier))):
                    source = next((tool for tool in reversed(earlier[index].tools) if tool in sources), None)
                    if source is not None:
                        found.append(Taken(tool=name, parameter=parameter, source=source, sub_task=index))
                        break
        return tuple(found)


class _Draft:
    """The tools of one plan in the making."""

    def __init__(self, graph: ToolGraph, anchors: Anchors, settings: Settings, rng: random.Random) -> None:
        self.called: list[str] = []
        self._graph = graph
        self._anchors = anchors
        self._settings = settings
        self._rng = rng

    def sub_task(self, wanted: PlanShape, steps: int, lead: str, left: int) -> tuple[list[str], int]:
        """Draw the tools of the next sub-task, and how many steps they take.

        Args:
            wanted: The shape its turn asks for.
            steps: The number of steps drawn.
            lead: The tool the dialogue has to use.
            left: Sub-tasks that are still to be drawn, this one among them.
        """
        rng = self._rng
        grower = Grower(self._graph, rng, self.called)
        size = 1 if wanted is PlanShape.SINGLE else rng.randint(max(2, -(-steps // 2)), steps)
        tools: list[str] | None = None
        if lead not in self.called:
            parts = self._parts(lead, left)
            must = len(parts) >= left
            if must or rng.random() < 1 / (left - len(parts) + 1):
                tools = self._around(grower, parts[0], wanted, size, steps, must=must)
        if tools is None:
            tools = self._freely(grower, wanted, size, steps)
        return tools, self._steps(tools, steps)

    def _around(
        self, grower: Grower, core: list[str], wanted: PlanShape, size: int, steps: int, *, must: bool
    ) -> list[str] | None:
        """A sub-task around given tools; of the wanted shape or, if it must be, of any."""
        most = self._settings.steps.high if must else steps
        for shape in self._shapes(wanted) if must else [wanted]:
            tools = grower.grow(shape, core, max(size, len(core)))
            if tools is not None and self._depth(tools) <= most:
                return tools
        return list(core) if must else None

    def _freely(self, grower: Grower, wanted: PlanShape, size: int, steps: int) -> list[str]:
        """A sub-task around whatever tools allow the wanted shape, or failing that another one."""
        for shape in self._shapes(wanted):
            for anchor in self._candidates(shape):
                parts = self._parts(anchor, left=_DEEPEST)
                if len(parts) > 1 or len(parts[0]) > max(size, 1):
                    continue
                tools = grower.grow(shape, parts[0], size)
                if tools is not None and self._depth(tools) <= steps:
                    return tools
        # Some tool needs no other; the first in the order of needs is one.
        able = [name for name, rank in self._graph.rank.items() if rank == 0]
        return grower.some(able)[:1] or able

    def _shapes(self, wanted: PlanShape) -> list[PlanShape]:
        """The wanted shape, then the others, likelier ones first, then a single tool."""
        weights: Mapping[PlanShape, float] = self._settings.plan_shapes
        rest = [shape for shape, weight in weights.items() if weight > 0 and shape is not wanted]
        rest.sort(key=lambda shape: (-self._rng.random() * weights[shape], shape))
        shapes = [wanted, *rest] if wanted is not PlanShape.SINGLE else [wanted]
        return [*shapes, *({PlanShape.SINGLE} - {wanted})]

    def _candidates(self, shape: PlanShape) -> list[str]:
        """Tools to begin with: mostly what goes on from earlier results, so that the sub-tasks make one story."""
        following = sorted({name for tool in self.called for name in self._graph.feeds[tool]} - {*self.called})
        able = self._anchors.of(shape)
        able = self._rng.sample(able, min(len(able), 10))
        following = self._rng.sample(following, min(len(following), 4))
        able.sort(key=lambda name: name in self.called)
        first, second = (following, able) if self._rng.random() < 0.6 else (able, following)
        return list(dict.fromkeys([*first, *second]))

    def _parts(self, name: str, left: int) -> list[list[str]]:
        """A tool after those it needs, cut into sub-tasks where one would undo or await another, or steps get many."""
        ordered: list[str] = []
        self._gather(name, ordered, set(), depth=0)
        parts: list[list[str]] = [[]]
        for tool in ordered:
            longer = [*parts[-1], tool]
            apart = any(self._graph.apart(tool, other) for other in parts[-1])
            if apart or self._depth(longer) > self._settings.steps.high:
                parts.append([tool])
            else:
                parts[-1] = longer
        return parts[-left:]

    def _gather(self, name: str, ordered: list[str], met: set[str], depth: int) -> None:
        met.add(name)
        missing = self._graph.missing(name, [*self.called, *ordered]) if depth < _DEEPEST else {}
        for parameter in sorted(missing):
            if missing[parameter] & {*self.called, *ordered}:
                continue
            rank = self._graph.rank
            able = sorted(s for s in missing[parameter] if rank[s] < rank[name] and s not in met)
            if able and len(ordered) < _DEEPEST:
                costs = {source: len(self._graph.missing(source, [*self.called, *ordered])) for source in able}
                cheapest = min(costs.values())
                source = self._rng.choice([source for source in able if costs[source] == cheapest])
                self._gather(source, ordered, met, depth + 1)
        ordered.append(name)

    def _depth(self, tools: Sequence[str]) -> int:
        """Steps that tools take at least: a call that needs another's result cannot share its step."""
        level: dict[str, int] = {}
        for at, name in enumerate(tools):
            waits = [level[other] for other in tools[:at] if self._graph.is_fed(name, other)]
            level[name] = 1 + max(waits, default=0)
        return max(level.values(), default=0)

    def _steps(self, tools: Sequence[str], steps: int) -> int:
        """The number of steps drawn, as far as these tools fill it without calling one again for no reason."""
        again = [_REPEATS if self._is_for_each(name, tools[:at]) else 1 for at, name in enumerate(tools)]
        worth = [times for name, times in zip(tools, again, strict=True) if name in self.again(tools)]
        most = min(len(tools) + sum(worth), self._settings.steps.high)
        return max(self._settings.steps.low, self._depth(tools), min(steps, most))

    def fewer_steps(self, tools: Sequence[str], steps: int) -> int:
        """Steps with which two neighbouring tools that don't need each other's results share one.

        That takes fewer steps than tools, so a tool that was to be called a second time is called once.
        """
        fewer = len(tools) - 1
        if not fewer < steps <= fewer + 2 or fewer < max(self._settings.steps.low, self._depth(tools)):
            return steps
        return fewer if any(not self._graph.is_fed(later, earlier) for earlier, later in pairwise(tools)) else steps

    def again(self, tools: Sequence[str]) -> tuple[str, ...]:
        """Those of a sub-task's tools that are worth calling more than once."""
        return tuple(name for at, name in enumerate(tools) if self._is_worth_repeating(name, tools[:at]))

    def _is_worth_repeating(self, name: str, before: Sequence[str]) -> bool:
        """Whether a second call of a tool finds out something else, or is for another entry of a list.

        A look-up that takes nothing but what single earlier results hold would find the same again, unless their
        tools were called a second time too.
        """
        if self._is_for_each(name, before):
            return True
        tool = self._graph.tools[name]
        held = {*self.called, *before}
        given = {parameter for parameter, sources in self._graph.needs[name].items() if sources & held}
        return self._graph.looks_up(name) and bool(tool.properties.keys() - given)

    def _is_for_each(self, name: str, before: Sequence[str]) -> bool:
        """Whether a list that was returned holds several things that a tool can be called for."""
        return any(self._graph.is_fed_list(name, source) for source in {*self.called, *before})


def _draw(rng: random.Random, bounds: Range) -> int:
    if not bounds.weights:
        return rng.randint(bounds.low, bounds.high)
    numbers = sorted(bounds.weights)
    return rng.choices(numbers, [bounds.weights[number] for number in numbers])[0]
