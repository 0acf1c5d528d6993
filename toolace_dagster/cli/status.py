"""``toolace status``: what a home holds.

Belongs here: printing counts. Does not belong here: counting (``reporting``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolace_dagster.cli.console import complain, say, show_table, warn
from toolace_dagster.cli.costs import explain_unpriced, prices_of, print_costs
from toolace_dagster.configuration.last_run import last_settings
from toolace_dagster.llm.money import total
from toolace_dagster.pipeline.plans import kind_rows, shape_rows
from toolace_dagster.pipeline.sync import retired_domains
from toolace_dagster.reporting.calls import count_calls
from toolace_dagster.reporting.summary import DomainSummary, reasons_over, summarize
from toolace_dagster.warehouse import Warehouse


def show_status(home: Path) -> int:
    """Print all domains of a home.

    Returns:
        Exit code: 1 when there is nothing, or when sums do not add up.
    """
    warehouse = Warehouse(home)
    domains = warehouse.domains()
    if not domains:
        complain(f"{home} holds nothing yet. `toolace run` makes something; --home names another folder.")
        return 1
    summaries = [summarize(warehouse, domain) for domain in domains]
    print_summaries(summaries)
    rows = [
        (summary.domain, *(row[key] for key in ("stage", "attempted", "accepted", "rejected", "failed")))
        for summary in summaries
        for row in summary.stages
    ]
    say("")
    show_table("By stage", ("domain", "stage", "attempted", "accepted", "rejected", "failed"), rows)
    print_calls(warehouse, domains)
    print_costs(warehouse, summaries)
    explain_unpriced(warehouse, domains, prices_of(warehouse.settings_file))
    print_plans(warehouse)
    for domain, since in retired_domains(warehouse).items():
        say(
            f"{domain} was gone from the pool on {since:%Y-%m-%d}: it is no part of the dataset, and "
            "`toolace gc --retired` removes its data unless it is back."
        )
    wrong = [summary.domain for summary in summaries if not summary.adds_up]
    if wrong:
        complain(f"the counts of {', '.join(wrong)} do not add up: attempted = accepted + rejected + failed")
    return 1 if wrong else 0


def print_calls(warehouse: Warehouse, domains: Sequence[str]) -> None:
    """Print how many calls the steps of the method took per dialogue, what convergence saved, what was refined."""
    counts = count_calls(warehouse, domains)
    if not counts.calls or not counts.attempted:
        return
    rows = [(step, calls, f"{calls / counts.attempted:.2f}") for step, calls in counts.calls.items()]
    rows.append(("all", sum(counts.calls.values()), f"{counts.per_dialogue:.2f}"))
    say("")
    show_table("Calls by step", ("step", "calls", "per dialogue"), rows)
    if counts.converged:
        say(
            f"{counts.converged} of {counts.rounds} refinement rounds made no call, their dialogues had converged: "
            f"about {counts.saved:.0f} calls saved."
        )
    if counts.turns:
        say(f"{counts.refined / counts.turns:.0%} of {counts.turns:,} turns were refined at least once.")


def print_plans(warehouse: Warehouse) -> None:
    """Print the mix of plan shapes and distractors that came out, over all domains."""
    stores = [warehouse.domain(domain) for domain in warehouse.domains()]
    settings, notes = last_settings(warehouse.settings_file)
    for note in notes:
        warn(note)
    shapes, kinds = shape_rows(stores, settings), kind_rows(stores, settings)
    say("")
    show_table("Sub-tasks by shape", tuple(shapes[0]), [tuple(row.values()) for row in shapes])
    say("")
    show_table("Distractors", tuple(kinds[0]), [tuple(row.values()) for row in kinds])


def print_summaries(summaries: Sequence[DomainSummary]) -> None:
    """Print domains with their ends and costs, a total, and reasons."""
    rows = [_numbers(summary.domain, [summary]) for summary in summaries]
    if len(summaries) > 1:
        rows.append(_numbers("all", summaries))
    columns = ("domain", "attempted", "accepted", "rejected", "failed", "pass rate", "calls", "cached", "tokens")
    bills = [summary.bill for summary in summaries]
    if not total(bills).is_free:
        columns = (*columns, "cost")
        costs = [*(bill.words for bill in bills), total(bills).words]
        rows = [(*row, cost) for row, cost in zip(rows, costs, strict=False)]
    unfinished = sum(summary.unfinished for summary in summaries)
    show_table("Dialogues", columns, rows)
    if unfinished:
        say(f"{unfinished} dialogues are unfinished: `toolace run` goes on with them.")
    reasons = reasons_over(summaries)
    if reasons:
        say("")
        show_table("Rejected or failed, by reason", ("end", "check", "dialogues", "for example"), reasons)


def _numbers(name: str, summaries: Sequence[DomainSummary]) -> tuple[object, ...]:
    attempted = sum(summary.attempted for summary in summaries)
    accepted = sum(summary.accepted for summary in summaries)
    return (
        name,
        attempted,
        accepted,
        sum(summary.rejected for summary in summaries),
        sum(summary.failed for summary in summaries),
        f"{accepted / attempted:.0%}" if attempted else "-",
        sum(summary.calls for summary in summaries),
        sum(summary.cached_calls for summary in summaries),
        int(sum(summary.prompt_tokens + summary.completion_tokens for summary in summaries)),
    )
