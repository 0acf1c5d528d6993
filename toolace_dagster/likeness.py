"""How alike texts or sequences are, for many at once: MinHash signatures and an index over them.

A signature is 128 minima over the hashes of a sequence's runs of neighbours; the share of places in
which two signatures agree estimates the Jaccard similarity of their sets (Broder 1997),
with a standard error of at most 0.045. The index cuts signatures into bands
and compares only those that agree in a whole band (Leskovec, Rajaraman, Ullman,
*Mining of Massive Datasets*, chapter 3).

Signatures are the same on every machine and in every process, so they may be stored.

Belongs here: words of a text, signatures, the index, groups. Does not belong
here: what is compared, or what follows when two are alike.
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache, reduce
from hashlib import blake2b
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

PLACES = 128
"""Length of a signature."""

Signature = NDArray[np.uint32]
"""Shape ``(PLACES,)``."""

_Key = TypeVar("_Key", bound=Hashable)
_PLAIN_WORD = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"[^\W_]+")
_RUNS_AT_ONCE = 128
"""Runs hashed at once: few enough that the products stay in the processor's cache."""
_AT_ONCE = 1 << 14
"""Sketches compared at once: few enough that they stay in the processor's cache."""
_SKETCHED_BITS = 4
"""Lowest bits of a place that are compared first. Of places that differ, one in 16 agrees in them."""
_COMPARED_AT_ONCE = 1 << 14
"""Signatures compared at once; more would only take more memory."""
_MOST_THREADS = 4
_LONG_RUN = 32
"""Members of a run that is worth a comparison of its own."""


def normal_words(text: str) -> list[str]:
    """The words of a text without case, width forms and punctuation.

    Letters, marks and digits of any script make words; in scripts written without
    spaces each run of letters is one word.
    """
    if text.isascii():
        return _PLAIN_WORD.findall(text.lower())
    folded = unicodedata.normalize("NFKC", text).casefold()
    if not any(not c.isascii() and unicodedata.category(c)[0] == "M" for c in set(folded)):
        return _WORD.findall(folded)
    return "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in folded).split()


def signature(sequence: Sequence[str], width: int = 3) -> Signature | None:
    """The MinHash signature of a sequence, taken as the set of its runs of neighbours.

    Args:
        sequence: Words, or any other items in their order.
        width: Neighbours in a run; 1 makes it a plain set of items. A shorter sequence is one run.

    Returns:
        The signature, or None for an empty sequence, which is like nothing.
    """
    if not sequence:
        return None
    width = min(width, len(sequence))
    hashes = np.frombuffer(b"".join(map(_digest, sequence)), dtype="<u8")
    runs = np.zeros(len(hashes) - width + 1, dtype=np.uint64)
    factors, addends = _permutations()
    # Unsigned products wrap around, which is what makes this a hash; the upper half of the bits is the better one.
    for at in range(width):
        runs = (runs ^ (runs >> np.uint64(31))) * factors[at] + hashes[at : at + len(runs)]
    runs ^= runs >> np.uint64(29)
    least = np.full(PLACES, np.iinfo(np.uint64).max, dtype=np.uint64)
    products = np.empty((_RUNS_AT_ONCE, PLACES), dtype=np.uint64)
    for first in range(0, len(runs), _RUNS_AT_ONCE):
        part = runs[first : first + _RUNS_AT_ONCE]
        made = np.multiply(part[:, None], factors, out=products[: len(part)])
        made += addends
        np.minimum(least, made.min(axis=0), out=least)
    return (least >> np.uint64(32)).astype(np.uint32)


def likeness(one: Signature, other: Signature) -> float:
    """The estimated Jaccard similarity of the sets behind two signatures, from 0 to 1."""
    return float(np.count_nonzero(one == other)) / PLACES


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
        self._rows = _rows_of_band(threshold)
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


