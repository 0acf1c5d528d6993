"""Spreading draws evenly over slots, although no slot knows of another.

Everything here follows from seed, domain and slot number alone, so slots can be
drawn in any order and more of them never change earlier ones. Tools take turns as
the lead of a dialogue in shuffled rounds; shares are met by steps of the golden
ratio, which fill a range more evenly than chance.

Belongs here: turns and shares. Does not belong here: what is done with them
(``sampling``, ``shapes``, ``distractors``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from toolace_dagster.entities import Slot, Tool, content_hash
from toolace_dagster.entities.randomness import generator

_GOLDEN = 0.6180339887498949

ChoiceT = TypeVar("ChoiceT", bound=str)


class Turns:
    """Whose turn it is: in each round of as many slots as there are tools, every tool leads once."""

    def __init__(self, names: Sequence[str]) -> None:
        """Set up the turns.

        Args:
            names: The tools of a domain.
        """
        self._names = sorted(names)
        self._order = lru_cache(maxsize=4)(self._shuffled)

    def lead(self, slot: Slot) -> str:
        """The tool that a slot's dialogue has to use."""
        return self._order(slot.seed, slot.domain, self.round(slot))[slot.number % len(self._names)]

    def round(self, slot: Slot) -> int:
        """How many rounds were completed before a slot."""
        return slot.number // len(self._names)

    def _shuffled(self, seed: int, domain: str, number: int) -> tuple[str, ...]:
        names = list(self._names)
        generator("lead", seed, domain, number).shuffle(names)
        return tuple(names)


def in_rounds(options: Sequence[ChoiceT], place: int, *seeds: str | int) -> ChoiceT:
    """One of several choices, each once in every round of as many places, in an order of each round's own.

    Args:
        options: At least one.
        place: Number of the draw.
        *seeds: What the order depends on.
    """
    order = list(options)
    generator("rounds", *seeds, place // len(order)).shuffle(order)
    return order[place % len(order)]


def take_turns(options: Sequence[str], tool: Tool, number: int) -> str:
    """One of a tool's options; in ``len(options)`` rounds each has its turn.

    Args:
        options: At least one.
        tool: Whose options they are: each tool begins elsewhere.
        number: The round.
    """
    return options[(number + int(content_hash("option", tool.name), 16)) % len(options)]


def share_of(weights: Mapping[ChoiceT, float], place: int, *seeds: str | int) -> ChoiceT:
    """Draw one of several choices so that over consecutive places each comes up by its weight.

    Args:
        weights: Choices and their weights, at least one above 0.
        place: Number of the draw.
        *seeds: What the sequence depends on.

    Returns:
        A choice of a weight above 0.
    """
    able = [(choice, weight) for choice, weight in weights.items() if weight > 0]
    start = _start(*seeds)
    at = (start + place * _GOLDEN) % 1.0 * sum(weight for _, weight in able)
    for choice, weight in able:
        at -= weight
        if at < 0:
            return choice
    return able[-1][0]


@lru_cache(maxsize=1024)
def _start(*seeds: str | int) -> float:
    return generator("share", *seeds).random()
