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
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
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
_AT_ONCE = 1 << 17
"""Candidates compared at once; more would only take more memory."""


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


def alike_pairs(signatures: Sequence[Signature], threshold: float) -> list[tuple[int, int]]:
    """All pairs that are alike, as a :class:`LikenessIndex` finds them, for many signatures at once.

    Args:
        signatures: The signatures.
        threshold: Likeness from which two count as alike, above 0 to 1.

    Returns:
        Pairs of places in ``signatures``, the earlier first, sorted.

    Raises:
        ValueError: If the threshold is none.
    """
    if not 0 < threshold <= 1:
        raise ValueError("a threshold of likeness lies above 0 and is at most 1")
    if len(signatures) < 2:
        return []
    table = np.stack(signatures)
    # The upper bytes alone agree wherever the whole numbers do, and a quarter of the memory is read.
    bytes_of = (table >> np.uint32(24)).astype(np.uint8)
    least = math.ceil(threshold * PLACES - 1e-9)
    found: list[NDArray[np.int64]] = []
    for earlier, later in _meeting(table, _rows_of_band(threshold)):
        likely = np.count_nonzero(bytes_of[earlier] == bytes_of[later], axis=1) >= least
        earlier, later = earlier[likely], later[likely]
        alike = np.count_nonzero(table[earlier] == table[later], axis=1) >= least
        found.append(np.stack([earlier[alike], later[alike]], axis=1))
    pairs = np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
    ordered = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    earlier_places: list[int] = ordered[:, 0].tolist()
    later_places: list[int] = ordered[:, 1].tolist()
    return list(zip(earlier_places, later_places, strict=True))


def _meeting(table: NDArray[np.uint32], rows: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of places that agree in a whole band, each pair once, about so many at a time as are compared at once."""
    count, bands = len(table), PLACES // rows
    orders = np.empty((bands, count), dtype=np.int64)
    begins = np.empty((bands, count), dtype=np.int64)
    before = np.empty((bands, count), dtype=np.int64)
    for band in range(bands):
        keys = _mixed(table[:, band * rows : (band + 1) * rows])
        # Stable, so that those with one key stay in their order: the earlier ones stand before each in its run.
        order = np.argsort(keys, kind="stable")
        run = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
        begin = np.repeat(run, np.diff(run, append=count))
        orders[band] = order
        begins[band, order] = begin
        before[band, order] = np.arange(count) - begin
    ends = np.cumsum(before.sum(axis=0))
    first = 0
    while first < count:
        spent = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, spent + _AT_ONCE, side="right")))
        codes = [
            np.repeat(np.arange(first, last), counts) * count + orders[band, _ranges(begins[band, first:last], counts)]
            for band in range(bands)
            if (counts := before[band, first:last]).any()
        ]
        if codes:
            # `np.unique` hashes, which takes several times as long as sorting whole numbers.
            met = np.concatenate(codes)
            met.sort()
            met = met[np.concatenate([[True], met[1:] != met[:-1]])]
            yield met % count, met // count
        first = last


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
        first, second = sorted((lead(one), lead(other)), key=order.__getitem__)
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
