"""What ratings come to: how often each home was preferred, and whether that is more than chance.

Belongs here: counting. Does not belong here: showing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolace_dagster.intervals import sign_test, wilson
from toolace_dagster.rating.records import Rating


@dataclass(frozen=True)
class Tally:
    """Ratings of two homes.

    Attributes:
        one: Label of a home, the first in order.
        other: Label of the other.
        wins: Times the first was preferred.
        losses: Times the other was.
        ties: Times neither was.
        left: Times the left one was preferred, whatever it was: about half of the wins and losses if sides do not sway.
    """

    one: str
    other: str
    wins: int
    losses: int
    ties: int
    left: int

    @property
    def share(self) -> float | None:
        """Share of the decided pairs in which the first was preferred; None when none is decided."""
        decided = self.wins + self.losses
        return self.wins / decided if decided else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share (Wilson)."""
        return wilson(self.wins, self.wins + self.losses)

    @property
    def p_value(self) -> float:
        """How likely so uneven a result is when neither is better (exact sign test, ties left out)."""
        return sign_test(self.wins, self.losses)


def tally_ratings(ratings: Sequence[Rating]) -> list[Tally]:
    """Ratings counted, for each two homes that were compared."""
    homes = sorted({(min(each.left, each.right), max(each.left, each.right)) for each in ratings})
    made: list[Tally] = []
    for one, other in homes:
        mine = [each for each in ratings if {each.left, each.right} == {one, other}]
        made.append(
            Tally(
                one=one,
                other=other,
                wins=sum(each.preferred == one for each in mine),
                losses=sum(each.preferred == other for each in mine),
                ties=sum(each.preferred is None for each in mine),
                left=sum(each.choice == "left" for each in mine),
            )
        )
    return made
