"""Words of a text, and the signature of a sequence.

Belongs here: making signatures and comparing two. Does not belong here: finding those that
are alike among many (``index``, ``pairs``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from toolace_dagster.words import words_of

PLACES = 128
"""Length of a signature."""

Signature = NDArray[np.uint32]
"""Shape ``(PLACES,)``."""

_RUNS_AT_ONCE = 128
"""Runs hashed at once: few enough that the products stay in the processor's cache."""


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
