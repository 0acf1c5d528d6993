"""Budgets: what a run may spend, and stopping it when that is spent.

Before a call the gateway asks for admission; with its response it says what was
used. Near a limit fewer calls are let in at once: those in flight are counted with
what a call cost on average so far. So a limit on calls is never passed, and one on
dollars or tokens by no more than calls in flight: a few before the first response
is in, and later those that turn out dearer than the average. A batch can't be held
back call by call; so the first one takes no more than is sure to keep to the limits,
reckoned by the longest reply and a prompt of many tokens.

Belongs here: limits, and deciding whether one more call may start. Does not belong
here: sharing what was spent between processes (``ledger``), or making calls.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from toolace_dagster.llm.money.bill import counted, dollars
from toolace_dagster.llm.money.ledger import Ledger, Spent
from toolace_dagster.llm.money.prices import PriceTable, Quote
from toolace_dagster.llm.protocol import Usage
from toolace_dagster.llm.records import CallMode

_WAIT = 0.02
_AT_FIRST = 8
"""Calls in flight while nothing is known of what one costs."""
_BYTES_A_TOKEN = 2


class BudgetReached(Exception):
    """A limit is reached, so no more calls are made. The message names it and says how to go on.

    Attributes:
        limit: Name of the setting.
    """

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


@dataclass(frozen=True)
class Bound:
    """The most a call may take.

    Attributes:
        tokens: Of prompt and reply.
        cost: Dollars.
    """

    tokens: int = 0
    cost: float = 0.0


@dataclass
class Admission:
    """Leave to make one call.

    Attributes:
        most: The most it may take, where that is reckoned.
        over: Whether it is no longer in flight.
    """

    most: Bound
    over: bool = False


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
            return _reached("max_tokens_total", counted(self.max_tokens_total, "token"), spent)
        if self.max_calls is not None and spent.calls >= self.max_calls:
            return _reached("max_calls", counted(self.max_calls, "call"), spent)
        return None

    def crowded(self, spent: Spent) -> BudgetReached | None:
        """The limit that one more call beside those in flight would pass, if all are as dear as the average so far."""
        more, known = spent.in_flight + 1, max(1, spent.calls)
        if self.max_cost is not None and spent.cost + spent.cost / known * more > self.max_cost:
            return _reached("max_cost", dollars(self.max_cost), spent)
        if self.max_tokens_total is not None and spent.tokens + spent.tokens / known * more > self.max_tokens_total:
            return _reached("max_tokens_total", counted(self.max_tokens_total, "token"), spent)
        if self.max_calls is not None and spent.calls + spent.in_flight >= self.max_calls:
            return _reached("max_calls", counted(self.max_calls, "call"), spent)
        return None

    def exceeded(self, spent: Spent, most: Bound) -> bool:
        """Whether one more call beside those in flight would pass a limit, if all take as much as they may."""
        if self.max_cost is not None and spent.cost + spent.pledged_cost + most.cost > self.max_cost:
            return True
        tokens = spent.tokens + spent.pledged_tokens + most.tokens
        return self.max_tokens_total is not None and tokens > self.max_tokens_total


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

    def bound(self, prompt: int, reply: int, model: str, endpoint: str) -> Bound:
        """The most that a call by a batch may take.

        Args:
            prompt: Bytes of prompt and schema. Two a token are reckoned with, where texts have three to five.
            reply: Tokens of the reply at most.
            model: Model name.
            endpoint: Host of the endpoint.
        """
        most = Usage(prompt_tokens=prompt // _BYTES_A_TOKEN + 1, completion_tokens=reply)
        quote = self.prices.find(model, endpoint)
        cost = quote.price.reckoned(most, "batch") if quote else 0.0
        return Bound(most.prompt_tokens + most.completion_tokens, cost)

    async def admit(self, together: Bound | None = None) -> Admission:
        """Wait until one more call may start; it counts as in flight until it is paid for or :meth:`leave` is called.

        Args:
            together: Set when the call waits for others, to be sent with them as a batch: the most it may take. While
                nothing is known of what a call costs, the first batch takes as many calls as are sure to keep to the
                limits, one at least, and the others wait for its answers. Later calls can't wait here for those that
                wait for them.

        Raises:
            BudgetReached: If a limit is reached, or would be by the calls in flight and this one can't wait.
        """
        admission = Admission(together or Bound())
        if not self.limits or self._admitted(together):
            return admission
        if self._loop is not asyncio.get_running_loop():
            self._loop, self._turn = asyncio.get_running_loop(), asyncio.Lock()
        # Hundreds may wait, and each look takes the lock that all processes share: so one looks for all.
        async with self._turn:
            while not self._admitted(together):  # noqa: ASYNC110 - other processes change it
                await asyncio.sleep(_WAIT)
        return admission

    def _admitted(self, together: Bound | None) -> bool:
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
            if crowded or not (spent.calls or self._fits_unknown(spent, together)):
                return False
            pledged = together or Bound()
            self._ledger.add(Spent(in_flight=1, pledged_tokens=pledged.tokens, pledged_cost=pledged.cost))
            return True

    def _fits_unknown(self, spent: Spent, together: Bound | None) -> bool:
        """Whether a call may start while nothing is known of what one costs."""
        if together is None:
            return spent.in_flight < _AT_FIRST
        return not spent.in_flight or not self.limits.exceeded(spent, together)

    def leave(self, admission: Admission) -> None:
        """A call that was let in has ended; nothing happens when it was paid for already."""
        if self.limits and not admission.over:
            with self._ledger.changing():
                self._end(admission)

    def _end(self, admission: Admission) -> None:
        admission.over = True
        most = admission.most
        self._ledger.add(Spent(in_flight=-1, pledged_tokens=-most.tokens, pledged_cost=-most.cost))

    def spend(
        self,
        usage: Usage,
        model: str,
        endpoint: str,
        mode: CallMode = "live",
        admission: Admission | None = None,
    ) -> tuple[float | None, str | None]:
        """Count a call that was answered; against the limit one of unknown price counts rather too much.

        Args:
            usage: Its tokens.
            model: Model name.
            endpoint: Host of the endpoint.
            mode: Whether it was part of a batch.
            admission: How it was let in; it is no longer in flight, so that nobody counts it twice.

        Returns:
            What it cost in dollars and the label of the price; None and None when there is no price.
        """
        quote = self.prices.find(model, endpoint)
        reckoned = quote.price.reckoned(usage, mode) if quote else 0.0
        cost, label = _priced(quote, usage, mode)
        tokens = usage.prompt_tokens + usage.completion_tokens
        unknown = cost is None
        used = Spent(1, 0, tokens, reckoned, unpriced=int(unknown), guessed=reckoned if unknown else 0.0)
        with self._ledger.changing():
            self._ledger.add(used)
            if self.limits and admission is not None and not admission.over:
                self._end(admission)
        return cost, label

    def price(
        self, usage: Usage, model: str, endpoint: str, mode: CallMode = "live"
    ) -> tuple[float | None, str | None]:
        """What a call costs, and the label of the price; None and None when there is no price."""
        return _priced(self.prices.find(model, endpoint), usage, mode)


def _priced(quote: Quote | None, usage: Usage, mode: CallMode) -> tuple[float | None, str | None]:
    cost = quote.price.cost(usage, mode) if quote else None
    return cost, quote.label if quote and cost is not None else None


def _reached(name: str, limit: str, spent: Spent) -> BudgetReached:
    return BudgetReached(
        name,
        f"the limit {name} of {limit} is reached: {spent.words}. "
        f"Everything paid for is kept; the same command with a higher {name} goes on from there.",
    )
