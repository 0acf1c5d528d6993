"""Running one stage over one domain, and only what is stale of it.

Identity is by content: a row's fingerprint covers its input, the tools it offers,
the prompts, the settings and the model of the stage. A row whose fingerprint
stands in the warehouse is left alone.

Belongs here: the generic stage. Does not belong here: which stages there are
(``stages``).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from toolace_dagster.entities import Dialogue, Edit, Entity, Rejection, TaskPlan, Verdict, content_hash
from toolace_dagster.llm.cache import ResponseCache
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.money import Bill, BudgetReached
from toolace_dagster.llm.protocol import EndpointBusy, Program
from toolace_dagster.pipeline.causes import NEW, PASSING_ERRORS, TRIED_AGAIN, Parts, causes, part_hashes
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.grounding import source_rows
from toolace_dagster.pipeline.lineage import cause_rows, log_rows, rejection_row
from toolace_dagster.pipeline.plans import distractor_rows, drawn_row, plan_rows
from toolace_dagster.pipeline.progress import StageProgress, tell
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Row, insert, sql

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
        inputs: What the row depends on besides the stage's version, by name.
        program: Starts the row program.
        plan: The plan it follows, to be recorded with it; set by the stage that draws plans.
        dialogue: The dialogue it is about, where the stage leaves that as it is.
    """

    dialogue_id: str
    slot: int
    attempt: int
    inputs: Parts
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

    @classmethod
    def of(cls, result: Entity | Rejection) -> RowContent:
        """An entity passes; a rejection stands for the row that was to be made."""
        if isinstance(result, Rejection):
            return cls(state="rejected", payload=None, rejection=result)
        return cls(state="passed", payload=result)


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

    def shared_version(self, settings: Settings) -> Parts:
        """What every row of every domain depends on, by name: code, prompts, settings, model."""
        ...

    def version(self, context: StageContext) -> Parts:
        """What every row of a domain depends on, by name: ``shared_version``, and what runs the domain's tools."""
        ...

    def items(self, context: StageContext) -> list[WorkItem]:
        """The rows the stage should hold now."""
        ...

    def content(self, result: Any) -> RowContent:
        """Turn what a program returned into a row's content."""
        ...


@dataclass
class StageReport:
    """What a stage did in one run.

    The counts are of all its rows, old and new; the notes are of this run's calls, the causes of what it made.
    """

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
    causes: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True)
class Freshness:
    """What of a stage stands, and what has to be made.

    Attributes:
        stale: Items to be made.
        fingerprints: Of every item, by dialogue id.
        parts: Hashes of what goes into each fingerprint, by dialogue id.
        causes: Why an item is stale, in words, by dialogue id.
        obsolete: Ids of rows that no item asks for any more.
    """

    stale: list[WorkItem]
    fingerprints: dict[str, str]
    parts: dict[str, dict[str, str]]
    causes: dict[str, tuple[str, ...]]
    obsolete: set[str]


