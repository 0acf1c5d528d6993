"""Groups of what is linked.

Belongs here: joining. Does not belong here: what links two (``index``, ``pairs``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Key = TypeVar("_Key", bound=Hashable)


def groups_of(keys: Iterable[_Key], pairs: Iterable[tuple[_Key, _Key]]) -> Callable[[_Key], _Key]:
    """Join keys that are linked, directly or through others.

    Args:
        keys: All keys, the ones that should lead a group first.
        pairs: Links between them.

    Returns:
        A function that names a key's group by its first member.
    """
    order = {key: at for at, key in enumerate(keys)}
    parent = {key: key for key in order}

    def lead(key: _Key) -> _Key:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for one, other in pairs:
        first, second = lead(one), lead(other)
        if first != second:
            if order[second] < order[first]:
                first, second = second, first
            parent[second] = first
    return lead


def leads_of(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first member of the group of each place, where links are many more than places.

    Args:
        count: Number of places.
        pairs: Linked places; shape ``(pairs, 2)``.

    Returns:
        A place for each; shape ``(count,)``.
    """
    leads = np.arange(count)
    while True:
        before = leads.copy()
        least = leads[pairs].min(axis=1)
        # Those that led them bring along whoever follows them still.
        for side in (pairs[:, 0], pairs[:, 1]):
            np.minimum.at(leads, leads[side], least)
            np.minimum.at(leads, side, least)
        while not np.array_equal(further := leads[leads], leads):
            leads = further
        if np.array_equal(leads, before):
            return leads
