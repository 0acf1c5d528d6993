"""Budgets: what a run may spend, and stopping it when that is spent.

Before a call the gateway asks for admission; with its response it says what was
used. Near a limit fewer calls are let in at once: those in flight are counted with
what a call cost on average so far. So a limit on calls is never passed, and one on
dollars or tokens by no more than calls in flight: a few before the first response
is in, and later those that turn out dearer than the average.

Belongs here: limits, and deciding whether one more call may start. Does not belong
here: sharing what was spent between processes (``ledger``), or making calls.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from toolace_dagster.llm.money.bill import dollars
from toolace_dagster.llm.money.ledger import Ledger, Spent
from toolace_dagster.llm.money.prices import PriceTable
from toolace_dagster.llm.protocol import Usage
from toolace_dagster.llm.records import CallMode

_WAIT = 0.02
_AT_FIRST = 8
"""Calls in flight while nothing is known of what one costs."""


class BudgetReached(Exception):
    """A limit is reached, so no more calls are made. The message names it and says how to go on.

    Attributes:
        limit: Name of the setting.
    """

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


@dataclass(frozen=True)
class Limits:
    """What one run may spend, over all its processes; None is no limit.

    Attributes:
        max_cost: Dollars.
        max_tokens_total: Tokens of prompts and replies together.
        max_calls: Calls.
    """

    max_cost: float | None = None
    max_tokens_total: int | None = None
    max_calls: int | None = None

    def __bool__(self) -> bool:
        return any(limit is not None for limit in (self.max_cost, self.max_tokens_total, self.max_calls))

    def reached(self, spent: Spent) -> BudgetReached | None:
        """The limit that was reached, if one was."""
        if self.max_cost is not None and spent.cost >= self.max_cost:
            return _reached("max_cost", dollars(self.max_cost), spent)
        if self.max_tokens_total is not None and spent.tokens >= self.max_tokens_total:
            return _reached("max_tokens_total", f"{self.max_tokens_total:,} tokens", spent)
        if self.max_calls is not None and spent.calls >= self.max_calls:
            return _reached("max_calls", f"{self.max_calls:,} calls", spent)
        return None

    def crowded(self, spent: Spent) -> BudgetReached | None:
        """The limit that one more call beside those in flight would pass, if all are as dear as the average so far."""
        expected = 1 + (spent.in_flight + 1) / spent.calls if spent.calls else 0
        if self.max_cost is not None and spent.cost * expected > self.max_cost:
            return _reached("max_cost", dollars(self.max_cost), spent)
        if self.max_tokens_total is not None and spent.tokens * expected > self.max_tokens_total:
            return _reached("max_tokens_total", f"{self.max_tokens_total:,} tokens", spent)
        if self.max_calls is not None and spent.calls + spent.in_flight >= self.max_calls:
            return _reached("max_calls", f"{self.max_calls:,} calls", spent)
        return None


class Budget:
    """Prices calls, keeps count of what they cost, and lets no more be made than the limits allow.

    Attributes:
        prices: The price table.
        limits: What the run may spend.
    """

    def __init__(
        self, prices: PriceTable | None = None, limits: Limits | None = None, ledger: Ledger | None = None
    ) -> None:
        """Start with what the ledger holds.

        Args:
            prices: Price table; None knows only that the offline model is free.
            limits: Limits; None is no limit.
            ledger: Where the run's processes share what they spend; None keeps count in this process alone.
        """
        self.prices = prices or PriceTable()
        self.limits = limits or Limits()
        self._ledger = ledger or Ledger()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()

    @property
    def spent(self) -> Spent:
        """What the run spent so far, over all its processes."""
        return self._ledger.read()

    def forget(self) -> None:
        """Let go of what the run's processes shared, when all of them have ended."""
        self._ledger.forget()

    def check(self) -> None:
        """Make sure that something is left to spend; for calls that are sent many at once, as batches are.

        Raises:
            BudgetReached: If a limit is reached.
        """
        if self.limits and (reached := self.limits.reached(self.spent)):
            raise reached

    async def admit(self, *, together: bool = False) -> None:
        """Wait until one more call may start, and count it as in flight; :meth:`leave` when it has ended.

        Args:
            together: The call waits for others, to be sent with them as a batch: so it can't wait for them here. While
                nothing is known of what a call costs, the first batch takes all.

        Raises:
            BudgetReached: If a limit is reached, or would be by the calls in flight and this one can't wait.
        """
        if not self.limits or self._admitted(together):
            return
        if self._loop is not asyncio.get_running_loop():
            self._loop, self._turn = asyncio.get_running_loop(), asyncio.Lock()
        # Hundreds may wait, and each look takes the lock that all processes share: so one looks for all.
        async with self._turn:
            while not self._admitted(together):  # noqa: ASYNC110 - other processes change it
                await asyncio.sleep(_WAIT)

    def _admitted(self, together: bool) -> bool:
        """Whether a call may start now; it is then counted as in flight.

        Raises:
            BudgetReached: As :meth:`admit` does.
        """
        with self._ledger.changing() as spent:
            if reached := self.limits.reached(spent):
                raise reached
            crowded = self.limits.crowded(spent) if spent.in_flight else None
            if together and crowded:
                raise crowded
            if crowded or not (together or spent.calls or spent.in_flight < _AT_FIRST):
                return False
            self._ledger.add(in_flight=1)
            return True

    def leave(self) -> None:
        """A call that was let in has ended, with or without a response."""
        if self.limits:
            with self._ledger.changing():
                self._ledger.add(in_flight=-1)

    def spend(
        self, usage: Usage, model: str, endpoint: str, mode: CallMode = "live"
    ) -> tuple[float | None, str | None]:
        """Count a call that was answered; against the limit one of unknown price counts rather too much.

        Args:
            usage: Its tokens.
            model: Model name.
            endpoint: Host of the endpoint.
            mode: Whether it was part of a batch.

        Returns:
            What it cost in dollars and the label of the price; None and None when there is no price.
        """
        quote = self.prices.find(model, endpoint)
        reckoned = quote.price.reckoned(usage, mode) if quote else 0.0
        with self._ledger.changing():
            self._ledger.add(calls=1, tokens=usage.prompt_tokens + usage.completion_tokens, cost=reckoned)
        return self.price(usage, model, endpoint, mode)

    def price(
        self, usage: Usage, model: str, endpoint: str, mode: CallMode = "live"
    ) -> tuple[float | None, str | None]:
        """What a call costs, and the label of the price; None and None when there is no price."""
        quote = self.prices.find(model, endpoint)
        cost = quote.price.cost(usage, mode) if quote else None
        return cost, quote.label if quote and cost is not None else None


def _reached(name: str, limit: str, spent: Spent) -> BudgetReached:
    return BudgetReached(
        name,
        f"the limit {name} of {limit} is reached: {spent.words}. "
        f"Everything paid for is kept; the same command with a higher {name} goes on from there.",
    )