def alike_pairs(signatures: Sequence[Signature], threshold: float) -> NDArray[np.int64]:
    """All pairs that are alike, as a :class:`LikenessIndex` finds them, for many signatures at once.

    Args:
        signatures: The signatures.
        threshold: Likeness from which two count as alike, above 0 to 1.

    Returns:
        Pairs of places in ``signatures``, the earlier first, sorted; shape ``(pairs, 2)``.

    Raises:
        ValueError: If the threshold is none.
    """
    if not 0 < threshold <= 1:
        raise ValueError("a threshold of likeness lies above 0 and is at most 1")
    if len(signatures) < 2:
        return np.empty((0, 2), dtype=np.int64)
    table = np.stack(signatures)
    count, rows = len(table), _rows_of_band(threshold)
    least = math.ceil(threshold * PLACES - 1e-9)
    sketches = _sketches(table)

    def met(first: int) -> NDArray[np.int64]:
        order, runs = _runs(_mixed(table[:, first : first + rows]))
        # Sketches in the order of the keys: those that are compared lie side by side.
        found = [
            order[later] * count + order[earlier]
            for earlier, later in _meeting(runs, sketches[..., order], PLACES - least)
        ]
        # `np.unique` hashes, which takes several times as long as sorting whole numbers; a band has no pair twice.
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def compared(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        fresh = _without(codes, tried)
        agree = np.count_nonzero(table[fresh % count] == table[fresh // count], axis=1)
        return fresh, fresh[agree >= least]

    # A pair is one number, the later place times the count plus the earlier one, so that pairs sort and merge fast.
    tried = np.empty(0, dtype=np.int64)
    alike: list[NDArray[np.int64]] = [tried]
    bands = range(0, PLACES - rows + 1, rows)
    threads = min(_threads(), _MOST_THREADS)
    # Threads are enough: numpy works without the interpreter's lock. Few bands at once, as each has its candidates.
    with ThreadPoolExecutor(threads) as pool:
        for at in range(0, len(bands), threads):
            for codes in pool.map(met, bands[at : at + threads]):
                parts = list(pool.map(compared, np.array_split(codes, len(codes) // _COMPARED_AT_ONCE + 1)))
                tried = np.sort(np.concatenate([tried, *(fresh for fresh, _ in parts)]), kind="stable")
                alike += (found for _, found in parts)
    codes = np.concatenate(alike)
    earlier, later = codes % count, codes // count
    ordered = np.lexsort((later, earlier))
    return np.stack([earlier[ordered], later[ordered]], axis=1)


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sketches(table: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The lowest bits of each place: where they differ, the places do; shape ``(bits, halves, signatures)``."""
    # The lowest bits, since a minimum of many hashes has hardly any high bit set.
    planes = [
        np.packbits(((table >> np.uint32(bit)) & np.uint32(1)).astype(np.uint8), axis=1).view(np.uint64).T
        for bit in range(_SKETCHED_BITS)
    ]
    return np.ascontiguousarray(np.stack(planes))


def _runs(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in the order of their keys, and where in it those of one key begin, with the end as the last."""
    # Stable, so that those with one key stay in their order: the earlier ones stand before each in its run.
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return order, np.append(begins, len(keys))


def _meeting(
    runs: NDArray[np.int64], sketches: NDArray[np.uint64], most: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs within a run whose sketches differ in no more than so many places, the earlier first, a part at a time.

    Args:
        runs: Where runs begin, and the end.
        sketches: The sketches in the order of the runs.
        most: Places in which they may differ.
    """
    lengths = np.diff(runs)
    for begin, length in zip(
        runs[:-1][lengths >= _LONG_RUN].tolist(), lengths[lengths >= _LONG_RUN].tolist(), strict=True
    ):
        # Each of some members with all before it, as a table: no list of pairs is written down.
        step = max(1, _AT_ONCE // length)
        for first in range(begin + 1, begin + length, step):
            last = min(first + step, begin + length)
            apart = _places_apart(sketches[..., first:last, None], sketches[..., None, begin : last - 1])
            later, earlier = np.nonzero(apart <= most)
            later += first
            earlier += begin
            # The last of a table meet some that come after them.
            yield earlier[earlier < later], later[earlier < later]
    # Runs of a few are many: all members of all of them at once, with lists of pairs.
    before = np.arange(runs[-1]) - np.repeat(runs[:-1], lengths)
    before[np.repeat(lengths >= _LONG_RUN, lengths)] = 0
    places = np.flatnonzero(before)
    for part in np.array_split(places, max(1, int(before.sum()) // _AT_ONCE)):
        if len(part):
            counts = before[part]
            earlier, later = _ranges(part - counts, counts), np.repeat(part, counts)
            near = _places_apart(sketches[..., earlier], sketches[..., later]) <= most
            yield earlier[near], later[near]


def _places_apart(sketches: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """In how many places sketches differ from others; all axes but the first two are those of the result."""
    first, second = (
        np.bitwise_count(reduce(np.bitwise_or, (one ^ other for one, other in zip(ours, theirs, strict=True))))
        for ours, theirs in zip(sketches.swapaxes(0, 1), others.swapaxes(0, 1), strict=True)
    )
    return first + second


def _without(codes: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted numbers without those that are among others, which are sorted too."""
    if not len(others):
        return codes
    at = np.minimum(np.searchsorted(others, codes), len(others) - 1)
    return codes[others[at] != codes]


def _ranges(begins: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Runs of neighbouring numbers, one after the other: ``begin, begin + 1, ...`` as often as its count says."""
    ends: NDArray[np.int64] = np.cumsum(counts)
    steps: NDArray[np.int64] = np.arange(int(ends[-1]), dtype=np.int64)
    return steps + np.repeat(begins - ends + counts, counts)


def _mixed(numbers: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """A number for each row; two that clash are compared in vain, which is rare."""
    mixed = np.zeros(len(numbers), dtype=np.uint64)
    for column in numbers.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return mixed


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


@lru_cache(maxsize=1 << 17)
def _digest(item: str) -> bytes:
    return blake2b(item.encode(errors="surrogatepass"), digest_size=8).digest()


@cache
def _permutations() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    drawn = np.frombuffer(
        b"".join(blake2b(f"place {at}".encode(), digest_size=16).digest() for at in range(PLACES)), dtype="<u8"
    ).reshape(PLACES, 2)
    # An odd factor permutes the 64-bit numbers; an even one would drop bits.
    return drawn[:, 0] | np.uint64(1), drawn[:, 1].copy()


@cache
def _rows_of_band(threshold: float) -> int:
    """The longest band with which a pair at the threshold meets in some band 49 times in 50."""
    lengths = [rows for rows in (2, 4, 8, 16, 32) if 1 - (1 - threshold**rows) ** (PLACES // rows) >= 0.98]
    return max(lengths, default=1)
