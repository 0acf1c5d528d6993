"""Running one stage over one domain, and only what is stale of it.

Identity is by content: a row's fingerprint covers its input, the tools it offers,
the prompts, the settings and the model of the stage. A row whose fingerprint
stands in the warehouse is left alone.

Belongs here: the generic stage. Does not belong here: which stages there are
(``stages``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from toolace_dagster.entities import Dialogue, Edit, Entity, Rejection, TaskPlan, Verdict, content_hash
from toolace_dagster.execution.executor import domain_executor
from toolace_dagster.llm.cache import ResponseCache
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.money import Bill, BudgetReached
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.grounding import source_rows
from toolace_dagster.pipeline.lineage import cause_rows, log_rows
from toolace_dagster.pipeline.plans import distractor_rows, plan_rows
from toolace_dagster.pipeline.progress import StageProgress, tell
from toolace_dagster.warehouse import Row, insert, sql

PASSING_ERRORS = (
    "call.connection",
    "call.timeout",
    "call.rate_limit",
    "call.server",
    "call.batch",
    "execution.unavailable",
)
"""Check ids of failures that lie with the endpoint at that moment: such rows are stale in the next run."""

_TABLES = (
    "stage_rows",
    "edits",
    "findings",
    "first_causes",
    "expert_answers",
    "argument_sources",
    "task_plans",
    "plan_distractors",
)
"""Tables whose rows are replaced with the row of their stage and dialogue."""


@dataclass(frozen=True)
class WorkItem:
    """One row to make.

    Attributes:
        dialogue_id: Its dialogue.
        slot: Slot number.
        attempt: Attempt at the slot.
        inputs: JSON-able content the row depends on, besides the stage's version.
        program: Starts the row program.
        plan: The plan it follows, to be recorded with it; set by the stage that draws plans.
        dialogue: The dialogue it is about, where the stage leaves that as it is.
    """

    dialogue_id: str
    slot: int
    attempt: int
    inputs: Any
    program: Callable[[], Program[Any]]
    plan: TaskPlan | None = None
    dialogue: Dialogue | None = None


@dataclass(frozen=True)
class RowContent:
    """What a finished row holds.

    Attributes:
        state: ``passed``, ``accepted`` or ``rejected``.
        payload: The entity the next stage reads.
        rejection: Why it goes no further, when rejected.
        edits: Edits to record.
        verdict: Verdict to record.
        dialogue: The dialogue as the stage wrote it, where it changed it; its arguments' sources are recorded.
    """

    state: str
    payload: Entity | None
    rejection: Rejection | None = None
    edits: Sequence[Edit] = ()
    verdict: Verdict | None = None
    dialogue: Dialogue | None = None


class Stage(Protocol):
    """A stage: which rows it makes, and what a program's result means."""

    @property
    def name(self) -> str:
        """Name of stage, asset and rows."""
        ...

    @property
    def index(self) -> int:
        """Position in the pipeline, the same whatever the settings: it is stored with rows."""
        ...

    @property
    def supplants(self) -> Sequence[str]:
        """Stages that other settings have in this one's place; rows that an earlier run left there are dropped."""
        ...

    def version(self, context: StageContext) -> Any:
        """JSON-able content every row depends on: prompts, settings, model."""
        ...

    def items(self, context: StageContext) -> list[WorkItem]:
        """The rows the stage should hold now."""
        ...

    def content(self, result: Any) -> RowContent:
        """Turn what a program returned into a row's content."""
        ...


@dataclass
class StageReport:
    """What a stage did in one run; the counts are of all its rows, old and new, the notes of this run's calls."""

    stage: str
    domain: str
    attempted: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    made: int = 0
    reused: int = 0
    seconds: float = 0.0
    reasons: list[Row] = field(default_factory=list[Row])
    usage: Row = field(default_factory=dict[str, Any])
    bill: Bill = field(default_factory=Bill)
    content: str = ""
    notes: tuple[str, ...] = ()


