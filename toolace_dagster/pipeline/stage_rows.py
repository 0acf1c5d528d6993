"""The rows that a run of a stage writes, and those they take the place of.

Belongs here: from what row programs returned to rows of the domain's tables, in one transaction. Does not belong here:
what a result means (``stages``), or rows that are made of a plan, a trace or a cause alone (``plans``,
``grounding``, ``lineage``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from toolace_dagster.entities import Edit, Verdict, content_hash
from toolace_dagster.llm.driver import RowOutcome
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.freshness import Freshness
from toolace_dagster.pipeline.grounding import source_rows
from toolace_dagster.pipeline.lineage import cause_rows, log_rows, rejection_row
from toolace_dagster.pipeline.plans import distractor_rows, drawn_row, plan_rows
from toolace_dagster.pipeline.stage import RowContent, Stage, WorkItem
from toolace_dagster.warehouse import Row, fetch, insert, sql


class StageRows:
    """The rows that one run of a stage leaves in a domain's file.

    Args:
        stage: The stage.
        context: Domain, settings, warehouse, run.
    """

    def __init__(self, stage: Stage, context: StageContext) -> None:
        self._stage = stage
        self._context = context
        self._items: list[WorkItem] = []
        self._verdicts: list[Verdict] = []
        self._rows: list[Row] = []
        self._edits: list[Row] = []
        self._findings: list[Row] = []
        self._answers: list[Row] = []
        self._sources: list[Row] = []
        self._causes: list[Row] = []

    def add(self, item: WorkItem, found: Freshness, outcome: RowOutcome[Any]) -> None:
        """Take what came of one item.

        Args:
            item: The item.
            found: Fingerprints of the stage's rows.
            outcome: The row, or why there is none.
        """
        stage, context = self._stage, self._context
        row, content = _row(stage, context, item, found, outcome)
        self._items.append(item)
        self._rows.append(row)
        self._edits += [_edit_row(stage.name, edit) for edit in content.edits]
        dialogue = content.dialogue or item.dialogue
        if dialogue is not None and content.state != "failed":
            self._sources += source_rows(stage.name, stage.index, dialogue, context.tools)
        if content.verdict is None and content.rejection is not None:
            self._findings.append(rejection_row(stage.name, item.dialogue_id, content.rejection))
        if content.verdict is not None:
            self._verdicts.append(content.verdict)
            self._findings += _finding_rows(stage.name, content.verdict)
            self._answers += [
                {"stage": stage.name, "dialogue_id": item.dialogue_id, **answer.model_dump()}
                for answer in content.verdict.answers
            ]

    def add_causes(self) -> None:
        """Find where the hard findings of the verdicts come from."""
        self._causes = cause_rows(self._stage.name, self._context, self._verdicts)

    def write(self, obsolete: Iterable[str], *, reused: int, seconds: float) -> None:
        """Put the rows in the place of earlier ones of the same dialogues, all or none.

        Args:
            obsolete: Ids of rows that nothing asks for any more; they go.
            reused: How many rows stood.
            seconds: What making took.
        """
        stage, context = self._stage, self._context
        made = [item.dialogue_id for item in self._items]
        replaced = [*obsolete, *made]
        now = datetime.now(UTC)
        with context.store.write() as connection:
            past = {"stage": stage.name, "ids": replaced, "stages": list(stage.supplants)}
            # A delete that finds nothing takes as long as one that does, and mostly there is nothing.
            found = fetch(connection, sql("queries/tables_to_replace_in"), past) if replaced or stage.supplants else []
            tables = [row["name"] for row in found]
            if "stage_rows" in tables:
                added = {"run": context.run_id, "at": now.replace(tzinfo=None).isoformat()}
                connection.execute(sql("queries/keep_past_rows"), past | added)
            for table in tables:
                connection.execute(
                    f"DELETE FROM {table} WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) "  # noqa: S608 - our own table names
                    "OR list_contains($stages::VARCHAR[], stage)",
                    past,
                )
            # A plan whose dialogue nothing asks for any more stays: should it be wanted again, what it was paid for
            # is too.
            if made:
                connection.execute(
                    "DELETE FROM drawn_plans WHERE stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))",
                    {"stage": stage.name, "ids": made},
                )
            insert(connection, "stage_rows", self._rows)
            insert(connection, "edits", self._edits)
            insert(connection, "findings", self._findings)
            insert(connection, "expert_answers", self._answers)
            insert(connection, "argument_sources", self._sources)
            insert(connection, "first_causes", self._causes)
            insert(connection, "outcome_log", log_rows(self._rows, now))
            plans = [item.plan for item in self._items if item.plan is not None]
            insert(connection, "task_plans", [row for plan in plans for row in plan_rows(stage.name, plan)])
            insert(connection, "drawn_plans", [drawn_row(stage.name, plan, context.settings) for plan in plans])
            insert(connection, "plan_distractors", [row for plan in plans for row in distractor_rows(stage.name, plan)])
            insert(connection, "stage_runs", [_run_row(stage, context, len(made), reused, seconds)])


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
