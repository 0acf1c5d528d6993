"""Groups of what is linked.

Belongs here: joining. Does not belong here: what links two (``index``, ``pairs``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

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
