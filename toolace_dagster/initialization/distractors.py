"""Distractors: tools that are offered and not needed.

Belongs here: choosing them, from the domain, from its look-alikes and from other
domains, in set shares. Does not belong here: which tools another domain lends
(``tool_pool.lending``).
"""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from toolace_dagster.entities import DistractorKind, Slot, Tool, content_hash
from toolace_dagster.initialization.coverage import share_of
from toolace_dagster.tool_pool.naming import singular, snake

_WORD = re.compile(r"[a-z]{4,}")
_RARE = 200
"""A word that more tools share tells nothing."""

_WORDS_USED = 12
_NEAREST = 6
_ALIKE = 0.2
"""Share of a tool's own weight of words that a look-alike has in common with it."""

_OWN = (DistractorKind.SAME_DOMAIN, DistractorKind.LOOK_ALIKE)
_PLACES = 16
"""Draws set apart for one slot in the sequence of kinds."""


@dataclass(frozen=True)
class Distractor:
    """A tool to offer besides, and why."""

    name: str
    kind: DistractorKind


class Distractors:
    """Draws distractors for the dialogues of one domain."""

    def __init__(self, tools: Sequence[Tool], others: Sequence[Tool], mix: Mapping[DistractorKind, float]) -> None:
        """Set up the draws.

        Args:
            tools: Tools of the domain.
            others: Tools that other domains lend.
            mix: Weight of each kind.
        """
        self._names = sorted(tool.name for tool in tools)
        self._others = [tool.name for tool in others]
        self._mix = mix
        self._words = {tool.name: _words_of(tool) for tool in tools}
        self._having: dict[str, list[str]] = defaultdict(list)
        for name in self._names:
            for word in self._words[name]:
                self._having[word].append(name)
        self._near: dict[str, list[str]] = {}

    def draw(self, slot: Slot, needed: Collection[str], count: int, least: int, rng: random.Random) -> list[Distractor]:
        """Draw distractors for one dialogue.

        Args:
            slot: Its place.
            needed: Tools it needs.
            count: How many are wanted; fewer are given when there are no more.
            least: How many there should be at least: only to reach it do other domains stand in for the domain's own.
            rng: Draws.

        Returns:
            The distractors. Where a kind has none left, another kind takes its place.
        """
        taken = set(needed)
        found: list[Distractor] = []
        for index in range(count):
            wanted = share_of(self._mix, slot.number * _PLACES + index, "distractors", slot.seed, slot.domain)
            stand_ins = [kind for kind in _OWN if kind is not wanted]
            # A kind of weight 0 is one the user does not want.
            if len(found) < least and self._mix.get(DistractorKind.OTHER_DOMAIN, 0) > 0:
                stand_ins.append(DistractorKind.OTHER_DOMAIN)
            for kind in (wanted, *stand_ins):
                name = self._one(kind, slot, needed, taken, rng)
                if name is not None:
                    taken.add(name)
                    found.append(Distractor(name, kind))
                    break
        return found

    def _one(
        self, kind: DistractorKind, slot: Slot, needed: Collection[str], taken: Collection[str], rng: random.Random
    ) -> str | None:
        if kind is DistractorKind.SAME_DOMAIN:
            for _ in range(12):
                name = rng.choice(self._names)
                if name not in taken:
                    return name
            left = [name for name in self._names if name not in taken]
            return rng.choice(left) if left else None
        if kind is DistractorKind.LOOK_ALIKE:
            alike = sorted({near for name in needed for near in self.look_alikes(name)} - set(taken))
            return rng.choice(alike) if alike else None
        # By hash and not by position: a tool more or less in another domain changes few plans.
        able = [name for name in self._others if name not in taken]
        return min(able, key=lambda name: content_hash(slot, name)) if able else None

    def look_alikes(self, name: str) -> list[str]:
        """The tools most like one by the words of name and description, nearest first."""
        known = self._near.get(name)
        if known is None:
            known = self._near[name] = self._look_for(name)
        return known

    def _look_for(self, name: str) -> list[str]:
        rare = sorted(self._words[name], key=lambda word: (len(self._having[word]), word))
        scores: dict[str, float] = defaultdict(float)
        own = 0.0
        for word in rare[:_WORDS_USED]:
            having = self._having[word]
            weight = self._words[name][word] * (0.1 + math.log(len(self._names) / len(having)))
            own += weight
            for other in having if len(having) <= _RARE else ():
                scores[other] += weight
        scores.pop(name, None)
        alike = [other for other, score in scores.items() if score >= _ALIKE * own]
        return sorted(alike, key=lambda other: (-scores[other], other))[:_NEAREST]


def _words_of(tool: Tool) -> dict[str, float]:
    """The words that tell what a tool is for, those of its name counting double."""
    words = {singular(word): 1.0 for word in _WORD.findall(tool.description[:400].lower())}
    return words | {singular(word): 2.0 for word in snake(tool.name).split("_") if len(word) > 2}
