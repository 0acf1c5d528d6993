"""What calls cost: the price table, the cost of a call, and budgets that stop a run.

Belongs here: prices, arithmetic and limits. Does not belong here: which calls a run
will make (``pipeline.estimate``), or adding up stored calls (``sql/costs``).
"""

from toolace_dagster.llm.money.bill import Bill, counted, dollars, total
from toolace_dagster.llm.money.budget import Budget, BudgetReached, Limits
from toolace_dagster.llm.money.ledger import Ledger, Spent
from toolace_dagster.llm.money.prices import Price, PriceError, PriceTable, Quote, load_prices

__all__ = [
    "Bill",
    "Budget",
    "BudgetReached",
    "Ledger",
    "Limits",
    "Price",
    "PriceError",
    "PriceTable",
    "Quote",
    "Spent",
    "counted",
    "dollars",
    "load_prices",
    "total",
]
