"""What a stage leaves behind of its ends: a finding for each rejection, a log that runs add to, and first causes."""

from __future__ import annotations

from datetime import UTC, datetime

from toolace_dagster.entities import Rejection
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.lineage import log_rows, rejection_row


def test_a_rejection_before_verification_is_a_finding_with_evidence(finished: StageContext) -> None:
    row = rejection_row("skeletons", "d", Rejection(check="skeleton.empty", reason="The reply is blank.", turn_id=None))
    assert (row["check_id"], row["severity"], row["evidence"]) == ("skeleton.empty", "hard", "The reply is blank.")
    columns = {each["column_name"] for each in finished.store.read("DESCRIBE findings")}
    assert row.keys() <= columns


def test_only_ends_are_logged() -> None:
    row = {
        "run_id": "r",
        "stage": "verification",
        "stage_index": 33,
        "dialogue_id": "d",
        "state": "rejected",
        "check_id": "rule.grounding",
        "turn_id": "t01",
        "reason": "x",
        "payload": {},
    }
    (logged,) = log_rows([row, row | {"state": "passed"}], datetime(2026, 1, 2, 3, tzinfo=UTC))
    assert logged["finished_at"] == "2026-01-02T03:00:00"
    assert "payload" not in logged


def test_every_end_of_a_run_is_in_the_log(finished: StageContext) -> None:
    ends = "SELECT dialogue_id, state FROM outcomes ORDER BY dialogue_id"
    logged = "SELECT dialogue_id, state FROM outcome_log WHERE stage <> 'verified_dialogues' ORDER BY dialogue_id"
    assert finished.store.read(logged) == finished.store.read(ends)


def test_each_hard_finding_of_a_verdict_has_a_first_cause(finished: StageContext) -> None:
    found = finished.store.read("SELECT dialogue_id, position FROM findings WHERE severity = 'hard' ORDER BY ALL")
    causes = finished.store.read("SELECT dialogue_id, position FROM first_causes ORDER BY ALL")
    assert causes == found
    assert found
