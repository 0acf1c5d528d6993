"""Self-BLEU: how much each text repeats the others (Zhu et al. 2018, Texygen).

Each text is a hypothesis with all others as its references; the mean of the sentence
scores is the figure. Scores are those of sacrebleu's ``sentence_bleu``: n-grams up to 4,
exponential smoothing, effective order, brevity by the closest length. The two largest
counts of each n-gram give every text the clipped counts over all others, so the work
grows with the texts, not with their square.

Belongs here: the score. Does not belong here: which texts, or how they are tokenized.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ORDER = 4
_Numbers = NDArray[np.int64]


def self_bleu(texts: Sequence[Sequence[str]]) -> float | None:
    """The mean BLEU of each text beside all others, from 0 to 100.

    Args:
        texts: Tokens of each text.

    Returns:
        The figure; None for fewer than two texts.
    """
    if len(texts) < 2:
        return None
    known: dict[str, int] = {}
    tokens = np.array([known.setdefault(token, len(known)) for text in texts for token in text], dtype=np.int64)
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    owners = np.repeat(np.arange(len(texts), dtype=np.int64), sizes)
    correct = np.zeros((_ORDER, len(texts)), dtype=np.int64)
    grams = tokens
    for order in range(min(_ORDER, len(tokens))):
        starts = owners[: len(tokens) - order]
        # One that reaches into the next text is no n-gram.
        inside = starts == owners[order:]
        if order:
            # A run of n is one of n - 1 and the token after it.
            grams = np.unique(grams[:-1] * np.int64(len(known)) + tokens[order:], return_inverse=True)[1]
        correct[order] = _clipped(grams[inside], starts[inside], len(texts))
    lengths = sorted(sizes.tolist())
    scores = [_score(size, correct[:, at].tolist(), _closest(lengths, size)) for at, size in enumerate(sizes.tolist())]
    return math.fsum(scores) / len(scores)


def _clipped(grams: _Numbers, owners: _Numbers, texts: int) -> _Numbers:
    """Of each text, how many of its n-grams another text has, each no oftener than any one of the others."""
    if not len(grams):
        return np.zeros(texts, dtype=np.int64)
    pairs, counts = np.unique(grams * np.int64(texts) + owners, return_counts=True)
    gram, owner = pairs // texts, pairs % texts
    # By n-gram, the largest count first.
    order = np.lexsort((-counts, gram))
    gram, owner, counts = gram[order], owner[order], counts[order]
    starts = np.flatnonzero(np.r_[True, gram[1:] != gram[:-1]])
    held = np.diff(np.r_[starts, len(gram)])
    first = counts[starts]
    second = np.where(held > 1, counts[np.minimum(starts + 1, len(gram) - 1)], 0)
    is_first = np.zeros(len(gram), dtype=bool)
    is_first[starts] = True
    others = np.where(is_first, np.repeat(second, held), np.repeat(first, held))
    return np.bincount(owner, weights=np.minimum(counts, others), minlength=texts).astype(np.int64)


def _closest(lengths: Sequence[int], own: int) -> int:
    """The length nearest to a text's own among all others; the shorter of two that are as near."""
    at = bisect_left(lengths, own)
    if at + 1 < len(lengths) and lengths[at + 1] == own:
        return own
    others = [lengths[place] for place in (at - 1, at + 1) if 0 <= place < len(lengths)]
    return min(others, key=lambda length: (abs(length - own), length))


def _score(length: int, correct: Sequence[int], reference: int) -> float:
    if not any(correct):
        return 0.0
    smoothing, logarithms = 1.0, list[float]()
    for order, found in enumerate(correct, start=1):
        total = length - order + 1
        if total < 1:
            break
        if not found:
            smoothing *= 2
        logarithms.append(math.log(100 * found / total if found else 100 / (smoothing * total)))
    brevity = math.exp(1 - reference / length) if length < reference else 1.0
    return brevity * math.exp(math.fsum(logarithms) / len(logarithms))
