"""Dealing dialogues to train, validation and test.

Dialogues that must not be parted form a group, and a group is dealt as a whole. One
that belongs to a group with dialogues dealt before joins their side; all others are
dealt in the order of a hash, each to the side that lacks most of what it brings:
dialogues of its domain, its kinds of injection and its length.

A side once given is kept. A new dialogue that belongs to old ones on two sides can
stand on neither without a leak, so it is withheld.

Belongs here: groups and sides. Does not belong here: what makes two dialogues belong
together (``traits``), or storing sides (``pipeline``).
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from toolace_dagster.dataset.rows import SPLITS, Split
from toolace_dagster.dataset.traits import Apart, Traits, near_duplicates
from toolace_dagster.entities import content_hash
from toolace_dagster.likeness import groups_of, leads_of

Label = tuple[str, str]


@dataclass(frozen=True)
class Dealt:
    """Sides as they came out.

    Attributes:
        sides: The side by dialogue id, of all but those withheld; the ones with a stored side first.
        anchors: By dialogue id: the oldest dialogue of its group, which may be itself.
        withheld: By dialogue id: why it can stand on no side.
        order: All dialogues, those with a stored side first.
        near: Near-duplicates among all dialogues, as pairs of places in ``order``; shape ``(pairs, 2)``.
    """

    sides: dict[str, Split] = field(default_factory=dict[str, Split])
    anchors: dict[str, str] = field(default_factory=dict[str, str])
    withheld: dict[str, str] = field(default_factory=dict[str, str])
    order: tuple[str, ...] = ()
    near: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))

    @property
    def parted(self) -> int:
        """Near-duplicates that stand on two sides; anything but 0 is a bug."""
        # Those withheld stand on none.
        numbers = {split: number for number, split in enumerate(SPLITS)}
        placed = map(self.sides.get, self.order)
        sides = np.array([-1 if side is None else numbers[side] for side in placed], dtype=np.int8)[self.near]
        return int(np.count_nonzero((sides >= 0).all(axis=1) & (sides[:, 0] != sides[:, 1])))


def deal(
    traits: Sequence[Traits],
    *,
    shares: Mapping[Split, float],
    threshold: float,
    apart: Apart = "tasks",
    stored: Mapping[str, Split] | None = None,
) -> Dealt:
    """Give each dialogue a side.

    Args:
        traits: The dialogues, each id once; their order does not matter where nothing is stored.
        shares: Share of dialogues that validation and test should get; train gets the rest.
        threshold: Likeness from which two dialogues are near-duplicates, 0 to 1.
        apart: What else must not stand on two sides.
        stored: Sides given before, oldest first; ids of dialogues that are gone may be among them.

    Returns:
        Sides, groups and what was withheld.

    Raises:
        ValueError: If the shares leave nothing to train on.
    """
    wanted = _checked(shares)
    stored = stored or {}
    age = {dialogue_id: place for place, dialogue_id in enumerate(stored)}
    order = sorted(traits, key=lambda each: (age.get(each.dialogue_id, len(age)), content_hash(each.dialogue_id)))
    table = _Table([each.keys(apart) for each in order], near_duplicates(order, threshold))
    old = [place for place, each in enumerate(order) if each.dialogue_id in stored]
    for place in old:
        table.place(place, stored[order[place].dialogue_id])
    _join_old_groups(table, range(len(old), len(order)))
    _deal_new_groups(table, order, wanted)
    return Dealt(
        sides={each.dialogue_id: table.sides[place] for place, each in enumerate(order) if place in table.sides},
        anchors={each.dialogue_id: order[table.group(place)].dialogue_id for place, each in enumerate(order)},
        withheld={
            each.dialogue_id: "it repeats dialogues that already stand on two sides of the dataset"
            for place, each in enumerate(order)
            if place in table.withheld
        },
        order=tuple(each.dialogue_id for each in order),
        near=table.near,
    )


class _Table:
    """Who belongs together, and where everyone sits so far. Dialogues are numbers, the oldest first."""

    def __init__(self, keys: Sequence[tuple[Label, ...]], near: NDArray[np.int64]) -> None:
        self.near = near
        self.sides: dict[int, Split] = {}
        self.withheld: set[int] = set()
        self._keys = keys
        self._members: defaultdict[Label, list[int]] = defaultdict(list)
        self._side_of_key: dict[Label, Split] = {}
        for place, own in enumerate(keys):
            for key in own:
                self._members[key].append(place)
        # The others of each, one after the other, and where those of each begin: pairs can be many more than dialogues.
        both = np.concatenate([near, near[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        self._others = both[:, 1].copy()
        self._begins: list[int] = np.searchsorted(both[:, 0], np.arange(len(keys) + 1)).tolist()
        stars = ((members[0], other) for members in self._members.values() for other in members[1:])
        # Near-duplicates can be many more than dialogues; who leads each is a link for each dialogue at most.
        leads: Iterator[tuple[int, int]] = zip(leads_of(len(keys), near).tolist(), range(len(keys)), strict=True)
        self.group = groups_of(range(len(keys)), chain(leads, stars))

    def bound_to(self, place: int) -> set[Split]:
        """Sides of those placed so far from which this one must not be parted."""
        bound: set[Split] = {self._side_of_key[key] for key in self._keys[place] if key in self._side_of_key}
        bound.update(self.sides[near] for near in self._near(place) if near in self.sides)
        return bound

    def _near(self, place: int) -> list[int]:
        return self._others[self._begins[place] : self._begins[place + 1]].tolist()

    def place(self, place: int, side: Split) -> None:
        """Seat a dialogue, or withhold it if that would part it from another."""
        if self.bound_to(place) - {side}:
            self.withheld.add(place)
            return
        self.sides[place] = side
        for key in self._keys[place]:
            self._side_of_key[key] = side

    def neighbours(self, place: int) -> list[int]:
        """All that belong directly to this one."""
        return [*self._near(place), *(other for key in self._keys[place] for other in self._members[key])]

    def is_open(self, place: int) -> bool:
        """Whether it is still to be placed."""
        return place not in self.sides and place not in self.withheld


def _join_old_groups(table: _Table, new: range) -> None:
    """Seat new dialogues that belong to old ones, first those that do so directly, then what belongs to these."""
    waiting = deque(place for place in new if table.bound_to(place))
    queued = set(waiting)
    while waiting:
        place = waiting.popleft()
        bound = sorted(table.bound_to(place))
        table.place(place, bound[0])
        for other in table.neighbours(place) if place in table.sides else ():
            if other not in queued and table.is_open(other):
                queued.add(other)
                waiting.append(other)


def _deal_new_groups(table: _Table, order: Sequence[Traits], wanted: Mapping[Split, float]) -> None:
    numbers: dict[Label, int] = {}
    labels = [[numbers.setdefault(label, len(numbers)) for label in _balanced(each)] for each in order]
    counts: dict[Split, list[int]] = {side: [0] * len(numbers) for side in SPLITS}
    totals = [0] * len(numbers)

    def count(place: int, side: Split) -> None:
        own = counts[side]
        for label in labels[place]:
            own[label] += 1
            totals[label] += 1

    for place, side in table.sides.items():
        count(place, side)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for place in range(len(order)):
        if table.is_open(place):
            groups[table.group(place)].append(place)
    named = sorted(
        (content_hash(min(order[place].task for place in members)), lead) for lead, members in groups.items()
    )
    for name, lead in named:
        members = groups[lead]
        brought = Counter(label for place in members for label in labels[place]).items()
        lacking: dict[Split, float] = {
            side: sum([share * (totals[label] + more) - counts[side][label] for label, more in brought])
            for side, share in wanted.items()
        }
        # Rounded, so that sums of floats in another order don't decide; then by hash, so that no side is favoured.
        most = max(round(lack, 6) for lack in lacking.values())
        level: list[Split] = [each for each, lack in lacking.items() if round(lack, 6) == most]
        side = level[0] if len(level) == 1 else max(level, key=lambda each: content_hash(name, each))
        for place in members:
            table.place(place, side)
            count(place, side)


def _balanced(traits: Traits) -> tuple[Label, ...]:
    return (("all", ""), *traits.labels)


def _checked(shares: Mapping[Split, float]) -> dict[Split, float]:
    wanted: dict[Split, float] = {split: shares.get(split, 0.0) for split in SPLITS}
    wanted["train"] = 1.0 - wanted["validation"] - wanted["test"]
    if min(wanted.values()) < 0 or not wanted["train"] > 0:
        raise ValueError("validation and test take shares that leave something to train on")
    # A side of share 0 would still be dealt to where its lack of 0 is the largest.
    return {split: share for split, share in wanted.items() if share}
