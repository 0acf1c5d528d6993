"""The budget of a run: prices and limits from the settings, and where its processes share what they spend.

Belongs here: making budgets. Does not belong here: what they do (``llm.money``), or
where calls are made.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from toolace_dagster.llm.money import Budget, Ledger, Limits, PriceTable, load_prices
from toolace_dagster.llm.protocol import Usage
from toolace_dagster.llm.transport import endpoint_host
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.warehouse import Warehouse


class PriceMissing(ValueError):
    """A limit in dollars for a model without a price; the message shows how to give it one."""


def limits_of(settings: Settings) -> Limits:
    """What a run may spend."""
    return Limits(settings.max_cost, settings.max_tokens_total, settings.max_calls)


def budget_of(settings: Settings, warehouse: Warehouse, run: str) -> Budget:
    """The budget of a run.

    Args:
        settings: Settings of the run.
        warehouse: The home, which holds the file that the run's processes share.
        run: What the processes have in common: an id.

    Raises:
        PriceError: If the user's price file is none.
        PriceMissing: If there is a limit in dollars and a model has no price.
    """
    prices = load_prices(settings.prices)
    if settings.max_cost is not None:
        for model in settings.models.values():
            _require_price(prices, model)
    limits = limits_of(settings)
    return Budget(prices, limits, _ledger(warehouse.ledger(run)) if limits else None)


def _require_price(prices: PriceTable, model: ModelSettings) -> None:
    try:
        host = endpoint_host(model)
    except ValueError:
        # Not even an address: the first call says so, with the mend.
        return
    quote = prices.find(model.model, host)
    if quote is None:
        raise PriceMissing(f"max_cost is set, but {prices.missing(model.model, host)}")
    if quote.price.cost(Usage(), model.mode) is None:
        raise PriceMissing(
            f"max_cost is set, but {quote.file} does not say what batches of {quote.name} cost. Give it a field batch, "
            "such as batch = 0.5 for half the price, in a file of your own (--prices), or leave out --mode batch."
        )


@cache
def _ledger(path: Path) -> Ledger:
    """One a process and run, since it holds this process's slot in the file."""
    return Ledger(path)
