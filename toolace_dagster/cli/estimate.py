"""``toolace estimate``: what a run will cost, before it starts.

Belongs here: what is printed. Does not belong here: estimating
(``pipeline.estimate``).
"""

from __future__ import annotations

import time

from toolace_dagster.cli.console import complain, say, show_table
from toolace_dagster.cli.domains import choose_domains
from toolace_dagster.cli.pool import open_pool, print_notes
from toolace_dagster.cli.preset import RunOptions
from toolace_dagster.llm.money import PriceError, PriceTable, Quote, dollars, load_prices
from toolace_dagster.llm.transport import endpoint_host
from toolace_dagster.pipeline.estimate import (
    Estimate,
    Evidence,
    Range,
    StageEstimate,
    Work,
    find_work,
    make_estimate,
    past_evidence,
    rehearse,
)
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

_COLUMNS = ("stage", "dialogues", "calls", "prompt tokens", "completion tokens")
_MILLION = 1e6


def show_estimate(options: RunOptions, sample: int) -> int:
    """Estimate a run and print what it will use.

    Args:
        options: Those of the run.
        sample: Dialogues per domain to rehearse, where past runs tell nothing; 0 rehearses anyway none.

    Returns:
        Exit code: 0 when there is an estimate, 1 when the pool can't be read, 2 when the price file can't.
    """
    settings = options.settings
    warehouse = Warehouse(options.home)
    try:
        prices = load_prices(settings.prices)
    except PriceError as error:
        complain(str(error))
        return 2
    pool = open_pool(settings)
    if pool is None:
        return 1
    print_notes(pool.notes)
    chosen, _ = choose_domains(pool, options.domains, warehouse)
    if not chosen:
        return 1
    work = [find_work(pool.domain(name), settings, warehouse) for name in chosen]
    _say_work(work)
    if not any(piece.dialogues for piece in work):
        say("Nothing is stale: a run would make no model call.")
        return 0
    evidence = past_evidence(warehouse, chosen, settings)
    if evidence is None:
        started = time.monotonic()
        count = min(sample, settings.dialogues)
        say(f"Rehearsing {count} dialogues a domain with the offline model, which costs nothing ...")
        evidence = rehearse([pool.domain(name) for name in chosen], settings, count)
        say(f"Rehearsed {len(evidence.dialogues)} dialogues in {time.monotonic() - started:.0f} s.")
    if not evidence.dialogues:
        complain("no dialogue of the rehearsal came to an end, so there is nothing to go by; raise --sample")
        return 1
    estimate = make_estimate(work, evidence, settings, prices)
    say("")
    _show(estimate)
    say("")
    _say_prices(settings, prices)
    _say_what_it_rests_on(evidence, estimate)
    _say_time(estimate)
    _say_limits(settings, estimate)
    return 0


def _say_work(work: list[Work]) -> None:
    wanted = sum(piece.wanted for piece in work)
    stale = sum(piece.dialogues for piece in work)
    say(f"{len(work)} domains, {wanted:,} dialogues: {wanted - stale:,} are up to date, {stale:,} have to be made.")
    begun: dict[str, int] = {}
    for piece in work:
        for stage, count in piece.from_stage.items():
            begun[stage] = begun.get(stage, 0) + count
    later = {stage: count for stage, count in begun.items() if stage != "task_specs"}
    if later:
        parts = ", ".join(f"{count:,} only from {stage} on" for stage, count in later.items())
        say(f"Of these, {parts}; requests that did not change are answered from the cache for nothing.")


def _show(estimate: Estimate) -> None:
    rows = [*estimate.stages, estimate.whole]
    table = [
        (
            row.stage,
            row.dialogues,
            round(row.calls.value),
            round(row.prompt_tokens.value),
            round(row.completion_tokens.value),
            *_money(row),
        )
        for row in rows
    ]
    show_table("Estimate", (*_COLUMNS, "live", "90 % interval", "batch"), table)
    whole = estimate.whole
    tokens = f"prompt tokens {_between(whole.prompt_tokens)}, completion tokens {_between(whole.completion_tokens)}"
    say(f"90 % intervals of the whole: calls {_between(whole.calls)}, {tokens}.")


