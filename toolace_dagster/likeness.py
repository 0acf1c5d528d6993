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

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
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


def normal_words(text: str) -> list[str]:
    """The words of a text without case, width forms and punctuation.

    Letters, marks and digits of any script make words; in scripts written without
    spaces each run of letters is one word.
    """
    if text.isascii():
        return _PLAIN_WORD.findall(text.lower())
    folded = unicodedata.normalize("NFKC", text).casefold()
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
    products = runs[:, None] * factors[None, :] + addends[None, :]
    return (products.min(axis=0) >> np.uint64(32)).astype(np.uint32)


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