def stale_items(stage: Stage, context: StageContext) -> tuple[list[WorkItem], dict[str, str], set[str]]:
    """Decide which rows of a stage are to be made.

    Returns:
        The stale items, the fingerprint of every item by dialogue id, and ids of rows that no item asks for.
    """
    version = stage.version(context)
    with context.store.reading():
        items = stage.items(context)
        rows = context.store.read(sql("queries/stage_fingerprints"), {"stage": stage.name})
    fingerprints = {item.dialogue_id: content_hash(stage.name, version, item.inputs) for item in items}
    known = {row["dialogue_id"]: row for row in rows}

    def is_stale(item: WorkItem) -> bool:
        row = known.get(item.dialogue_id)
        if row is None or row["fingerprint"] != fingerprints[item.dialogue_id]:
            return True
        return row["state"] == "failed" and row["check_id"] in PASSING_ERRORS

    return [item for item in items if is_stale(item)], fingerprints, known.keys() - fingerprints.keys()


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
        PriceError: If the user's price file is none.
        PriceMissing: If there is a limit in dollars and a model has no price.
        BackendUnusable: If what runs the domain's tools can't be started.
    """
    started = time.monotonic()
    stale, fingerprints, obsolete = stale_items(stage, context)
    reused = len(fingerprints) - len(stale)
    rows: list[Row] = []
    edits: list[Row] = []
    findings: list[Row] = []
    answers: list[Row] = []
    sources: list[Row] = []
    verdicts: list[Verdict] = []
    stopped: BudgetReached | None = None
    notes: tuple[str, ...] = ()
    if stale:
        outcomes, notes = _drive(stage, stale, context)
        stopped = next((outcome.stopped for outcome in outcomes.values() if outcome.stopped), None)
        stale = [item for item in stale if not outcomes[item.dialogue_id].stopped]
        for item in stale:
            row, content = _row(stage, context, item, fingerprints[item.dialogue_id], outcomes[item.dialogue_id])
            rows.append(row)
            edits += [_edit_row(stage.name, edit) for edit in content.edits]
            dialogue = content.dialogue or item.dialogue
            if dialogue is not None and content.state != "failed":
                sources += source_rows(stage.name, stage.index, dialogue, context.tools)
            if content.verdict is not None:
                verdicts.append(content.verdict)
                findings += _finding_rows(stage.name, content.verdict)
                answers += [
                    {"stage": stage.name, "dialogue_id": item.dialogue_id, **answer.model_dump()}
                    for answer in content.verdict.answers
                ]
    replaced = [*obsolete, *(item.dialogue_id for item in stale)]
    causes = cause_rows(stage.name, context, verdicts)
    seconds = time.monotonic() - started
    with context.store.write() as connection:
        for table in _TABLES:
            connection.execute(
                f"DELETE FROM {table} WHERE stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))",  # noqa: S608 - our own table names
                {"stage": stage.name, "ids": replaced},
            )
            connection.execute(
                f"DELETE FROM {table} WHERE stage IN (SELECT unnest($stages::VARCHAR[]))",  # noqa: S608 - our own table names
                {"stages": list(stage.supplants)},
            )
        insert(connection, "stage_rows", rows)
        insert(connection, "edits", edits)
        insert(connection, "findings", findings)
        insert(connection, "expert_answers", answers)
        insert(connection, "argument_sources", sources)
        insert(connection, "first_causes", causes)
        insert(connection, "outcome_log", log_rows(rows, datetime.now(UTC)))
        plans = [item.plan for item in stale if item.plan is not None]
        insert(connection, "task_plans", [row for plan in plans for row in plan_rows(stage.name, plan)])
        insert(connection, "plan_distractors", [row for plan in plans for row in distractor_rows(stage.name, plan)])
        insert(connection, "stage_runs", [_run_row(stage, context, len(stale), reused, seconds)])
    if stopped is not None:
        raise stopped
    done = report(stage.name, context, made=len(stale), reused=reused, seconds=seconds)
    done.notes = notes
    return done


def report(stage: str, context: StageContext, *, made: int, reused: int, seconds: float) -> StageReport:
    """Read a stage's counts back from the warehouse, so that they say what is stored."""
    where = {"stage": stage}
    with context.store.reading():
        counts = context.store.read(sql("queries/counts_of_stage"), where)
        usage = context.store.read(sql("queries/usage_of_stage"), where | {"run_id": context.run_id})
        bills = context.store.read(sql("costs/of_stage_in_run"), where | {"run_id": context.run_id})
        hashes = context.store.read(sql("queries/content_of_stage"), where)
        reasons = context.store.read(sql("queries/reasons_of_stage"), where)
    numbers: dict[str, Any] = counts[0] if counts else {"attempted": 0, "accepted": 0, "rejected": 0, "failed": 0}
    return StageReport(
        stage=stage,
        domain=context.domain,
        made=made,
        reused=reused,
        seconds=seconds,
        reasons=reasons,
        usage=usage[0] if usage else {},
        bill=Bill(**bills[0]) if bills else Bill(),
        content=content_hash([list(row.values()) for row in hashes]),
        **numbers,
    )


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

    folder = context.settings.cache
    cache = ResponseCache(folder, warn) if folder else None
    journal = CallJournal(context.store, context.warehouse.journal(context.domain), context.run_id, cache)
    gateway = Gateway(
        context.settings.models,
        journal,
        budget=context.budget,
        on_progress=lambda calls: tell(replace(begun, calls=calls)),
        on_warning=warn,
        limits=context.warehouse.limits,
        memory=EndpointMemory(context.warehouse.endpoints_file, warn),
    )
    executor = domain_executor(context.domain, context.backends, context.own_tools)
    return run_programs(gateway, programs, executor), tuple(notes)