def _money(row: StageEstimate) -> tuple[str, str, str]:
    if row.live is None:
        return ("unknown", "", "unknown" if row.batch is None else dollars(row.batch.value))
    if row.live.value == 0:
        return ("free", "", "free")
    interval = f"{dollars(row.live.low)} to {dollars(row.live.high)}"
    return (dollars(row.live.value), interval, dollars(row.batch.value) if row.batch else "unknown")


def _between(amount: Range) -> str:
    return f"{amount.low:,.0f} to {amount.high:,.0f}"


def _say_prices(settings: Settings, prices: PriceTable) -> None:
    for model, host in dict.fromkeys((model.model, endpoint_host(model)) for model in settings.models.values()):
        quote = prices.find(model, host)
        if quote is None:
            say(f"Price: {prices.missing(model, host)}")
        elif quote.file:
            say(f"Price: {_quoted(quote)}")


def _quoted(quote: Quote) -> str:
    price = quote.price
    cached = f", cached prompts {dollars(price.cached)}" if price.cached is not None else ""
    written = f", prompts put into the cache {dollars(price.cache_write)}" if price.cache_write is not None else ""
    return (
        f"{quote.label}, a million tokens: prompts {dollars(price.prompt)}{cached}{written}, "
        f"replies {dollars(price.completion)}; from {quote.file}."
    )


def _say_what_it_rests_on(evidence: Evidence, estimate: Estimate) -> None:
    count = len(evidence.dialogues)
    models = ", ".join(sorted(evidence.models))
    chance = (
        f"The interval is what chance does: which {estimate.whole.dialogues:,} dialogues it will be, and that only "
        f"{count:,} were looked at (bootstrap over dialogues)."
    )
    if evidence.kind == "same":
        say(f"It rests on {count:,} dialogues that {models} made in this home with such settings. {chance}")
        return
    if evidence.kind == "other":
        say(f"It rests on {count:,} dialogues that other models ({models}) made in this home with such settings.")
    else:
        say(
            f"It rests on {count:,} dialogues rehearsed with the offline model, whose tokens are taken as four "
            "characters each; no discount or surcharge for prompts that the endpoint caches is assumed."
        )
    say(
        f"{chance} It does not hold how another model differs: its replies may be far shorter or longer (hidden "
        "reasoning counts as reply), its tokens are cut otherwise, and it may need more or fewer tries."
    )
    if estimate.replies and estimate.whole.live:
        whole = estimate.whole.live.value
        say(
            f"Were all replies twice as long, and prompts as they are: {dollars(whole + estimate.replies)}; "
            f"five times as long: {dollars(whole + 4 * estimate.replies)}. After a few dialogues with the model itself "
            "(--dialogues 3) this command goes by them."
        )


def _say_time(estimate: Estimate) -> None:
    if estimate.seconds_by_limits is not None:
        say(f"Time: at least {_duration(estimate.seconds_by_limits)}, by the limits per minute in the settings.")
    if estimate.seconds_by_latency is not None:
        say(f"Time: about {_duration(estimate.seconds_by_latency)}, if calls take as long as past ones.")


def _say_limits(settings: Settings, estimate: Estimate) -> None:
    whole = estimate.whole
    limits = (
        ("--max-cost", settings.max_cost, whole.live),
        ("--max-calls", settings.max_calls, whole.calls),
        (
            "--max-tokens-total",
            settings.max_tokens_total,
            Range(
                whole.prompt_tokens.value + whole.completion_tokens.value,
                whole.prompt_tokens.low + whole.completion_tokens.low,
                whole.prompt_tokens.high + whole.completion_tokens.high,
            ),
        ),
    )
    for name, limit, amount in limits:
        if limit is None or amount is None:
            continue
        if limit < amount.low:
            verdict = "would stop the run"
        elif limit < amount.high:
            verdict = "may stop the run"
        else:
            verdict = "leaves room"
        say(f"{name} {limit:,} {verdict}.")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:,.1f} h"
