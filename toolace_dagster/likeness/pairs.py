"""All pairs of alike signatures at once, as the index finds them one by one.

Copies of few originals agree in whole bands by the thousand, the same two in many bands.
So signatures that bands link, directly or through others, form a cluster, and where
there are no more pairs in a cluster than its bands bring together, each pair of it is compared
once. First by a sketch: the lowest bits of each place, packed.

Belongs here: candidates and comparing them. Does not belong here: bands' length (``index``),
what links signatures (``clusters``).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

from toolace_dagster.likeness.clusters import clusters, mixed, runs_of
from toolace_dagster.likeness.index import rows_of_band
from toolace_dagster.likeness.signatures import PLACES, Signature

_AT_ONCE = 1 << 15
"""Sketches compared at once: few enough to stay in the processor's cache, and so many that threads, which wait for each
other between two comparisons, seldom do."""
_SKETCHED_BITS = 4
"""Lowest bits of a place that are compared first. Of places that differ, one in 16 agrees in them."""
_COMPARED_AT_ONCE = 1 << 14
"""Signatures compared at once; more would only take more memory."""
_MOST_THREADS = 4
_LONG_RUN = 32
"""Members of a run that is worth a comparison of its own."""


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
    rows = rows_of_band(threshold)
    least = math.ceil(threshold * PLACES - 1e-9)
    threads = min(_threads(), _MOST_THREADS)
    # Threads are enough: numpy works without the interpreter's lock. Few keys at once, as each has its candidates.
    with ThreadPoolExecutor(threads) as pool:
        order, runs, rest = clusters(table, rows, PLACES - least, pool)
        codes = np.concatenate(
            [
                _within_clusters(table, order, runs, rows, least, pool, threads),
                _by_bands(table, rest, rows, least, pool, threads),
            ]
        )
    earlier, later = codes % len(table), codes // len(table)
    ordered = np.lexsort((later, earlier))
    return np.stack([earlier[ordered], later[ordered]], axis=1)


def _within_clusters(
    table: NDArray[np.uint32],
    order: NDArray[np.int64],
    runs: NDArray[np.int64],
    rows: int,
    least: int,
    pool: ThreadPoolExecutor,
    threads: int,
) -> NDArray[np.int64]:
    """Alike pairs of each cluster, as one number each: the later place times the count plus the earlier one."""
    if not len(order):
        return order
    sketches = _sketches(table[order])

    def found(part: int) -> list[NDArray[np.int64]]:
        return [
            _compared(table, order[later] * len(table) + order[earlier], rows, least)
            for earlier, later in _meeting(runs, sketches, PLACES - least, part, threads)
            if len(later)
        ]

    return np.concatenate([order[:0], *chain.from_iterable(pool.map(found, range(threads)))])


def _by_bands(
    table: NDArray[np.uint32],
    members: NDArray[np.int64],
    rows: int,
    least: int,
    pool: ThreadPoolExecutor,
    threads: int,
) -> NDArray[np.int64]:
    """Alike pairs among some members, which are compared where they meet in a band; numbers as above."""
    if not len(members):
        return members
    sketches = _sketches(table[members])

    def met(first: int) -> NDArray[np.int64]:
        within, runs = runs_of(mixed(table[members, first : first + rows]))
        order = members[within]
        # Sketches in the order of the keys: those that are compared lie side by side.
        found = [
            order[later] * len(table) + order[earlier]
            for earlier, later in _meeting(runs, sketches[..., within], PLACES - least)
        ]
        # `np.unique` hashes, which takes several times as long as sorting whole numbers; a band has no pair twice.
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    def compared(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        fresh = _without(codes, tried)
        return fresh, _compared(table, fresh, rows, least)

    # A pair is one number, so that pairs sort and merge fast.
    tried = np.empty(0, dtype=np.int64)
    alike: list[NDArray[np.int64]] = [tried]
    bands = range(0, PLACES - rows + 1, rows)
    for at in range(0, len(bands), threads):
        for codes in pool.map(met, bands[at : at + threads]):
            parts = list(pool.map(compared, np.array_split(codes, len(codes) // _COMPARED_AT_ONCE + 1)))
            tried = np.sort(np.concatenate([tried, *(fresh for fresh, _ in parts)]), kind="stable")
            alike += (found for _, found in parts)
    return np.concatenate(alike)


def _compared(table: NDArray[np.uint32], codes: NDArray[np.int64], rows: int, least: int) -> NDArray[np.int64]:
    """Those of some pairs that agree in so many places, and in a whole band."""
    agree = table[codes % len(table)] == table[codes // len(table)]
    alike = np.count_nonzero(agree, axis=1) >= least
    codes, agree = codes[alike], agree[alike]
    # Where fewer places differ than there are bands, one agrees anyhow.
    if PLACES - least >= PLACES // rows:
        codes = codes[agree[:, : PLACES // rows * rows].reshape(-1, PLACES // rows, rows).all(axis=2).any(axis=1)]
    return codes


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


def _meeting(
    runs: NDArray[np.int64], sketches: NDArray[np.uint64], most: int, part: int = 0, parts: int = 1
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs within a run whose sketches differ in no more than so many places, the earlier first, a part at a time.

    Args:
        runs: Where runs begin, and the end.
        sketches: The sketches in the order of the runs.
        most: Places in which they may differ.
        part: Which part of the work to do.
        parts: How many parts there are.
    """
    turn = count()
    lengths: NDArray[np.int64] = np.diff(runs)
    for begin, length in zip(
        runs[:-1][lengths >= _LONG_RUN].tolist(), lengths[lengths >= _LONG_RUN].tolist(), strict=True
    ):
        # Each of some members with all before it, as a table: no list of pairs is written down.
        step = max(1, _AT_ONCE // length)
        for first in range(begin + 1, begin + length, step):
            if next(turn) % parts != part:
                continue
            last = min(first + step, begin + length)
            apart = _places_apart(sketches[..., first:last, None], sketches[..., None, begin : last - 1])
            later, earlier = np.nonzero(apart <= most)
            later += first
            earlier += begin
            # The last of a table meet some that come after them.
            yield earlier[earlier < later], later[earlier < later]
    # Runs of a few are many: all members of all of them at once, with lists of pairs.
    before: NDArray[np.int64] = np.arange(int(runs[-1]), dtype=np.int64) - np.repeat(runs[:-1], lengths)
    before[np.repeat(lengths >= _LONG_RUN, lengths)] = 0
    places = np.flatnonzero(before)
    for some in np.array_split(places, max(1, int(before.sum()) // _AT_ONCE)):
        if len(some) and next(turn) % parts == part:
            counts: NDArray[np.int64] = before[some]
            earlier, later = _ranges(some - counts, counts), np.repeat(some, counts)
            near = _places_apart(sketches[..., earlier], sketches[..., later]) <= most
            yield earlier[near], later[near]


def _places_apart(sketches: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """In how many places sketches differ from others; all axes but the first two are those of the result."""
    counts: list[NDArray[np.uint8]] = []
    for half in range(sketches.shape[1]):
        # In two tables all along: a new one for each bit would take longer than the bits.
        differ = sketches[0, half] ^ others[0, half]
        more = np.empty_like(differ)
        for one, other in zip(sketches[1:, half], others[1:, half], strict=True):
            np.bitwise_xor(one, other, out=more)
            differ |= more
        counts.append(np.bitwise_count(differ))
    return counts[0] + counts[1]


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