def _row(
    stage: Stage, context: StageContext, item: WorkItem, fingerprint: str, outcome: RowOutcome[Any]
) -> tuple[Row, RowContent]:
    made = outcome.row is not None
    content = stage.content(outcome.row) if made else RowContent(state="failed", payload=None)
    rejection = content.rejection
    payload = content.payload.model_dump(mode="json") if content.payload is not None else None
    return {
        "stage": stage.name,
        "stage_index": stage.index,
        "domain": context.domain,
        "dialogue_id": item.dialogue_id,
        "slot": item.slot,
        "attempt": item.attempt,
        "fingerprint": fingerprint,
        "state": content.state,
        "check_id": rejection.check if rejection else _error_check(outcome),
        "turn_id": rejection.turn_id if rejection else None,
        "evidence": rejection.evidence if rejection else None,
        "reason": rejection.reason if rejection else (outcome.error or None),
        "call_id": outcome.call_id,
        "call_ids": list(outcome.call_ids),
        "payload": payload,
        "content_hash": content_hash(payload),
        "run_id": context.run_id,
    }, content


def _error_check(outcome: RowOutcome[Any]) -> str | None:
    return f"{outcome.error_source}.{outcome.error_kind}" if outcome.row is None else None


def _edit_row(stage: str, edit: Edit) -> Row:
    row = edit.model_dump(mode="json")
    row["edit_id"] = row.pop("id")
    return row | {"stage": stage, "masked": list(edit.masked)}


def _finding_rows(stage: str, verdict: Verdict) -> list[Row]:
    return [
        {
            "stage": stage,
            "dialogue_id": verdict.dialogue_id,
            "position": position,
            "check_id": finding.check,
            **finding.model_dump(exclude={"check"}),
        }
        for position, finding in enumerate(verdict.findings)
    ]


def _run_row(stage: Stage, context: StageContext, made: int, reused: int, seconds: float) -> Row:
    return {
        "run_id": context.run_id,
        "stage": stage.name,
        "stage_index": stage.index,
        "domain": context.domain,
        "settings": context.settings.model_dump(mode="json"),
        "made": made,
        "reused": reused,
        "seconds": seconds,
        "finished_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
    }
