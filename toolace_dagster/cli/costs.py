"""What was paid, in the terminal.

Belongs here: printing bills. Does not belong here: adding them up
(``reporting.costs``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from toolace_dagster.cli.console import say, show_table
from toolace_dagster.configuration.last_run import last_settings
from toolace_dagster.llm.money import Bill, PriceError, PriceTable, counted, load_prices, total
from toolace_dagster.reporting.costs import bills_by
from toolace_dagster.reporting.summary import DomainSummary
from toolace_dagster.warehouse import Warehouse


def print_bill(summaries: Sequence[DomainSummary], of_run: Bill | None) -> None:
    """Print what a run cost, and all runs before it together with it.

    Args:
        summaries: The domains of the run.
        of_run: What the run paid for; None when it made no call.
    """
    whole = total(summary.bill for summary in summaries)
    if not whole.calls:
        return
    if whole.is_free:
        say("Cost: free, the offline model answered.")
        return
    run = f"{(of_run or Bill()).words} in this run, " if of_run != whole else ""
    say(f"Cost: {run}{whole.words} over all runs of these domains.")


def print_costs(warehouse: Warehouse, summaries: Sequence[DomainSummary]) -> None:
    """Print costs by stage and by model; nothing when all was free."""
    domains = [summary.domain for summary in summaries]
    found = {stage: bill for (stage,), bill in bills_by(warehouse, domains, "stage").items()}
    if total(found.values()).is_free:
        return
    # In the order of the pipeline; a stage that was stopped may have calls before it has rows.
    order = dict.fromkeys([row["stage"] for summary in summaries for row in summary.stages])
    stages = {stage: found[stage] for stage in [*order, *(found.keys() - order)] if stage in found}
    say("")
    columns = ("calls", "prompt tokens", "completion tokens", "cost")
    show_table("Cost by stage", ("stage", *columns), [(stage, *_cells(bill)) for stage, bill in stages.items()])
    models = bills_by(warehouse, domains, "model")
    say("")
    show_table(
        "Cost by model",
        ("model", "endpoint", "mode", "price", *columns),
        [(model, host, mode, price or "-", *_cells(bill)) for (model, host, mode, price), bill in models.items()],
    )


def explain_unpriced(warehouse: Warehouse, domains: Iterable[str], prices: PriceTable) -> None:
    """Say which models had no price, and how to give them one."""
    bills = bills_by(warehouse, domains, "model")
    unpriced = {(model, host): bill for (model, host, _, _), bill in bills.items() if bill.unpriced}
    for (model, host), bill in unpriced.items():
        say(f"{counted(bill.unpriced, 'call')} of {model} at {host} {'has' if bill.unpriced == 1 else 'have'} no cost.")
        if prices.find(model, host) is None:
            say(prices.missing(model, host))


def prices_of(settings_file: Path) -> PriceTable:
    """The price table that a home's last run used; the shipped one where the user's own can't be read any more."""
    try:
        return load_prices(last_settings(settings_file)[0].prices)
    except (OSError, PriceError):
        return load_prices()


def _cells(bill: Bill) -> tuple[object, ...]:
    return (bill.calls, bill.prompt_tokens, bill.completion_tokens, bill.words)
