"""One measured figure, and finding one among many.

Belongs here: the row. Does not belong here: what a metric means (``catalogue``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Over = Literal["attempted", "accepted"]
"""``attempted``: dialogues as generation left them. ``accepted``: those that passed, as they were accepted."""


@dataclass(frozen=True)
class MetricRow:
    """A figure.

    Attributes:
        domain: Tool domain; None for all domains together.
        over: Which dialogues.
        metric: Name, one of ``METRICS``.
        part: What it is of: a stage, check, kind of injection, parameter or number; None for the whole.
        value: The figure, in the metric's unit.
        count: How many dialogues, turns, tokens, calls or parameters it was taken over.
    """

    domain: str | None
    over: Over
    metric: str
    part: str | None
    value: float
    count: int


def figure(
    rows: Iterable[MetricRow],
    metric: str,
    *,
    over: Over = "accepted",
    domain: str | None = None,
    part: str | None = None,
) -> float | None:
    """The value of one figure.

    Args:
        rows: A measurement.
        metric: Name of the metric.
        over: Which dialogues.
        domain: Tool domain; None for all together.
        part: Part; None for the whole.

    Returns:
        The value, or None where it was not measured.
    """
    wanted = (metric, over, domain, part)
    return next((row.value for row in rows if (row.metric, row.over, row.domain, row.part) == wanted), None)
