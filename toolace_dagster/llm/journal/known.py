"""Which keys have a stored response, in eight bytes each.

Most lookups of a first run find nothing, and a query for each batch of them
costs more than this index: a set of the keys themselves would take twenty times
the memory.

Belongs here: the index. Does not belong here: responses.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class KnownKeys:
    """Beginnings of keys, sorted; two keys may share one, so what it knows may turn out not to be there."""

    def __init__(self, beginnings: Iterable[int] = ()) -> None:
        """Take numbers as :func:`beginning` makes them, sorted."""
        self._sorted = array("Q", beginnings)

    def __contains__(self, key: str) -> bool:
        number = beginning(key)
        place = bisect_left(self._sorted, number)
        return place < len(self._sorted) and self._sorted[place] == number

    def __len__(self) -> int:
        return len(self._sorted)


def beginning(key: str) -> int:
    """The first 16 of a key's hexadecimal digits as a number below 2**64."""
    return int(key[:16], 16)
