"""The dependency graph of a domain's tools: what can be called when, and what goes with what.

Belongs here: questions about tools and links that a sampler asks. Does not belong
here: finding links (``dependencies``) and drawing plans (``initialization``).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from toolace_dagster.entities import Tool
from toolace_dagster.tool_pool.dependencies import FEEDS, SURE, Link, producers_of
from toolace_dagster.tool_pool.identifiers import identifier_parameters, noun_of, said_noun, single
from toolace_dagster.tool_pool.naming import (
    are_opposites,
    arranges,
    looks_up,
    nouns_of,
    tells_outcome,
    undoes,
    verb_of,
)


class ToolGraph:
    """Tools of one domain and the links between them.

    Attributes:
        tools: The tools by name, sorted.
        needs: For each tool the required identifiers that some tool hands out, with these tools.
        from_user: For each tool the required identifiers that only the user can bring: no tool hands them out, or
            only tools that themselves wait on this one.
        rank: Position in an order in which each tool comes after one that hands out what it needs.
        identifiers: For each tool the parameters that look like identifiers.
        feeds: For each tool the tools that can take a value of its result.
        fed_by: For each tool and parameter, the tools whose results can fill it.
    """

    def __init__(self, tools: Sequence[Tool], links: Iterable[Link]) -> None:
        """Build the graph.

        Args:
            tools: Tools of one domain.
            links: Result of ``find_links`` on them.
        """
        self.tools = {tool.name: tool for tool in sorted(tools, key=lambda tool: tool.name)}
        sure: dict[tuple[str, str], set[str]] = defaultdict(set)
        fed: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in self.tools}
        feeds: dict[str, set[str]] = {name: set() for name in self.tools}
        self._lists: set[tuple[str, str]] = set()
        for link in links:
            if link.confidence < FEEDS:
                continue
            fed[link.consumer][link.parameter].add(link.producer)
            feeds[link.producer].add(link.consumer)
            if "[]" in link.result_path:
                self._lists.add((link.producer, link.consumer))
            if link.confidence >= SURE:
                sure[link.consumer, link.parameter].add(link.producer)
        self.fed_by = {
            name: {parameter: tuple(sorted(sources)) for parameter, sources in found.items()}
            for name, found in fed.items()
        }
        self.feeds = {name: tuple(sorted(found)) for name, found in feeds.items()}
        self.identifiers: dict[str, tuple[str, ...]] = {}
        self.needs: dict[str, dict[str, frozenset[str]]] = {}
        self.from_user: dict[str, frozenset[str]] = {}
        for name, tool in self.tools.items():
            self.identifiers[name] = identifier_parameters(tool)
            asked = [parameter for parameter in self.identifiers[name] if parameter in tool.required]
            self.needs[name] = {p: frozenset(sure[name, p]) for p in asked if sure.get((name, p))}
            self.from_user[name] = frozenset(p for p in asked if not sure.get((name, p)))
        self.rank = self._ordered()

    def _ordered(self) -> dict[str, int]:
        """Order the tools; where tools wait on each other, the user brings what the first of them needs."""
        waiting = {name: set(needs) for name, needs in self.needs.items()}
        askers: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name, needs in self.needs.items():
            for parameter, sources in needs.items():
                for source in sources:
                    askers[source].append((name, parameter))
        rank: dict[str, int] = {}
        ready = deque(name for name, needs in waiting.items() if not needs)
        stuck = deque(sorted(waiting, key=lambda name: (len(waiting[name]), name)))
        while len(rank) < len(waiting):
            if not ready:
                name = next(name for name in iter(stuck.popleft, None) if name not in rank)
                self.from_user[name] |= waiting[name]
                self.needs[name] = {p: s for p, s in self.needs[name].items() if p not in waiting[name]}
                waiting[name] = set()
                ready.append(name)
            name = ready.popleft()
            if name in rank:
                continue
            rank[name] = len(rank)
            for asker, parameter in askers[name]:
                open_needs = waiting[asker]
                if parameter in open_needs:
                    open_needs.discard(parameter)
                    if not open_needs:
                        ready.append(asker)
        return rank

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the tools, sorted."""
        return tuple(self.tools)

    @cached_property
    def followers(self) -> dict[str, int]:
        """How many tools need each tool first: those tools are called often without being asked for."""
        counts = dict.fromkeys(self.tools, 0)
        for needs in self.needs.values():
            for source in {source for sources in needs.values() for source in sources}:
                counts[source] += 1
        return counts

    def missing(self, name: str, called: Collection[str]) -> dict[str, frozenset[str]]:
        """Required identifiers that no called tool has handed out, with the tools that could.

        Args:
            name: A tool.
            called: Tools called before it.
        """
        return {p: sources for p, sources in self.needs[name].items() if not any(tool in sources for tool in called)}

    def is_fed(self, name: str, source: str) -> bool:
        """Whether a result of ``source`` can fill a parameter of a tool."""
        return name in self._feeding[source]

    @cached_property
    def _feeding(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(found) for name, found in self.feeds.items()}

    def is_fed_list(self, name: str, source: str) -> bool:
        """Whether a list in the result of ``source`` can feed several calls of a tool."""
        return (source, name) in self._lists

    def looks_up(self, name: str) -> bool:
        """Whether a tool only finds something out."""
        return looks_up(self.tools[name])

    def resources(self, name: str) -> frozenset[str]:
        """What a tool is about: nouns of its name and of its identifiers."""
        found = self._resources.get(name)
        if found is None:
            tool = self.tools[name]
            nouns = set(nouns_of(tool)[-1:])
            for parameter in self.identifiers[name]:
                inner, schema = single(parameter, tool.properties[parameter])
                nouns.add(noun_of(inner) or said_noun(schema))
            found = self._resources[name] = frozenset(noun for noun in nouns if noun)
        return found

    @cached_property
    def _resources(self) -> dict[str, frozenset[str]]:
        return {}

    @cached_property
    def by_resource(self) -> dict[str, tuple[str, ...]]:
        """The tools about each resource."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.tools:
            for noun in self.resources(name):
                found[noun].append(name)
        return {noun: tuple(names) for noun, names in found.items()}

    def undoes(self, first: str, second: str) -> bool:
        """Whether one of two tools takes back what the other does to the same thing.

        Args:
            first: A tool.
            second: Another one, called in the same sub-task.
        """
        return self._takes_back(first, second) or self._takes_back(second, first)

    def _takes_back(self, taking: str, doing: str) -> bool:
        later, earlier = self.tools[taking], self.tools[doing]
        verbs = verb_of(later), verb_of(earlier)
        opposite = are_opposites(*verbs)
        if not opposite and not (undoes(verbs[0]) and not looks_up(earlier)):
            return False
        shared = set(nouns_of(later)) & set(nouns_of(earlier))
        if nouns_of(later)[-1:] == nouns_of(earlier)[-1:] or len(shared) > 1 or doing in self.needs_any(taking):
            return True
        return opposite and bool(shared)

    def awaits(self, name: str, earlier: str) -> bool:
        """Whether a tool is about what came of that which an earlier one only arranged: a report of a booked visit.

        Between the two calls time has to pass.
        """
        if earlier not in self._arranging or name not in self._outcomes or name == earlier:
            return False
        same = set(self.identifiers[name]) & set(self.identifiers[earlier])
        return self.is_fed(name, earlier) or bool(same & self.tools[name].required)

    @cached_property
    def _arranging(self) -> frozenset[str]:
        return frozenset(name for name, tool in self.tools.items() if arranges(tool))

    @cached_property
    def _outcomes(self) -> frozenset[str]:
        return frozenset(name for name, tool in self.tools.items() if tells_outcome(tool))

    def apart(self, first: str, second: str) -> bool:
        """Whether two tools don't belong into one sub-task: one takes back what the other does, or awaits it."""
        return self.undoes(first, second) or self.awaits(first, second) or self.awaits(second, first)

    def needs_any(self, name: str) -> frozenset[str]:
        """All tools that hand out some identifier a tool requires."""
        return frozenset[str]().union(*self.needs[name].values())


def reachable(tools: Sequence[Tool], links: Sequence[Link]) -> tuple[Tool, ...]:
    """Order tools so that each can be called with what the ones before it returned.

    A required identifier that no tool returns has to come from the user, so it
    holds up nothing.

    Args:
        tools: Tools offered together.
        links: Result of ``find_links`` on them.

    Returns:
        The tools that can be reached, in such an order; a tool that waits on itself through others is left out.
    """
    needs = {
        tool.name: [
            {link.producer for link in sources if link.confidence >= SURE}
            for name in identifier_parameters(tool)
            if name in tool.required and (sources := producers_of(links, tool, name))
        ]
        for tool in tools
    }
    ordered: list[Tool] = []
    reached: set[str] = set()
    while True:
        ready = [t for t in tools if t.name not in reached and all(not s or s & reached for s in needs[t.name])]
        if not ready:
            return tuple(ordered)
        ordered.extend(ready)
        reached.update(tool.name for tool in ready)
