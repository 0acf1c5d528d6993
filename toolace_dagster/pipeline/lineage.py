"""What a stage leaves behind so that its ends can be explained and compared later.

Belongs here: the rows of ``first_causes`` and ``outcome_log``, and the finding of an
early rejection. Does not belong here: finding a cause
(``verification.first_cause``), or the other rows of a stage (``stage_rows``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from toolace_dagster.entities import Rejection, Verdict
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.reporting.history import causes_of, read_histories
from toolace_dagster.verification.rules import Bounds, Facts, configured_rules
from toolace_dagster.warehouse import Row


def cause_rows(stage: str, context: StageContext, verdicts: Iterable[Verdict]) -> list[Row]:
    """Rows of ``first_causes``: where the hard findings of rejected dialogues come from.

    Args:
        stage: The stage that decided.
        context: The domain; its skeletons and edits are stored already.
        verdicts: Verdicts of the stage.
    """
    rejected = {verdict.dialogue_id: verdict for verdict in verdicts if verdict.terminal.state == "rejected"}
    if not rejected:
        return []
    with context.store.reading():
        histories = read_histories(context.store, rejected)
    settings = context.settings
    rules = configured_rules(settings.rules, settings.rule_severity).rules
    facts = Facts(bounds=Bounds(turns=settings.dialogue_turns, characters=settings.turn_characters))
    rows: list[Row] = []
    for dialogue_id, history in histories.items():
        hard = [(n, found) for n, found in enumerate(rejected[dialogue_id].findings) if found.severity == "hard"]
        causes = causes_of(history, [finding for _, finding in hard], context.tools, rules, facts)
        for (position, _), cause in zip(hard, causes, strict=True):
            row = cause.model_dump(mode="json", exclude={"check", "stage", "round"})
            row |= {"check_id": cause.check, "cause_stage": cause.stage, "cause_round": cause.round}
            rows.append(row | {"stage": stage, "dialogue_id": dialogue_id, "position": position})
    return rows


def rejection_row(stage: str, dialogue_id: str, rejection: Rejection) -> Row:
    """The row of ``findings`` for a row that a stage before verification rejected."""
    return {
        "stage": stage,
        "dialogue_id": dialogue_id,
        "position": 0,
        "check_id": rejection.check,
        "severity": "hard",
        "turn_id": rejection.turn_id,
        "path": "",
        "evidence": rejection.evidence or rejection.reason,
        "message": rejection.reason,
    }


def log_rows(rows: Sequence[Row], now: datetime) -> list[Row]:
    """Rows of ``outcome_log`` for the rows of a stage that are ends of dialogues.

    Args:
        rows: Rows of ``stage_rows`` made in this run.
        now: When the stage ended, in UTC.
    """
    kept = ("run_id", "stage", "stage_index", "dialogue_id", "state", "check_id", "turn_id", "reason")
    when = now.replace(tzinfo=None).isoformat()
    return [{name: row[name] for name in kept} | {"finished_at": when} for row in rows if row["state"] != "passed"]
