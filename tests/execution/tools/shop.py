"""A small stateful backend, and one of functions, for the tests of execution.

Belongs here: well-behaved tools. Does not belong here: hostile ones.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import random
from typing import Any


@dataclasses.dataclass
class Item:
    """Something in the shop."""

    name: str
    price: float
    since: dt.date


class Shop:
    """Keeps a basket."""

    def __init__(self, seed: int = 0, today: dt.date | None = None) -> None:
        self.seed = seed
        self.today = today
        self.basket: list[str] = []

    def add(self, item: str) -> dict[str, Any]:
        if item == "ghost":
            raise ValueError("there is no ghost in the shop")
        self.basket.append(item)
        return {"basket": self.basket}

    def swap(self, old: str, new: str = "rug", /, *, note: str = "") -> list[str]:
        return [old, new, note]

    def count(self) -> int:
        return len(self.basket)

    def week_from_now(self) -> str | None:
        return None if self.today is None else (self.today + dt.timedelta(days=7)).isoformat()

    def opening_stock(self) -> int:
        return self.seed

    def draw(self) -> float:
        return random.random()

    def describe(self) -> Any:
        return (Item("lamp", 9.5, dt.date(2026, 3, 1)), {"b", "a"})

    async def later(self) -> str:
        return "now"

    def refuse(self) -> dict[str, str]:
        return {"error": "the shop is closed"}

    def _secret(self) -> str:
        return "hidden"


def day_told() -> str | None:
    return os.environ.get("DIALOGUE_TODAY")


def double(number: float) -> float:
    return number * 2
