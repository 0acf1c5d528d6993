"""The error model: which mistakes the offline model makes, and how often.

Belongs here: the table of rates, and the draws. Does not belong here: what a
mistake looks like (the module of the task that makes it), or how it is found.

The rates were set before any dialogue was made, from the proportions the paper
reports (invented parameters are about half of what rules reject, wrongly
extracted parameters about a quarter of what experts reject), and are not tuned
to reach a figure.
"""

from __future__ import annotations

from random import Random
from typing import Final

ERROR_RATES: Final[dict[str, float]] = {
    # per sub-trajectory; half of it per masked turn of the fitting kind in mask_fill. Where agents play a sub-task turn
    # by turn, each of its steps has an equal part of it, and its reply the whole: as many mistakes a sub-task.
    "invented_value": 0.06,
    "altered_value": 0.025,
    "wrong_type": 0.015,
    "missing_argument": 0.015,
    "unknown_argument": 0.01,
    "wrong_tool": 0.005,
    "unfaithful_reply": 0.03,
    "output_schema": 0.01,
    # per request of any kind
    "broken_json": 0.01,
    # per task spec
    "dropped_sub_task": 0.02,
    "wrong_steps": 0.01,
    "unlisted_tool": 0.005,
    "dropped_detail": 0.02,
    "invalid_detail": 0.01,
    "tool_in_goal": 0.01,
    # per value that is to be given a source; half of invented_value besides, for another that has none
    "idle_correction": 0.03,
    # per injection, and per complication that an agent is told to bring about
    "idle_injection": 0.03,
    # per comparison: the verdict is turned around
    "judge_errs": 0.10,
    # per real fault an expert could name, and per question without one
    "expert_misses": 0.15,
    "expert_false_alarm": 0.01,
}
"""Rate of each kind of mistake at ``error_rate=1``."""

CALL_ERRORS: Final = (
    "invented_value",
    "altered_value",
    "wrong_type",
    "missing_argument",
    "unknown_argument",
    "wrong_tool",
)
"""Mistakes in a tool call, in the order they are drawn."""

REPAIR_FACTOR: Final = 0.5
"""A repair is easier than a first draft: mask-and-fill errs at half the rates."""


class Errors:
    """Draws of mistakes for one request, from a stream of its own.

    The stream is apart from the one content is drawn from, so that the same
    request at ``error_rate=0`` gives the same answer without the mistakes.

    Args:
        rng: The stream.
        scale: Multiplies every rate; 0 means no mistakes.
    """

    def __init__(self, rng: Random, scale: float) -> None:
        self.rng = rng
        self.scale = scale

    def hit(self, kind: str, factor: float = 1.0) -> bool:
        """Whether this mistake is made now.

        Args:
            kind: A key of ``ERROR_RATES``.
            factor: Extra factor on the rate.

        Returns:
            True with the scaled probability. Each call consumes one draw, hit or not.
        """
        return self.rng.random() < min(1.0, ERROR_RATES[kind] * factor * self.scale)

    def drawn(self, kinds: tuple[str, ...], factor: float = 1.0) -> list[str]:
        """The mistakes of several kinds that are made now, each drawn by itself."""
        return [kind for kind in kinds if self.hit(kind, factor)]
