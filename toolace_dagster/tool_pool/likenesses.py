"""Tools of a pool that look alike: near-duplicates, and equal names in different domains.

Belongs here: finding them. Does not belong here: doing anything about them:
look-alikes are good distractors, so they are reported and left as they are.

The search is exact. Two sets of words can have the wanted likeness only if they
share one of their rarest words, so each tool is compared with those alone that
do (prefix filtering, Bayardo et al. 2007); 10,000 tools need no estimate.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from toolace_dagster.entities import Entity, Tool
from toolace_dagster.tool_pool.tool_words import name_words, words_of

NEAR = 0.8
"""Share of common words (Jaccard) from which on two tools are near-duplicates."""
MAX_COMPARED = 2000
"""Tools one tool is compared with; more share a rare word only in pools of copies, whose first ones are found."""


class Likeness(Entity):
    """Tools that look alike.

    Attributes:
        kind: ``near_duplicate``, or ``name_clash`` for one name in several domains.
        tools: The tools as ``domain/name``, sorted.
        similarity: Share of common words, from 0 to 1; the lowest that holds the group together.
    """

    kind: Literal["near_duplicate", "name_clash"]
    tools: tuple[str, ...]
    similarity: float


def find_likenesses(tools: Sequence[Tool]) -> tuple[Likeness, ...]:
    """Find tools that look alike.

    Args:
        tools: All tools of a pool.

    Returns:
        Near-duplicates first, each group in one, sorted by their tools.
    """
    return (*_near_duplicates(tools), *_name_clashes(tools))


def likeness(first: Tool, second: Tool) -> float:
    """Share of the words of two tools that they have in common.

    Args:
        first: A tool.
        second: Another.

    Returns:
        The Jaccard index over words and pairs of words of name, description and parameters.
    """
    return _jaccard(_features(first), _features(second))


def _name_clashes(tools: Sequence[Tool]) -> list[Likeness]:
    by_name: dict[str, set[str]] = defaultdict(set)
    for tool in tools:
        by_name[tool.name].add(tool.domain)
    return [
        Likeness(kind="name_clash", tools=tuple(f"{domain}/{name}" for domain in sorted(domains)), similarity=1)
        for name, domains in sorted(by_name.items())
        if len(domains) > 1
    ]


def _near_duplicates(tools: Sequence[Tool]) -> list[Likeness]:
    copies: dict[frozenset[str], list[str]] = defaultdict(list)
    for tool in tools:
        copies[_features(tool)].append(f"{tool.domain}/{tool.name}")
    spread = Counter(feature for features in copies for feature in features)
    distinct = sorted(copies, key=lambda features: (len(features), min(copies[features])))
    parent = list(range(len(distinct)))
    weakest = [1.0] * len(distinct)

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    index: dict[str, list[int]] = defaultdict(list)
    for at, features in enumerate(distinct):
        rarest = sorted(features, key=lambda feature: (spread[feature], feature))
        prefix = rarest[: len(features) - math.ceil(NEAR * len(features)) + 1]
        # Sets come in rising size: one that is much smaller cannot be like this one.
        candidates = {
            other for feature in prefix for other in index[feature] if len(distinct[other]) >= NEAR * len(features)
        }
        for other in sorted(candidates)[:MAX_COMPARED]:
            common = _jaccard(features, distinct[other])
            if common >= NEAR:
                one, two = sorted((root(at), root(other)))
                parent[two] = one
                weakest[one] = min(weakest[one], weakest[two], common)
        for feature in prefix:
            index[feature].append(at)
    groups: dict[int, list[str]] = defaultdict(list)
    for at, features in enumerate(distinct):
        groups[root(at)] += copies[features]
    found = [
        Likeness(kind="near_duplicate", tools=tuple(sorted(names)), similarity=round(weakest[at], 3))
        for at, names in groups.items()
        if len(names) > 1
    ]
    return sorted(found, key=lambda each: each.tools)


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    common = len(first & second)
    return common / (len(first) + len(second) - common)


def _features(tool: Tool) -> frozenset[str]:
    said = words_of(tool.description)
    pairs = [f"{one} {two}" for one, two in pairwise(said)]
    # Never empty, since a tool has a name.
    names = name_words(tool) or [tool.name]
    return frozenset([*(f"n:{word}" for word in names), *(f"p:{name}" for name in tool.properties), *said, *pairs])
