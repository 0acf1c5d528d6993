"""From which arm of a curve on the next ones bring nothing more that can be told from chance.

Belongs here: comparing arms dialogue by dialogue. Does not belong here: counting within
an arm (``measures``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolace_dagster.intervals import sign_test

CHANCE = 0.05
"""Likeliness below which a difference counts."""

Defective = Mapping[str, bool]
"""By dialogue, whether it has a defect; the same dialogues have the same ids in all arms."""


def is_better(one: Defective, other: Defective) -> bool:
    """Whether the other has fewer defective dialogues, over those that both have, beyond what chance explains."""
    common = one.keys() & other.keys()
    mended = sum(one[name] and not other[name] for name in common)
    broken = sum(other[name] and not one[name] for name in common)
    return mended > broken and sign_test(mended, broken) < CHANCE


def convergence_point(arms: Sequence[Defective]) -> int | None:
    """Position of the first arm that no later one is better than; None without arms.

    Args:
        arms: In the order of growing cost.
    """
    for position, arm in enumerate(arms):
        if not any(is_better(arm, later) for later in arms[position + 1 :]):
            return position
    return None


def could_tell(arms: Sequence[Defective], position: int) -> bool:
    """Whether there are dialogues enough that a later arm could have been found better than one.

    Args:
        arms: In the order of growing cost.
        position: Of the one.

    Returns:
        False where even an arm that mends all its defective dialogues and breaks none would not be told from chance, or
        where so few dialogues without a defect say nothing. True for the last arm, which nothing is compared with.
    """
    one, later = arms[position], arms[position + 1 :]
    if not later:
        return True

    def most(other: Defective) -> int:
        common = one.keys() & other.keys()
        # Where nothing is defective, no gain is possible: then it counts how many could have been.
        return sum(one[name] for name in common) or len(common)

    return any(sign_test(most(other), 0) < CHANCE for other in later)
