"""Clusters of signatures: what keys link, directly or through others.

Two that are alike differ in few places. Where those are fewer than the bands, several bands
agree, and two that share one band alone are not alike. Then two bands make a key: bands are dealt
to one group fewer than must agree, so some group holds two that do, and only pairs of
bands within a group are tried.

Belongs here: keys and clusters. Does not belong here: comparing signatures (``pairs``).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

_Runs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Places in the order of their keys, and where in it those of one key begin, with the end as the last."""


def clusters(
    table: NDArray[np.uint32], rows: int, most: int, pool: ThreadPoolExecutor
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cluster signatures so that any two that are alike and agree in a band are in one cluster.

    Args:
        table: The signatures; shape ``(signatures, places)``.
        rows: Places of a band.
        most: Places in which two that are alike differ at most.
        pool: Threads to work in.

    Returns:
        Members of the clusters that have no more pairs than their keys bring together, cluster by cluster and in
        order within each; where in them each cluster begins, and the end; and, in order, the members of the others.
    """

    def linked(places: Sequence[int]) -> _Runs:
        return _several(runs_of(mixed(table[:, places])))

    made = list(pool.map(linked, _keys(table.shape[1], rows, most)))
    labels = _joined(len(table), made)
    sizes = np.bincount(labels, minlength=len(table))
    met = np.zeros(len(table))
    for order, runs in made:
        lengths: NDArray[np.int64] = np.diff(runs)
        met += np.bincount(labels[order[runs[:-1]]], lengths * (lengths - 1) / 2, minlength=len(table))
    dense = (sizes > 1) & (sizes * (sizes - 1) / 2 <= met)
    members = np.flatnonzero(dense[labels])
    order, runs = runs_of(labels[members])
    return members[order], runs, np.flatnonzero(((sizes > 1) & ~dense)[labels])


def runs_of(keys: NDArray[np.uint64] | NDArray[np.int64]) -> _Runs:
    """Group places by their keys.

    Args:
        keys: A key for each place.
    """
    # Stable, so that those with one key stay in their order: the earlier ones stand before each in its run.
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(keys)])
    return order, np.append(begins, len(keys))


def mixed(numbers: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """A number for each row; two that clash are compared in vain, which is rare."""
    made = np.zeros(len(numbers), dtype=np.uint64)
    for column in numbers.T:
        made = (made ^ column) * np.uint64(0x9E3779B97F4A7C15)
        made ^= made >> np.uint64(32)
    return made


def _keys(places: int, rows: int, most: int) -> list[list[int]]:
    """The places of each key; two that are alike and agree in a band agree in some key."""
    bands = [list(range(first, first + rows)) for first in range(0, places - rows + 1, rows)]
    agreeing = len(bands) - most
    if agreeing < 2:
        return bands
    dealt: list[list[int]] = [part.tolist() for part in np.array_split(np.arange(len(bands)), agreeing - 1)]
    return [bands[one] + bands[other] for own in dealt for one, other in combinations(own, 2)]


def _several(found: _Runs) -> _Runs:
    """Runs without those of a single place."""
    order, runs = found
    lengths: NDArray[np.int64] = np.diff(runs)
    several = lengths > 1
    return order[np.repeat(several, lengths)], np.concatenate([[0], np.cumsum(lengths[several])])


def _joined(count: int, made: Sequence[_Runs]) -> NDArray[np.int64]:
    """The first place that each place is linked with, which may be itself."""
    labels = np.arange(count)
    while True:
        before = labels.copy()
        for order, runs in made:
            if len(order):
                own = labels[order]
                least = np.repeat(np.minimum.reduceat(own, runs[:-1]), np.diff(runs))
                labels[order] = least
                # Those that led them bring along whoever follows them still.
                np.minimum.at(labels, own, least)
        while not np.array_equal(further := labels[labels], labels):
            labels = further
        if np.array_equal(labels, before):
            return labels
