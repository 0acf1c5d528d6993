"""Words of a text, and the signature of a sequence.

Belongs here: making signatures and comparing two. Does not belong here: finding those that
are alike among many (``index``, ``pairs``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from toolace_dagster.words import words_of

PLACES = 128
"""Length of a signature."""

Signature = NDArray[np.uint32]
"""Shape ``(PLACES,)``."""

_PRODUCTS_AT_ONCE = 1 << 15
"""Products held at once: few enough that they stay in the processor's cache."""
_MOST_DIGESTS = 1 << 17
"""Items whose digests are kept."""


def normal_words(text: str) -> list[str]:
    """The words of a text without case, width forms and punctuation.

    Letters, marks and digits of any script make words; in scripts written without
    spaces each run of letters is one word.
    """
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return words_of(folded, marks=True)


def signature(sequence: Sequence[str], width: int = 3) -> Signature | None:
    """The MinHash signature of a sequence, taken as the set of its runs of neighbours.

    Args:
        sequence: Words, or any other items in their order.
        width: Neighbours in a run; 1 makes it a plain set of items. A shorter sequence is one run.

    Returns:
        The signature, or None for an empty sequence, which is like nothing.
    """
    return signatures([sequence], width)[0]


def signatures(sequences: Sequence[Sequence[str]], width: int = 3) -> list[Signature | None]:
    """The signatures of several sequences, in half the time that they take one by one.

    Args:
        sequences: The sequences; a few dozen at once are enough, and more take more memory.
        width: As of :func:`signature`.

    Returns:
        A signature for each, or None for an empty one.
    """
    made: list[Signature | None] = [None] * len(sequences)
    widths = [min(width, len(sequence)) for sequence in sequences]
    for own in set(widths) - {0}:
        places = [place for place, each in enumerate(widths) if each == own]
        for place, one in zip(places, _of_width([sequences[place] for place in places], own), strict=True):
            made[place] = one
    return made


def _of_width(sequences: Sequence[Sequence[str]], width: int) -> NDArray[np.uint32]:
    """Signatures of sequences none of which is shorter than a run; shape ``(sequences, PLACES)``."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    runs = _runs(np.frombuffer(b"".join(map(_digests.__getitem__, chain(*sequences))), dtype="<u8"), width)
    # What begins at the end of one sequence and goes on in the next is a run of neither.
    whole = np.ones(int(lengths.sum()), dtype=bool)
    for before in range(1, width):
        whole[np.cumsum(lengths) - before] = False
    runs = runs[whole[: len(runs)]]
    counts = lengths - (width - 1)
    begins = np.cumsum(counts) - counts
    factors, addends = _permutations()
    least = np.empty((PLACES, len(sequences)), dtype=np.uint64)
    step = min(max(1, _PRODUCTS_AT_ONCE // len(runs)), PLACES)
    products = np.empty((step, len(runs)), dtype=np.uint64)
    for first in range(0, PLACES, step):
        part = slice(first, first + step)
        made = np.multiply(factors[part, None], runs, out=products[: PLACES - first])
        made += addends[part, None]
        np.minimum.reduceat(made, begins, axis=1, out=least[part])
    return np.ascontiguousarray((least >> np.uint64(32)).astype(np.uint32).T)


def _runs(hashes: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    """A hash for each run of neighbours."""
    runs = np.zeros(len(hashes) - width + 1, dtype=np.uint64)
    factors, _ = _permutations()
    # Unsigned products wrap around, which is what makes this a hash; the upper half of the bits is the better one.
    for at in range(width):
        runs = (runs ^ (runs >> np.uint64(31))) * factors[at] + hashes[at : at + len(runs)]
    runs ^= runs >> np.uint64(29)
    return runs


def likeness(one: Signature, other: Signature) -> float:
    """The estimated Jaccard similarity of the sets behind two signatures, from 0 to 1."""
    return float(np.count_nonzero(one == other)) / PLACES


class _Digests(dict[str, bytes]):
    """Hashes of items, made when they are first met; quicker to look up than a cached function is to call."""

    def __missing__(self, item: str) -> bytes:
        if len(self) >= _MOST_DIGESTS:
            self.clear()
        self[item] = made = blake2b(item.encode(errors="surrogatepass"), digest_size=8).digest()
        return made


_digests = _Digests()


@cache
def _permutations() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    drawn = np.frombuffer(
        b"".join(blake2b(f"place {at}".encode(), digest_size=16).digest() for at in range(PLACES)), dtype="<u8"
    ).reshape(PLACES, 2)
    # An odd factor permutes the 64-bit numbers; an even one would drop bits.
    return drawn[:, 0] | np.uint64(1), drawn[:, 1].copy()
