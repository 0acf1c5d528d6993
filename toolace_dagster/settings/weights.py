"""How often each of several things is drawn beside the others.

Belongs here: weights, and the order in which they stand. Does not belong here: drawing.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_Choice = TypeVar("_Choice")


def in_order_of(*first: object) -> AfterValidator:
    """Put weights into one order, however they were written.

    Draws go by it, and fingerprints don't. Dagster hands settings on with their keys sorted, so the same settings would
    give other dialogues where a run is executed again.

    Args:
        *first: Choices that come first, in this order; all others follow by name.
    """
    places = {choice: place for place, choice in enumerate(first)}

    def ordered(weights: dict[_Choice, float]) -> dict[_Choice, float]:
        return dict(sorted(weights.items(), key=lambda each: (places.get(each[0], len(places)), str(each[0]))))

    return AfterValidator(ordered)
