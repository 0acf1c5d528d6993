"""``toolace run``: bring everything up to date and say what was made.

Belongs here: the order of a run and what is printed. Does not belong here: any
part of it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from shutil import which
from uuid import uuid4

from toolace_dagster.cli.batches import say_mode, say_what_goes_on
from toolace_dagster.cli.console import complain, say, show_table, warn
from toolace_dagster.cli.costs import explain_unpriced, print_bill
from toolace_dagster.cli.domains import choose_domains
from toolace_dagster.cli.forecast import stage_weights
from toolace_dagster.cli.pool import open_pool, print_notes
from toolace_dagster.cli.preset import RunOptions, with_preset
from toolace_dagster.cli.progress import ProgressDisplay
from toolace_dagster.cli.status import print_calls, print_summaries
from toolace_dagster.cli.stopping import stopped_code
from toolace_dagster.configuration.last_run import write_last_run
from toolace_dagster.llm.money import Budget, PriceError, counted
from toolace_dagster.llm.offline.tongues import speaks
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.exports import dataset_is_stale, read_export_files
from toolace_dagster.pipeline.spending import PriceMissing, budget_of
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.pipeline.sync import doubtful_domains, mark_present
from toolace_dagster.reporting.costs import runs_bill
from toolace_dagster.reporting.summary import DomainSummary, summarize
from toolace_dagster.settings import OFFLINE_MODEL, SHIPPED_POOL, Settings
from toolace_dagster.tool_pool import ToolPool
from toolace_dagster.verification.benchmarks import BenchmarkUnreadable
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.experts import UnknownQuestion
from toolace_dagster.verification.rules import RuleFileError
from toolace_dagster.warehouse import Warehouse

_MOST_IN_BATCH_MODE = 32


def run_pipeline(options: RunOptions) -> int:
    """Run what is stale.

    Returns:
        Exit code: 0 when nothing was lost, 1 when an entry of the pool, a domain or a dialogue was, 2 when prices are
        missing or can't be read or rules can't be used, 3 when a limit of the budget stopped it, 130 or 143 when
        stopped.
    """
    started = time.monotonic()
    settings = options.settings
    warehouse = Warehouse(options.home)
    launch = uuid4().hex
    try:
        budget = budget_of(settings, warehouse, launch)
        Checks.of(settings)
    except (PriceError, PriceMissing, RuleFileError, BenchmarkUnreadable, UnknownQuestion) as error:
        complain(str(error))
        return 2
    pool = open_pool(settings)
    if pool is None:
        return 1
    lost = print_notes(pool.notes)
    chosen, unmade = choose_domains(pool, options.domains, warehouse)
    lost += unmade
    if not chosen:
        return 1
    unsure = doubtful_domains(pool, warehouse) - set(chosen)
    mark_present((domain.name for domain in pool.domains if domain.name not in unsure), warehouse)
    say_what_model(settings)
    say_mode(settings, warehouse, chosen)
    ends: list[RunEnd] = []
    made_dataset = False
    asked = options.settings
    try:

        def make(first: RunOptions) -> list[RunEnd]:
            # Not those of the first dialogues: a home that is stopped amid them goes on with what it was asked for.
            write_last_run(warehouse.settings_file, asked)
            return _make(_stale(pool, chosen, first.settings, warehouse), pool, first, warehouse, launch)

        options, ends = with_preset(options, chosen, warehouse, make)
        settings = options.settings
        stale = _stale(pool, chosen, settings, warehouse)
        if stale:
            write_last_run(warehouse.settings_file, settings)
            ends += _make(stale, pool, options, warehouse, launch)
            if len({end.name for end in ends if end.error and not end.limit}) == len(chosen):
                return 1
        if dataset_is_stale(warehouse, settings):
            made_dataset = True
            ends.append(_build_dataset(settings, warehouse))
    except KeyboardInterrupt:
        complain(f"stopped. Everything paid for is kept in {options.home}; the same command goes on from there.")
        say_what_goes_on(warehouse, chosen)
        return stopped_code()
    if not stale and not made_dataset:
        say("Nothing was stale: no model call was made.")
    summaries = [summarize(warehouse, domain) for domain in chosen]
    say("")
    print_summaries(summaries)
    print_calls(warehouse, chosen)
    say("")
    print_bill(summaries, runs_bill(warehouse, chosen, [end.run_id for end in ends]) if ends else None)
    if any(summary.bill.unpriced for summary in summaries):
        explain_unpriced(warehouse, chosen, budget.prices)
    _say_where(options.home, warehouse, settings, summaries, time.monotonic() - started)
    if stopped := next((end for end in ends if end.limit), None):
        _say_limit(stopped.limit, settings, budget, summaries)
        budget.forget()
        return 3
    budget.forget()
    failed = sum(summary.failed for summary in summaries)
    faults = lost or failed or any(end.error for end in ends) or not all(summary.adds_up for summary in summaries)
    return 1 if faults else 0


def say_what_model(settings: Settings) -> None:
    """Print which model answers, and warn where another was probably meant."""
    if settings.llm.model != OFFLINE_MODEL:
        say(f"Model {settings.llm.model} at {settings.llm.base_url or 'the default endpoint of the openai package'}.")
        return
    say("Model: offline, the embedded rehearsal model. It shows that the pipeline works; do not train on its data.")
    strange = [name for name, weight in settings.languages.items() if weight and not speaks(name)]
    if strange:
        warn(f"The offline model speaks no {', no '.join(strange)}; it writes these dialogues in English.")
    if settings.llm.base_url:
        warn("OPENAI_BASE_URL is set, but --model is 'offline': the endpoint is not used. Name its model with --model.")


def _stale(pool: ToolPool, chosen: list[str], settings: Settings, warehouse: Warehouse) -> list[str]:
    stale: list[str] = []
    for name in chosen:
        context = StageContext(domain=name, settings=settings, warehouse=warehouse, run_id="")
        found = first_stale(context, pool.domain(name))
        if found is not None:
            stale.append(name)
            if context.store.exists():
                say(f"{name}: stale from {found.stage} on ({found.rows} rows to make, {found.obsolete} to drop)")
    return stale


def default_parallel(settings: Settings) -> int:
    """Domains at once; with the offline model more than cores, since half of a run is waiting for the disk."""
    if settings.uses_batches:
        # A domain waits for its batches most of the time, and one that starts later ends a day later.
        return _MOST_IN_BATCH_MODE
    return 2 * max(2, os.cpu_count() or 2) if settings.llm.model == OFFLINE_MODEL else 8


def _make(stale: list[str], pool: ToolPool, options: RunOptions, warehouse: Warehouse, launch: str) -> list[RunEnd]:
    """Bring domains up to date, and try rejected dialogues again as often as the settings say."""
    settings = options.settings
    ends: list[RunEnd] = []
    # A rejected dialogue has to have gone through all stages before its slot can be tried again.
    for _ in range(settings.attempts):
        parallel = options.parallel or min(len(stale), default_parallel(settings))
        ends += _launch(stale, settings, warehouse, launch, parallel)
        if settings.attempts == 1:
            break
        ill = {end.name for end in ends if end.error}
        stale = _stale(pool, [name for name in stale if name not in ill], settings, warehouse)
        if not stale:
            break
    return ends


def _launch(domains: list[str], settings: Settings, warehouse: Warehouse, launch: str, parallel: int) -> list[RunEnd]:
    from toolace_dagster.orchestration.launch import run_domains

    say(f"{len(domains)} domains, {settings.dialogues} dialogues each, {parallel} at once.")
    with ProgressDisplay(stage_weights(settings), domains) as display:
        ends = run_domains(domains, settings, warehouse, launch=launch, parallel=parallel, listener=display.update)
    errors: dict[str, list[str]] = {}
    for end in ends:
        if end.error and not end.limit:
            errors.setdefault(end.error, []).append(end.name)
    for error, names in errors.items():
        complain(f"{', '.join(names)}: {error}")
    return ends


def _say_limit(limit: str, settings: Settings, budget: Budget, summaries: list[DomainSummary]) -> None:
    """Say that the budget is spent, and how to go on."""
    unfinished = sum(summary.unfinished for summary in summaries)
    attempted = sum(summary.attempted for summary in summaries)
    missing = settings.dialogues * len(summaries) - attempted
    left = unfinished + max(0, missing)
    option = "--" + limit.replace("_", "-")
    amount = getattr(settings, limit)
    complain(
        f"stopped: the limit {option} {amount:,} is reached. This run paid for {budget.spent.words}. "
        f"{counted(left, 'dialogue')} {'is' if left == 1 else 'are'} unfinished. Nothing is lost: the same command "
        f"goes on from there with a budget of its own, and a higher {option} gets it further."
    )


def _build_dataset(settings: Settings, warehouse: Warehouse) -> RunEnd:
    from toolace_dagster.orchestration.launch import build_dataset

    end = build_dataset(settings, warehouse)
    if end.error:
        complain(f"dataset: {end.error}")
    return end


def _say_where(
    home: Path, warehouse: Warehouse, settings: Settings, summaries: list[DomainSummary], seconds: float
) -> None:
    say("")
    files = [
        (home / Path(file).relative_to(warehouse.home), count) for file, count in read_export_files(warehouse, settings)
    ]
    show_table("Dataset", ("file", "dialogues"), files)
    example = next((row["example"] for summary in summaries for row in summary.reasons), None)
    flags = "" if home == Path("toolace_data") else f" --home {home}"
    say("")
    say(f"Wall time {seconds:.1f} s. Everything is under {home}.")
    say("Next:")
    program = _program()
    if example:
        say(f"  {program} why {example}{flags}")
    say(f"  {program} ui{flags}")
    if settings.pool == str(SHIPPED_POOL):
        say(f"  {program} run --pool YOUR_TOOLS --model YOUR_MODEL   (with OPENAI_BASE_URL and OPENAI_API_KEY set)")


def _program() -> str:
    """How the user can call us again: by name where that is on the PATH, else by the path we were called by."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "toolace" and which("toolace") is None else "toolace"
