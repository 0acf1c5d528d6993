"""``toolace calibrate`` on labelled dialogues, with the offline model as experts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from toolace_dagster.cli.app import app

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "book_service",
            "description": "Book a garage.",
            "parameters": {
                "type": "object",
                "properties": {"garage_id": {"type": "string"}, "bay": {"type": "integer"}},
                "required": ["garage_id"],
                "additionalProperties": False,
            },
        },
    }
]


def row(label: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "book_service", "arguments": arguments}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You book garages."},
        {"role": "user", "content": "Please book garage GR-771 for me, bay 12."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"booking_id": "BK-30918"}'},
        {"role": "assistant", "content": "It is booked: BK-30918."},
    ]
    return {"messages": messages, "tools": TOOLS, "label": label, **more}


GOOD = '{"garage_id": "GR-771", "bay": 12}'


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows = [
        row("good", GOOD),
        row(True, json.loads(GOOD)),
        row("bad", '{"bay": 12}', checks=["rule.arguments_schema"]),
        row("bad", "{broken", checks=["rule.arguments_schema"]),
        row("bad", '{"garage_id": "GR-90417"}', checks=["rule.grounding"]),
        row("bad", GOOD),
    ]
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return path


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["calibrate", *arguments])


def test_each_check_is_scored_against_the_labels(labelled: Path, tmp_path: Path) -> None:
    result = invoke(str(labelled), "--home", str(tmp_path / "home"), "--rules-only", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["dialogues"] == 6
    assert "rule.plan_coverage" in told["left_out"]
    scores = {score["check"]: score for score in told["scores"]}
    verdict = scores["verdict"]
    assert (verdict["precision"], verdict["recall"]) == (1.0, 0.75)
    assert verdict["agreement"] == pytest.approx(5 / 6)
    # The last bad dialogue names no check, so that any may find something.
    assert (scores["rule.arguments_schema"]["right"], scores["rule.arguments_schema"]["due"]) == (2, 3)
    assert (scores["rule.grounding"]["fired"], scores["rule.grounding"]["right"]) == (1, 1)
    assert scores["rule.call_ids"]["fired"] == 0
    assert not any(name.startswith("expert.") for name in scores)


def test_experts_are_asked_and_their_answers_kept(labelled: Path, tmp_path: Path) -> None:
    result = invoke(str(labelled), "--home", str(tmp_path / "home"))
    assert result.exit_code == 0, result.output
    assert "expert.argument_extraction" in result.stdout
    assert "6 dialogues, 2 good and 4 bad" in result.stdout
    assert not (tmp_path / "home" / "warehouse").exists()
    again = invoke(str(labelled), "--home", str(tmp_path / "home"), "--set", "max_calls=1")
    assert again.stdout == result.stdout


def test_lines_that_are_none_are_named_and_the_rest_is_counted(labelled: Path, tmp_path: Path) -> None:
    with labelled.open("a") as file:
        file.write('not json\n{"messages": []}\n' + json.dumps(row("perhaps", GOOD)) + "\n")
    result = invoke(str(labelled), "--home", str(tmp_path / "home"), "--rules-only")
    assert result.exit_code == 1
    for line in ("line 7", "line 8", "line 9", "perhaps"):
        assert line in result.output
    assert "6 dialogues" in result.stdout


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = invoke(str(tmp_path / "missing.jsonl"))
    assert result.exit_code == 2
    assert "missing.jsonl" in result.output
