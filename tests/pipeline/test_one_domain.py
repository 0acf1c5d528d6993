"""One domain through all stages: every dialogue has one end, every end a cause, every edit can be replayed."""

from __future__ import annotations

import json
from typing import Any

from tests.pipeline.homes import paid_calls
from toolace_dagster.entities import Dialogue, Edit, Skeleton, TaskSpec, Verdict, apply_edit
from toolace_dagster.pipeline.checks import schema_faults, sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.plans import coverage_rows, plan_tables, shape_rows
from toolace_dagster.pipeline.stage_report import StageReport
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.verified import dataset_rows
from toolace_dagster.refinement.rounds import RefinedDialogue
from toolace_dagster.reporting.summary import summarize

COUNTS = "SELECT stage, attempted, accepted, rejected, failed FROM stage_counts ORDER BY stage_index"

SLOTS = "SELECT DISTINCT dialogue_id FROM stage_rows"


def last_round(where: StageContext) -> str:
    return f"refinement_round_{where.settings.rounds:02d}"


def outcomes(where: StageContext, state: str) -> list[dict[str, Any]]:
    return where.store.read("SELECT * FROM outcomes WHERE state = $state ORDER BY slot", {"state": state})


def test_the_counts_of_every_stage_add_up(finished: StageContext) -> None:
    counts = finished.store.read(COUNTS)
    assert [row["stage"] for row in counts] == [stage.name for stage in domain_stages(finished.settings)]
    expected = finished.settings.dialogues
    for row in counts:
        assert row["attempted"] == row["accepted"] + row["rejected"] + row["failed"], row
        assert row["attempted"] == expected, row
        expected = row["accepted"]
        assert sum_faults(finished, row["stage"]) == []
        assert schema_faults(finished, row["stage"]) == []


def test_reports_say_what_is_stored(run: tuple[StageContext, list[StageReport]]) -> None:
    finished, reports = run
    stored = [tuple(row.values()) for row in finished.store.read(COUNTS)]
    assert [(r.stage, r.attempted, r.accepted, r.rejected, r.failed) for r in reports] == stored
    assert [(r.made, r.reused) for r in reports] == [(r.attempted, 0) for r in reports]
    assert sum(report.usage["calls"] for report in reports) == paid_calls(finished) > 0


def test_every_slot_has_exactly_one_outcome(finished: StageContext) -> None:
    rows = finished.store.read("SELECT dialogue_id, slot, state FROM outcomes ORDER BY slot")
    assert [row["slot"] for row in rows] == list(range(finished.settings.dialogues))
    assert len({row["dialogue_id"] for row in rows}) == len(rows)
    assert {row["state"] for row in rows} == {"accepted", "rejected"}
    summary = summarize(finished.warehouse, finished.domain)
    assert summary.adds_up
    assert summary.unfinished == 0
    assert summary.accepted == len(outcomes(finished, "accepted"))


def test_plans_are_recorded_with_their_shapes_and_distractors(finished: StageContext) -> None:
    planned = finished.store.read("SELECT dialogue_id, sub_task, tools, steps FROM task_plans ORDER BY ALL")
    specs = finished.payloads("task_specs", TaskSpec)
    written = [
        {"dialogue_id": spec.dialogue_id, "sub_task": s.index, "tools": list(s.tools), "steps": s.steps}
        for spec in sorted(specs.values(), key=lambda spec: spec.dialogue_id)
        for s in spec.sub_tasks
    ]
    assert [row for row in planned if row["dialogue_id"] in specs] == written
    assert {row["dialogue_id"] for row in planned} == {row["dialogue_id"] for row in finished.store.read(SLOTS)}
    rows = {row["shape"]: row for row in shape_rows([finished.store], finished.settings)}
    assert sum(row["made"] for row in rows.values()) == sum(row["wanted"] for row in rows.values()) == len(planned)
    assert rows["chain"]["made"] > 0
    assert rows["chain"]["set"] == "35%"
    assert [row["name"] for row in coverage_rows(finished.store)[-1:]] != []
    assert all(row["dialogues"] > 0 for row in coverage_rows(finished.store))
    tables = plan_tables(finished)
    assert all("| --- |" in text for text in tables.values())


def test_a_tool_of_another_domain_is_offered_carried_and_exported(finished: StageContext) -> None:
    borrowed = finished.store.read("SELECT dialogue_id, tool FROM plan_distractors WHERE kind = 'other_domain'")
    specs = finished.payloads("task_specs", TaskSpec)
    offered = [(specs[row["dialogue_id"]], row["tool"]) for row in borrowed if row["dialogue_id"] in specs]
    assert offered
    for spec, name in offered:
        assert name in spec.offered_tools
        assert finished.tools[name].domain != finished.domain
        assert spec.tool_versions[name] == finished.tools[name].fingerprint
    by_id = {row.spec.dialogue_id: row for row in dataset_rows(finished.warehouse, finished.settings)}
    carried = [by_id[spec.dialogue_id].tools[name] for spec, name in offered if spec.dialogue_id in by_id]
    assert carried
    assert all(tool.domain != finished.domain for tool in carried)
    assert not set(finished.borrowed_tools) & set(finished.own_tools)


def test_every_rejected_dialogue_names_check_and_reason(finished: StageContext) -> None:
    rejected = outcomes(finished, "rejected")
    assert rejected
    for row in rejected:
        assert row["check_id"], row
        assert row["reason"], row
        assert row["evidence"] or row["turn_id"] is None, row
        prefix = "task." if row["stage"] == "task_specs" else ("rule.", "expert.", "skeleton.")
        assert row["check_id"].startswith(prefix), row


