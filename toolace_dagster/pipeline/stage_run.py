"""Running one stage over one domain: the stale rows' programs over a gateway.

Belongs here: one run of one stage, from what is stale to its report. Does not belong here: deciding what is
stale (``freshness``), the rows that are written (``stage_rows``), or what a program does (the stage folders).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from toolace_dagster.llm.cache import ResponseCache
from toolace_dagster.llm.chain import REPLY_FAULTS
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.freshness import freshness
from toolace_dagster.pipeline.progress import StageProgress, tell
from toolace_dagster.pipeline.stage import Stage, WorkItem
from toolace_dagster.pipeline.stage_report import StageReport, read_report
from toolace_dagster.pipeline.stage_rows import StageRows
from toolace_dagster.warehouse import Store, sql


def run_stage(stage: Stage, context: StageContext) -> StageReport:
    """Bring one stage of one domain up to date.

    Args:
        stage: The stage.
        context: Domain, settings, warehouse, run.

    Returns:
        Counts, reasons and usage.

    Raises:
        EndpointUnusable: On a permanent fault of the endpoint; what was paid for stays in the journal.
        BudgetReached: When the budget was spent before all rows were made; those that were are kept, the others
            stay stale.
        EndpointBusy: When the endpoint asked for a longer wait than the run does; likewise.
        PriceError: If the user's price file is none.
        PriceMissing: If there is a limit in dollars and a model has no price.
        BackendUnusable: If what runs the domain's tools can't be started.
    """
    started = time.monotonic()
    found = freshness(stage, context)
    reused = len(found.fingerprints) - len(found.stale)
    outcomes, notes = _drive(stage, found.stale, context) if found.stale else ({}, ())
    stopped = next((outcome.stopped for outcome in outcomes.values() if outcome.stopped), None)
    made = [item for item in found.stale if not outcomes[item.dialogue_id].stopped]
    rows = StageRows(stage, context)
    for item in made:
        rows.add(item, found, outcomes[item.dialogue_id])
    rows.add_causes()
    seconds = time.monotonic() - started
    rows.write(found.obsolete, reused=reused, seconds=seconds)
    if stopped is not None:
        raise stopped
    report = read_report(stage.name, context, made=len(made), reused=reused, seconds=seconds)
    report.notes = notes
    report.causes = Counter(words for item in made for words in found.causes[item.dialogue_id])
    return report


def _drive(
    stage: Stage, stale: Sequence[WorkItem], context: StageContext
) -> tuple[dict[str, RowOutcome[Any]], tuple[str, ...]]:
    """Run the programs; what came of them, and what is worth a line to the user."""
    programs = {item.dialogue_id: item.program() for item in stale}
    begun = StageProgress(domain=context.domain, stage=stage.name, rows=len(stale))
    tell(begun)
    notes: list[str] = []

    def warn(text: str) -> None:
        notes.append(text)
        tell(replace(begun, warning=text))

    return run_programs(stage_gateway(context, begun, warn), programs, context.executor()), tuple(notes)


def stage_gateway(context: StageContext, begun: StageProgress, warn: Callable[[str], None]) -> Gateway:
    """The gateway of one stage of one domain, not yet entered.

    Args:
        context: Domain, settings, warehouse, run.
        begun: What progress is told as.
        warn: Told what is worth a line to the user.
    """
    folder = context.settings.cache
    cache = ResponseCache(folder, warn) if folder else None
    journal = CallJournal(
        context.store,
        context.warehouse.journal(context.domain),
        context.run_id,
        cache,
        given_up=lambda: _given_up(context.store),
    )
    return Gateway(
        context.settings.models,
        journal,
        budget=context.budget,
        on_progress=lambda calls: tell(replace(begun, calls=calls)),
        on_warning=warn,
        limits=context.warehouse.limits,
        memory=EndpointMemory(context.warehouse.endpoints_file, warn),
    )


def _given_up(store: Store) -> dict[str, datetime]:
    """Calls by id that rows failed by for want of a usable reply, and when such a row was last written."""
    checks = [f"call.{kind}" for kind in REPLY_FAULTS]
    rows = store.read(sql("queries/given_up_calls"), {"checks": checks})
    return {row["call_id"]: row["told_at"].replace(tzinfo=UTC) for row in rows}
