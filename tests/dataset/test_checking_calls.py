"""The validator on calls: padded nulls, and which answers excuse a wrong call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dataset.examples import checks, example, full
from toolace_dagster.dataset.checking import check_example
from toolace_dagster.settings import FormatName

NEAR = {"type": "object", "properties": {"at": {"type": "string"}}}
OPEN = {"type": "object", "additionalProperties": True, "properties": {"at": {"type": "string"}}}


def rename(made: Any, name: str) -> None:
    """Let the first call be of another tool, and its answer too."""
    made["messages"][1]["tool_calls"][0]["function"]["name"] = name
    made["messages"][2]["name"] = name


@pytest.mark.parametrize(
    ("of_near", "near", "severities"),
    [
        (NEAR, {"at": "here", "symbol": None}, ["error"]),
        (OPEN, {"at": "here", "symbol": None}, ["warning"]),
        ({"type": "array", "items": NEAR}, [{"at": "a"}, {"at": "b", "symbol": None}], ["error"]),
        ({"anyOf": [{"type": "null"}, NEAR]}, {"symbol": None}, ["error"]),
        ({"$ref": "#/$defs/near"}, {"at": "here", "symbol": None}, ["error"]),
        ({"type": "object"}, {"symbol": None}, []),
        ({"type": ["object", "null"]}, None, []),
        (NEAR, {"at": "here"}, []),
    ],
)
def test_nulls_that_no_schema_knows_were_padded(of_near: Any, near: Any, severities: list[str]):
    made = example("trl", full())
    parameters = made["tools"][0]["function"]["parameters"]
    parameters["properties"]["near"] = of_near
    parameters["$defs"] = {"near": NEAR}
    made["messages"][1]["tool_calls"][0]["function"]["arguments"]["near"] = near
    found = [
        finding for finding in check_example(made, "trl") if finding.severity == "error" or "null" in finding.check
    ]
    assert [(each.check, each.severity) for each in found] == [("padded_nulls", severity) for severity in severities]


@pytest.mark.parametrize(
    "answer", ['{"errors":[],"ok":true}', '{"must_bring":"ID"}', '{"fines":"required"}', "[]", "5"]
)
@pytest.mark.parametrize(
    ("check", "change"), [("tool_unknown", {"name": "gone"}), ("arguments_schema", {"arguments": {"town": "Ghent"}})]
)
def test_a_wrong_call_is_excused_only_by_an_answer_that_is_an_error(answer: str, check: str, change: Any):
    made = example("trl", full())
    made["messages"][1]["tool_calls"][0]["function"] |= change
    made["messages"][2] |= {"content": answer, "name": made["messages"][1]["tool_calls"][0]["function"]["name"]}
    assert checks("trl", made) == {check}
    made["messages"][2]["content"] = '{"error": "no such thing"}'
    assert checks("trl", made) == set()


def test_an_unknown_tool_is_excused_by_no_text():
    made = example("trl", full())
    rename(made, "book_roms")
    for text in (
        "Booked. A deposit of 20 EUR is required on arrival.",
        "Error: no such thing",
        '{"detail": "Not found"}',
    ):
        made["messages"][2]["content"] = text
        assert checks("trl", made) == {"tool_unknown"}


def test_text_that_begins_with_an_error_excuses_arguments():
    made = example("trl", full())
    made["messages"][1]["tool_calls"][0]["function"]["arguments"] = {"town": "Ghent"}
    made["messages"][2]["content"] = "Booked. A deposit of 20 EUR is required on arrival."
    assert checks("trl", made) == {"arguments_schema"}
    made["messages"][2]["content"] = "Error: no such thing"
    assert checks("trl", made) == set()


def test_an_error_excuses_only_the_call_it_answers():
    made = example("trl", full())
    rename(made, "gone")
    made["messages"][3]["content"] = '{"error": "the second call failed"}'
    assert checks("trl", made) == {"tool_unknown"}


READ_NOTE = {
    "type": "function",
    "function": {
        "name": "read_note",
        "description": "Read a note.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}


def reading(answer: Any, calls: int = 1) -> dict[str, Any]:
    """A Hermes example in which notes are read."""
    called = '<tool_call>\n{"name":"read_note","arguments":{"path":"todo.txt"}}\n</tool_call>'
    answered = f"<tool_response>\n{json.dumps(answer)}\n</tool_response>"
    said = [
        ("system", f"<tools>\n{json.dumps(READ_NOTE)}\n{json.dumps(READ_NOTE).replace('read_', 'list_')}\n</tools>"),
        ("human", "Read it."),
        ("gpt", "\n".join([called] * calls)),
        ("tool", "\n".join([answered] * calls)),
        ("gpt", "Milk."),
    ]
    return {"conversations": [{"from": role, "value": value} for role, value in said]}


@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize("key", ["content", "results"])
@pytest.mark.parametrize(
    ("name", "found"), [("todo.txt", set[str]()), ("read_note", set[str]()), ("list_note", {"answer_name"})]
)
def test_a_name_in_an_answer_is_a_tool_s_only_where_such_a_tool_is_offered(
    name: str, found: set[str], key: str, calls: int
):
    assert checks("hermes", reading({"name": name, key: "buy milk"}, calls)) == found


@pytest.mark.parametrize(
    ("key", "severity"),
    [
        *((key, "warning") for key in ("refusal", "audio", "annotations", "function_call")),
        *((key, "error") for key in ("tool_call_id", "name", "reasoning_content", "tool_responses")),
    ],
)
@pytest.mark.parametrize("name", ["trl", "axolotl"])
def test_a_null_of_a_message_is_an_error_only_where_templates_read_the_key(name: FormatName, key: str, severity: str):
    made = example(name, full())
    made["messages"][4][key] = None
    found = [(each.check, each.severity) for each in check_example(made, name)]
    assert found == [("padded_nulls", severity)]


@pytest.mark.parametrize(
    ("answer", "severity"),
    [("450", "error"), ("451.5", "error"), ('{"detail":"n must be a whole number"}', "warning")],
)
def test_a_plain_number_excuses_nothing(answer: str, severity: str):
    made = example("trl", full())
    made["messages"][1]["tool_calls"][0]["function"]["arguments"] = {"city": "Ghent", "limit": "two"}
    made["messages"][2]["content"] = answer
    found = [(each.check, each.severity) for each in check_example(made, "trl")]
    assert found == [("arguments_schema", severity)]