def test_what_rejected_a_dialogue_at_verification_is_among_its_findings(finished: StageContext) -> None:
    rejected = [row for row in outcomes(finished, "rejected") if row["stage"] == "verification"]
    assert rejected
    for row in rejected:
        where = {"id": row["dialogue_id"], "check": row["check_id"]}
        found = finished.store.read(
            "SELECT turn_id FROM findings WHERE dialogue_id = $id AND check_id = $check AND severity = 'hard'", where
        )
        assert row["turn_id"] in [finding["turn_id"] for finding in found], row


def test_no_accepted_dialogue_has_a_hard_finding_and_all_experts_passed_it(finished: StageContext) -> None:
    accepted = [row["dialogue_id"] for row in outcomes(finished, "accepted")]
    assert accepted
    for dialogue_id in accepted:
        where = {"id": dialogue_id}
        hard = "SELECT * FROM findings WHERE dialogue_id = $id AND severity = 'hard'"
        assert finished.store.read(hard, where) == []
        answers = finished.store.read("SELECT passes FROM expert_answers WHERE dialogue_id = $id", where)
        assert len(answers) == 8
        assert all(answer["passes"] for answer in answers)


def test_every_hard_finding_of_a_rejected_dialogue_has_evidence(finished: StageContext) -> None:
    unfounded = "SELECT * FROM findings WHERE severity = 'hard' AND coalesce(evidence, '') = ''"
    assert finished.store.read(unfounded) == []


def test_what_verification_mended_is_what_was_accepted(finished: StageContext) -> None:
    refined = finished.payloads(last_round(finished), RefinedDialogue)
    verified = finished.payloads("verified_dialogues", Dialogue)
    verdicts = finished.payloads("verification", Verdict)
    stored = finished.store.read("SELECT dialogue_id, outcome FROM edits WHERE operation = 'repair'")
    assert stored
    for row in stored:
        verdict = verdicts.get(row["dialogue_id"])
        assert (row["outcome"] == "accepted") == (verdict is not None and verdict.dialogue is not None), row
    for dialogue_id, verdict in verdicts.items():
        before = refined[dialogue_id].dialogue
        for edit in verdict.edits:
            before = apply_edit(before, edit)
        assert verified[dialogue_id] == before


def test_replaying_the_edits_of_a_skeleton_gives_the_stored_dialogue(finished: StageContext) -> None:
    skeletons = finished.payloads("skeletons", Skeleton)
    refined = finished.payloads(last_round(finished), RefinedDialogue)
    mended = {
        row["dialogue_id"]: Dialogue.model_validate_json(row["dialogue"])
        for row in finished.store.read(
            "SELECT dialogue_id, payload -> '$.dialogue' AS dialogue FROM stage_rows "
            "WHERE stage = 'verification' AND json_type(payload, '$.dialogue') = 'OBJECT'"
        )
    }
    assert set(skeletons) == set(refined) != set()
    for dialogue_id, skeleton in skeletons.items():
        rows = finished.store.read(
            "SELECT * FROM edits WHERE dialogue_id = $id ORDER BY round, sequence", {"id": dialogue_id}
        )
        assert rows
        dialogue = skeleton.to_dialogue()
        for row in rows:
            read = {name: json.loads(row[name]) for name in ("replacements", "withheld") if row[name]}
            fields = row | {"id": row["edit_id"]} | read
            edit = Edit.model_validate({name: fields[name] for name in Edit.model_fields})
            assert list(edit.masked) == row["masked"]
            dialogue = apply_edit(dialogue, edit)
        assert dialogue == mended.get(dialogue_id, refined[dialogue_id].dialogue)


def test_verified_dialogues_are_the_accepted_ones_as_the_last_round_left_them(finished: StageContext) -> None:
    verified = finished.payloads("verified_dialogues", Dialogue)
    refined = finished.payloads(last_round(finished), RefinedDialogue)
    verdicts = finished.payloads("verification", Verdict)
    assert list(verified) == list(verdicts) == [row["dialogue_id"] for row in outcomes(finished, "accepted")]
    for dialogue_id, dialogue in verified.items():
        # Verification itself may have had a few turns mended.
        assert dialogue == (verdicts[dialogue_id].dialogue or refined[dialogue_id].dialogue)


def test_every_call_that_a_row_names_is_stored_with_its_messages(finished: StageContext) -> None:
    lost = finished.store.read(
        "SELECT call_id FROM (SELECT unnest(call_ids) AS call_id FROM stage_rows) ANTI JOIN model_calls USING (call_id)"
    )
    assert lost == []
    empty = "SELECT call_id FROM model_calls WHERE usable AND (response IS NULL OR json_array_length(messages) = 0)"
    assert finished.store.read(empty) == []


def test_no_stage_asks_turn_by_turn(finished: StageContext) -> None:
    rows = finished.store.read(
        "SELECT u.dialogue_id, count(*) FILTER (task <> 'grounding_correction') AS calls, "
        "count(*) FILTER (task = 'grounding_correction') AS corrections "
        "FROM call_uses AS u JOIN (SELECT DISTINCT call_id, task FROM model_calls) USING (call_id) "
        "WHERE u.stage = 'skeletons' GROUP BY ALL"
    )
    # One request corrects all arguments of a dialogue; a second is about those that the first mended in vain.
    assert all(row["corrections"] <= finished.settings.rule_tries for row in rows)
    skeletons = finished.payloads("skeletons", Skeleton)
    calls = {row["dialogue_id"]: row["calls"] for row in rows}
    assert all(
        calls[dialogue_id] == (1 if skeleton.written == "whole" else len(skeleton.sub_trajectories))
        for dialogue_id, skeleton in skeletons.items()
        if not skeleton.whole_fault
    )
    assert {skeleton.written for skeleton in skeletons.values()} >= {"whole"}
