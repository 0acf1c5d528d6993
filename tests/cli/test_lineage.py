"""Lineage in DuckDB over a finished home: stable views, every step, and the line an export ended up on."""

from __future__ import annotations

import json

import pytest

from tests.cli.made import Made
from tests.pipeline.homes import TWO_DOMAINS
from toolace_dagster.dataset import read_lines, read_trl
from toolace_dagster.entities import Dialogue
from toolace_dagster.warehouse import Row

COLUMNS = {
    "dialogue_lineage": (
        "dialogue_id domain position kind stage round name state version turn_ids reason call_ids line run_id"
    ),
    "turn_history": (
        "dialogue_id domain turn_id version stage round sequence edit_id operation injection outcome is_final "
        "role content turn before reason call_ids"
    ),
    "failures": (
        "dialogue_id domain slot attempt state stage check_id turn_id evidence reason call_id how cause_stage "
        "cause_round edit_id changed cause"
    ),
    "failure_reasons": (
        "domain stage state check_id cause_stage cause_round how dialogues example example_reason example_cause"
    ),
    "stage_counts": "domain stage stage_index attempted accepted rejected failed",
    "call_costs": (
        "call_id stage task role domain dialogue_id round model endpoint mode run_id created_at prompt_tokens "
        "cached_tokens cache_write_tokens completion_tokens reasoning_tokens cost price free"
    ),
}


def rows(made: Made, query: str, **where: object) -> list[Row]:
    """A query over the files of all domains."""
    return [row for name in made.warehouse.domains() for row in made.warehouse.domain(name).read(query, where)]


@pytest.mark.parametrize("view", COLUMNS)
def test_the_columns_of_a_view_stay(made: Made, view: str) -> None:
    described = made.warehouse.domain(TWO_DOMAINS[0]).read(f"DESCRIBE {view}")
    assert [row["column_name"] for row in described] == COLUMNS[view].split()


def test_stage_counts_add_up_over_all_domains(made: Made) -> None:
    counts = rows(made, "SELECT * FROM stage_counts")
    stages = {row["stage"]: row["stage_index"] for row in counts}
    expected = len(rows(made, "SELECT DISTINCT dialogue_id FROM stage_rows"))
    for stage in sorted(stages, key=stages.__getitem__):
        total = {n: sum(r[n] for r in counts if r["stage"] == stage) for n in ("attempted", "rejected", "failed")}
        assert total["attempted"] == expected
        expected -= total["rejected"] + total["failed"]
        accepted = sum(row["accepted"] for row in counts if row["stage"] == stage)
        assert accepted == expected
    assert expected == len(made.ids("accepted"))


def test_every_rejected_dialogue_has_a_finding_with_evidence_and_a_first_cause(made: Made) -> None:
    failures = rows(made, "SELECT * FROM failures")
    assert {row["dialogue_id"] for row in failures} == {*made.ids("rejected"), *made.ids("failed")}
    for row in failures:
        assert row["reason"]
        assert row["cause"]
        if row["state"] == "failed":
            assert row["call_id"]
            continue
        found = rows(
            made, "SELECT * FROM findings WHERE dialogue_id = $id AND severity = 'hard'", id=row["dialogue_id"]
        )
        assert found
        assert all(finding["evidence"] and finding["message"] for finding in found)
        assert row["how"] in ("initial", "rewritten", "exposed", "judged", "rejected")
    assert sum(row["dialogues"] for row in rows(made, "SELECT * FROM failure_reasons")) == len(failures) > 0


def test_the_lineage_of_a_dialogue_goes_from_its_tools_to_its_line_in_each_file(made: Made) -> None:
    dialogue_id = made.ids("accepted")[0]
    steps = rows(made, "SELECT * FROM dialogue_lineage WHERE dialogue_id = $id ORDER BY position", id=dialogue_id)
    assert [step["position"] for step in steps] == list(range(1, len(steps) + 1))
    kinds = [step["kind"] for step in steps]
    assert kinds == sorted(
        kinds, key=["tool", "task_spec", "skeleton", "round", "edit", "verdict", "finding", "export"].index
    )
    (spec,) = rows(made, "SELECT spec FROM task_specs WHERE dialogue_id = $id", id=dialogue_id)
    tools = {step["name"]: step["version"] for step in steps if step["kind"] == "tool"}
    assert tools == json.loads(spec["spec"])["tool_versions"]
    calls = {call for step in steps for call in step["call_ids"] or ()}
    known = rows(made, "SELECT call_id FROM all_calls WHERE list_contains($ids, call_id)", ids=sorted(calls))
    assert {row["call_id"] for row in known} == calls
    exported = [step for step in steps if step["kind"] == "export"]
    assert {step["name"].partition("/")[0] for step in exported} >= {"openai", "trl"}


def test_every_line_of_every_export_file_leads_back_to_its_dialogue(made: Made) -> None:
    lines = {(row["file"], row["line"]): row["dialogue_id"] for row in rows(made, "SELECT * FROM export_lines")}
    exports = made.warehouse.exports
    seen = 0
    for path in sorted(exports.glob("trl/*.parquet")):
        for number, example in enumerate(read_trl(path), start=1):
            assert lines[f"trl/{path.name}", number] == example["dialogue_id"]
            seen += 1
    for path in sorted(exports.glob("openai/*.jsonl")):
        for number, example in enumerate(read_lines(path), start=1):
            dialogue_id = lines[f"openai/{path.name}", number]
            (kept,) = rows(made, "SELECT dialogue FROM verified_dialogues WHERE dialogue_id = $id", id=dialogue_id)
            assert example["messages"][0]["content"].startswith(
                Dialogue.model_validate_json(kept["dialogue"]).turns[0].content
            )
            seen += 1
    assert seen == 2 * len(made.ids("accepted"))


def test_the_final_versions_of_turns_are_the_dialogue(made: Made) -> None:
    for dialogue_id in (*made.ids("accepted"), *made.ids("rejected", "verification")):
        # Verification holds the dialogue that it mended or cut, else it is as the last round left it.
        (last,) = rows(
            made,
            "SELECT coalesce(nullif(v.payload -> '$.dialogue', 'null'), r.dialogue) AS dialogue "
            "FROM refinement_rounds AS r JOIN stage_rows AS v USING (dialogue_id) "
            "WHERE dialogue_id = $id AND v.stage = 'verification' ORDER BY r.round DESC LIMIT 1",
            id=dialogue_id,
        )
        turns = {turn["id"]: turn for turn in json.loads(last["dialogue"])["turns"]}
        versions = rows(made, "SELECT * FROM turn_history WHERE dialogue_id = $id", id=dialogue_id)
        assert {row["turn_id"]: json.loads(row["turn"]) for row in versions if row["is_final"]} == turns
