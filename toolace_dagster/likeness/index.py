"""An index of signatures that grows, and its bands.

Belongs here: finding, for one signature, those added before that are like it. Does not
belong here: all pairs of many (``pairs``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from functools import cache
from typing import Generic, TypeVar

import numpy as np

from toolace_dagster.likeness.signatures import PLACES, Signature

_Key = TypeVar("_Key", bound=Hashable)


class LikenessIndex(Generic[_Key]):
    """Finds, among the signatures added so far, those that are like a given one.

    Attributes:
        threshold: Likeness from which two count as alike.
    """

    def __init__(self, threshold: float) -> None:
        """Make an empty index.

        Args:
            threshold: From above 0 to 1. A pair at the threshold is missed in fewer than 1 of 50 cases, and less the
                more alike it is.

        Raises:
            ValueError: If the threshold is none.
        """
        if not 0 < threshold <= 1:
            raise ValueError("a threshold of likeness lies above 0 and is at most 1")
        self.threshold = threshold
        self._rows = rows_of_band(threshold)
        self._keys: list[_Key] = []
        self._signatures: list[Signature] = []
        self._buckets: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: _Key, signature: Signature) -> None:
        """Add a signature under a key; several may share one."""
        self._keys.append(key)
        self._signatures.append(signature)
        for bucket in self._bands(signature):
            self._buckets[bucket].append(len(self._keys) - 1)

    def find(self, signature: Signature) -> list[tuple[_Key, float]]:
        """The keys whose signatures are alike, in the order they were added, each with its likeness."""
        places: set[int] = set()
        for bucket in self._bands(signature):
            places.update(self._buckets.get(bucket, ()))
        if not places:
            return []
        ordered = sorted(places)
        shares = np.count_nonzero(np.stack([self._signatures[at] for at in ordered]) == signature, axis=1) / PLACES
        return [
            (self._keys[at], float(share)) for at, share in zip(ordered, shares, strict=True) if share >= self.threshold
        ]

    def _bands(self, signature: Signature) -> Iterable[tuple[int, bytes]]:
        data = signature.tobytes()
        step = self._rows * 4
        return ((at, data[at : at + step]) for at in range(0, len(data) - step + 1, step))


@cache
def rows_of_band(threshold: float) -> int:
    """The longest band with which a pair at the threshold meets in some band 49 times in 50."""
    lengths = [rows for rows in (2, 4, 8, 16, 32) if 1 - (1 - threshold**rows) ** (PLACES // rows) >= 0.98]
    return max(lengths, default=1)
