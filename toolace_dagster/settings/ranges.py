"""Ranges of numbers and days to draw from.

Belongs here: their bounds and weights. Does not belong here: drawing.
"""

from __future__ import annotations

import datetime as dt
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toolace_dagster.settings.weights import Weight


class Range(BaseModel):
    """An inclusive range of whole numbers, and how often each is drawn.

    Attributes:
        low: Smallest number.
        high: Largest number.
        weights: By number, how often it is drawn beside the others; a number left out is not drawn. Empty means that
            all are drawn equally often.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: int = Field(ge=0)
    high: int = Field(ge=0)
    weights: dict[int, Weight] = Field(default_factory=dict[int, float])

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"the range {self.low} to {self.high} is empty")
        if outside := sorted(number for number in self.weights if not self.low <= number <= self.high):
            raise ValueError(f"weights name {outside[0]}, which is not in the range {self.low} to {self.high}")
        if self.weights and not sum(self.weights.values()):
            raise ValueError("weights need at least one above 0")
        return self


class Days(BaseModel):
    """An inclusive range of days, such as 2026-03-02 to 2026-03-13."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: dt.date
    last: dt.date

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"the range {self.first} to {self.last} is empty")
        return self
