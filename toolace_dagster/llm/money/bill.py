"""What some calls cost, as it is added up and told.

Belongs here: sums of costs and how they are written. Does not belong here: where
they are shown, or reading them (``sql/costs``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

_SMALL = 0.0001


@dataclass(frozen=True)
class Bill:
    """What some calls cost.

    Attributes:
        calls: Calls paid for.
        free: Those of them that cost nothing, since the offline model answered.
        unpriced: Those of them without a known price.
        prompt_tokens: Of all of them.
        completion_tokens: Of all of them, hidden reasoning included.
        cost: Dollars of those with a known price.
    """

    calls: int = 0
    free: int = 0
    unpriced: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Bill) -> Bill:
        return Bill(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def is_free(self) -> bool:
        """Whether nothing could cost anything."""
        return self.free == self.calls

    @property
    def words(self) -> str:
        """``free``, an amount, ``unknown``, or an amount and how many calls it leaves out."""
        if not self.calls:
            return "$0"
        if self.is_free:
            return "free"
        if self.unpriced == self.calls:
            return "unknown"
        return dollars(self.cost) + (f" and {counted(self.unpriced, 'call')} of unknown price" if self.unpriced else "")


def total(bills: Iterable[Bill]) -> Bill:
    """The sum of bills."""
    return sum(bills, Bill())


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 call``, ``1,668 calls``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def dollars(amount: float) -> str:
    """An amount in dollars with as many digits as tell something: ``$12.34``, ``$0.0123``, ``$4.2e-05``."""
    if amount == 0:
        return "$0"
    if abs(amount) >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if abs(amount) >= _SMALL else f"${amount:.1e}"
