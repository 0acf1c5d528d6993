"""Splitting a domain that is too large into parts whose tools belong together.

Belongs here: grouping tools by their texts alone, the same way every time. Does
not belong here: domains that a source or the user gives (``grouping``,
``overrides``).

Tools are vectors of TF-IDF weights, folded into ``DIMENSIONS``; a group is cut
in two by k-means on the sphere until no part is too large. Cutting in two needs
no number of clusters, no random start, and time that grows with n log n.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from toolace_dagster.entities import Tool
from toolace_dagster.tool_pool.tool_words import name_words, text_words

DIMENSIONS = 512
NAME_WEIGHT = 3
"""How much more a word of the name counts than one of the description."""
ROUNDS = 12
SMALLEST_SHARE = 0.15
"""A cut that leaves less than this on one side is made by halves instead, so that parts do not crumble."""

_Vectors = npt.NDArray[np.float32]
_Places = npt.NDArray[np.intp]


def split_by_text(tools: Sequence[Tool], limit: int) -> list[tuple[str, list[int]]]:
    """Split tools into parts of at most ``limit``.

    Two tools of one name end up in different parts where there is room.

    Args:
        tools: Tools in any order; the order does not matter to the outcome.
        limit: Tools a part may have, at least 2.

    Returns:
        For each part two words that tell it from the others, joined by ``_``, and the places of its tools in
            ``tools``, in rising order.
    """
    order = sorted(range(len(tools)), key=lambda at: (tools[at].name, tools[at].fingerprint))
    weights = _weights([tools[at] for at in order])
    vectors = _folded(weights)
    parts: list[_Places] = []
    waiting: list[_Places] = [np.arange(len(order))]
    while waiting:
        part = waiting.pop()
        if len(part) <= limit:
            parts.append(part)
        else:
            waiting.extend(_halves(vectors, part))
    parts.sort(key=lambda part: int(part[0]))
    placed = _apart([[int(at) for at in part] for part in parts], [tools[at].name for at in order], vectors, limit)
    names = _names(placed, weights)
    return [(name, sorted(order[at] for at in part)) for name, part in zip(names, placed, strict=True)]


def _weights(tools: Sequence[Tool]) -> list[dict[str, float]]:
    """TF-IDF weight of each word, for each tool."""
    counts = [
        Counter({word: NAME_WEIGHT * number for word, number in Counter(name_words(tool)).items()})
        + Counter(text_words(tool))
        for tool in tools
    ]
    spread = Counter(word for count in counts for word in count)
    return [
        {
            word: (1 + math.log(number)) * math.log(1 + len(tools) / spread[word])
            for word, number in count.items()
            # A word that no other tool has brings none together.
            if spread[word] > 1
        }
        for count in counts
    ]


def _folded(weights: list[dict[str, float]]) -> _Vectors:
    vectors = np.zeros((len(weights), DIMENSIONS), dtype=np.float32)
    for row, weight in enumerate(weights):
        for word, value in weight.items():
            place, sign = _place(word)
            vectors[row, place] += sign * value
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return vectors / lengths


@lru_cache(maxsize=200_000)
def _place(word: str) -> tuple[int, int]:
    digest = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return (digest >> 1) % DIMENSIONS, 1 if digest & 1 else -1


def _halves(vectors: _Vectors, part: _Places) -> tuple[_Places, _Places]:
    own = vectors[part]
    lean = _along_the_spread(own)
    centres: _Vectors = np.stack([_direction(own[lean >= 0]), _direction(own[lean < 0])])
    for _ in range(ROUNDS):
        sides: _Vectors = own @ centres.T
        new_lean = _rounded(sides[:, 0] - sides[:, 1])
        left = new_lean >= 0
        if left.all() or not left.any() or np.array_equal(left, lean >= 0):
            lean = new_lean
            break
        lean = new_lean
        centres = np.stack([_direction(own[left]), _direction(own[~left])])
    left = lean >= 0
    if min(left.sum(), (~left).sum()) < SMALLEST_SHARE * len(part):
        left = np.zeros(len(part), dtype=bool)
        left[np.argsort(-lean, kind="stable")[: len(part) // 2]] = True
    return part[~left], part[left]


def _along_the_spread(vectors: _Vectors) -> _Vectors:
    """Where each vector lies along the direction in which they differ most (the first principal component)."""
    centred = vectors - vectors.mean(axis=0)
    direction: _Vectors = np.sqrt((centred**2).mean(axis=0)).astype(np.float32)
    for _ in range(2 * ROUNDS):
        direction = _normal(centred.T @ (centred @ direction))
    return _rounded(centred @ direction)


def _direction(vectors: _Vectors) -> _Vectors:
    if not len(vectors):
        return np.zeros(DIMENSIONS, dtype=np.float32)
    mean: Any = vectors.mean(axis=0)
    return _normal(mean)


def _normal(vector: _Vectors) -> _Vectors:
    length = float(np.linalg.norm(vector))
    made: Any = vector / np.float32(length or 1)
    return made


def _rounded(values: _Vectors) -> _Vectors:
    # The last digits differ from one processor to another, the outcome should not.
    return np.round(values, 4)


def _apart(parts: list[list[int]], names: list[str], vectors: _Vectors, limit: int) -> list[list[int]]:
    """Move the second of two tools of one name to the nearest part with room that lacks the name."""
    centres = np.stack([_direction(vectors[part]) for part in parts])
    held = [Counter(names[at] for at in part) for part in parts]
    placed = [list(part) for part in parts]
    for number, part in enumerate(parts):
        seen: set[str] = set()
        for at in part:
            if names[at] not in seen:
                seen.add(names[at])
                continue
            likeness = _rounded(centres @ vectors[at])
            nearest: list[int] = np.argsort(-likeness, kind="stable").tolist()
            for other in nearest:
                if not held[other][names[at]] and len(placed[other]) < limit:
                    placed[number].remove(at)
                    placed[other].append(at)
                    held[other][names[at]] += 1
                    break
    return [sorted(part) for part in placed]


def _names(parts: list[list[int]], weights: list[dict[str, float]]) -> list[str]:
    everywhere = Counter(word for weight in weights for word in weight)
    names: list[str] = []
    for part in parts:
        here = Counter(word for at in part for word in weights[at] if len(word) > 2 and word.isalpha())
        # Words that are in most of the part and in little else.
        best = sorted(here, key=lambda word: (-here[word] * here[word] / everywhere[word], word))[:2]
        names.append("_".join(best) or "others")
    return names
