"""How sure a share is, and whether one is really larger than another.

Belongs here: intervals and tests of counts. Does not belong here: counting.
"""

from __future__ import annotations

import math

_Z = 1.959963984540054
"""Quantile of the normal distribution for 95 %."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), which also holds for few and for extreme counts.

    Args:
        hits: How many.
        of: Out of how many; 0 says nothing, so the interval is 0 to 1.
    """
    if not of:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    # At the ends the bound is the share itself, but for rounding.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    return low, 1.0 if hits == of else min(1.0, middle + half)


def sign_test(one: int, other: int) -> float:
    """How likely a difference at least as large is by chance, when neither side is better (two-sided, exact).

    Args:
        one: Pairs that speak for one side.
        other: Pairs that speak for the other; ties are left out.

    Returns:
        The p-value; 1 when there are no pairs.
    """
    pairs = one + other
    if not pairs:
        return 1.0
    tail = sum(math.comb(pairs, count) for count in range(min(one, other) + 1))
    # Whole numbers, so that many pairs do not come to 0.
    return min(1.0, 2 * tail / 2**pairs)