def freshness(stage: Stage, context: StageContext) -> Freshness:
    """Decide which rows of a stage are to be made, and why.

    Args:
        stage: The stage.
        context: Domain, settings, warehouse.
    """
    version = stage.version(context)
    with context.store.reading():
        items = stage.items(context)
        rows = context.store.read(sql("queries/stage_fingerprints"), {"stage": stage.name})
    shared = part_hashes(version)
    parts = {item.dialogue_id: shared | part_hashes(item.inputs) for item in items}
    fingerprints = {dialogue_id: content_hash(stage.name, hashes) for dialogue_id, hashes in parts.items()}
    known = {row["dialogue_id"]: row for row in rows}

    def why(item: WorkItem) -> tuple[str, ...]:
        row = known.get(item.dialogue_id)
        if row is None:
            return (NEW,)
        if row["fingerprint"] != fingerprints[item.dialogue_id]:
            return causes(json.loads(row["parts"]) if row["parts"] else None, parts[item.dialogue_id])
        return (TRIED_AGAIN,) if row["state"] == "failed" and row["check_id"] in PASSING_ERRORS else ()

    found = {item.dialogue_id: why(item) for item in items}
    return Freshness(
        stale=[item for item in items if found[item.dialogue_id]],
        fingerprints=fingerprints,
        parts=parts,
        causes={dialogue_id: words for dialogue_id, words in found.items() if words},
        obsolete=known.keys() - fingerprints.keys(),
    )


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
    stale = found.stale
    reused = len(found.fingerprints) - len(stale)
    rows: list[Row] = []
    edits: list[Row] = []
    findings: list[Row] = []
    answers: list[Row] = []
    sources: list[Row] = []
    verdicts: list[Verdict] = []
    stopped: BudgetReached | EndpointBusy | None = None
    notes: tuple[str, ...] = ()
    if stale:
        outcomes, notes = _drive(stage, stale, context)
        stopped = next((outcome.stopped for outcome in outcomes.values() if outcome.stopped), None)
        stale = [item for item in stale if not outcomes[item.dialogue_id].stopped]
        for item in stale:
            row, content = _row(stage, context, item, found, outcomes[item.dialogue_id])
            rows.append(row)
            edits += [_edit_row(stage.name, edit) for edit in content.edits]
            dialogue = content.dialogue or item.dialogue
            if dialogue is not None and content.state != "failed":
                sources += source_rows(stage.name, stage.index, dialogue, context.tools)
            if content.verdict is None and content.rejection is not None:
                findings.append(rejection_row(stage.name, item.dialogue_id, content.rejection))
            if content.verdict is not None:
                verdicts.append(content.verdict)
                findings += _finding_rows(stage.name, content.verdict)
                answers += [
                    {"stage": stage.name, "dialogue_id": item.dialogue_id, **answer.model_dump()}
                    for answer in content.verdict.answers
                ]
    replaced = [*found.obsolete, *(item.dialogue_id for item in stale)]
    causes = cause_rows(stage.name, context, verdicts)
    seconds = time.monotonic() - started
    now = datetime.now(UTC)
    with context.store.write() as connection:
        past = {"stage": stage.name, "ids": replaced, "stages": list(stage.supplants), "run": context.run_id}
        connection.execute(sql("queries/keep_past_rows"), past | {"at": now.replace(tzinfo=None).isoformat()})
        for table in _TABLES:
            connection.execute(
                f"DELETE FROM {table} WHERE stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))",  # noqa: S608 - our own table names
                {"stage": stage.name, "ids": replaced},
            )
            connection.execute(
                f"DELETE FROM {table} WHERE stage IN (SELECT unnest($stages::VARCHAR[]))",  # noqa: S608 - our own table names
                {"stages": list(stage.supplants)},
            )
        # A plan whose dialogue nothing asks for any more stays: should it be wanted again, what it was paid for is too.
        connection.execute(
            "DELETE FROM drawn_plans WHERE stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))",
            {"stage": stage.name, "ids": [item.dialogue_id for item in stale]},
        )
        insert(connection, "stage_rows", rows)
        insert(connection, "edits", edits)
        insert(connection, "findings", findings)
        insert(connection, "expert_answers", answers)
        insert(connection, "argument_sources", sources)
        insert(connection, "first_causes", causes)
        insert(connection, "outcome_log", log_rows(rows, now))
        plans = [item.plan for item in stale if item.plan is not None]
        insert(connection, "task_plans", [row for plan in plans for row in plan_rows(stage.name, plan)])
        insert(connection, "drawn_plans", [drawn_row(stage.name, plan, context.settings) for plan in plans])
        insert(connection, "plan_distractors", [row for plan in plans for row in distractor_rows(stage.name, plan)])
        insert(connection, "stage_runs", [_run_row(stage, context, len(stale), reused, seconds)])
    if stopped is not None:
        raise stopped
    done = report(stage.name, context, made=len(stale), reused=reused, seconds=seconds)
    done.notes = notes
    done.causes = Counter(words for item in stale for words in found.causes[item.dialogue_id])
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
    journal = CallJournal(context.store, context.warehouse.journal(context.domain), context.run_id, cache)
    return Gateway(
        context.settings.models,
        journal,
        budget=context.budget,
        on_progress=lambda calls: tell(replace(begun, calls=calls)),
        on_warning=warn,
        limits=context.warehouse.limits,
        memory=EndpointMemory(context.warehouse.endpoints_file, warn),
    )


def _row(
    stage: Stage, context: StageContext, item: WorkItem, found: Freshness, outcome: RowOutcome[Any]
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
        "fingerprint": found.fingerprints[item.dialogue_id],
        "parts": found.parts[item.dialogue_id],
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
