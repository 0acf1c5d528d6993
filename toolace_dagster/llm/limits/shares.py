"""Max-min fair shares: who wants little gets it, the others divide the rest evenly.

Belongs here: the arithmetic. Does not belong here: who takes part (``board``), or
what is shared (``limiter``).

Source: Bertsekas and Gallager, Data Networks, section 6.5.2 (water filling).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping


def fair_rate(total: float, others: Iterable[float]) -> float:
    """What one who takes all it can get may take.

    Args:
        total: What there is.
        others: What each of the others wants; infinity for all it can get.

    Returns:
        The share; the shares of all who reckon alike add up to the total at most.
    """
    wants = sorted(others)
    left = total
    sharing = len(wants) + 1
    for want in wants:
        if not want <= left / sharing:
            break
        left -= max(0.0, want)
        sharing -= 1
    return left / sharing


def fair_slots(total: int, others: Mapping[int, int], me: int, turn: int) -> int:
    """The same in whole numbers; what can't be divided goes round.

    Args:
        total: Slots there are.
        others: Slots each of the others wants, by its place.
        me: Our own place.
        turn: Number of the round. With fewer slots than sharers nobody has a slot for good.

    Returns:
        Our slots; 0 when it is the others' turn.
    """
    share = fair_rate(total, others.values())
    sharing = sorted([me, *(place for place, want in others.items() if want > share)])
    left = total - sum(max(0, want) for want in others.values() if want <= share)
    each, odd = divmod(left, len(sharing))
    return each + ((sharing.index(me) - turn) % len(sharing) < odd)


def stricter(one: float | None, other: float | None) -> float:
    """The smaller of two limits; None is no limit."""
    return min(math.inf if one is None else one, math.inf if other is None else other)
