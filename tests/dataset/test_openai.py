"""JSON lines for OpenAI fine-tuning."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings

from tests.builders import call, dialogue, output, reply, user
from tests.dataset.rows import random_rows, row, rows
from toolace_dagster.dataset import (
    LINE_FORMATS,
    DatasetRow,
    ExportError,
    chat_messages,
    openai_example,
    openai_faults,
    read_lines,
    write_lines,
)
from toolace_dagster.entities import ToolCall

OPENAI = LINE_FORMATS["openai"]
SCHEMA = Path(__file__).parents[1] / "fixtures/openai/FineTuneChatRequestInput.schema.json"


@pytest.fixture(scope="module")
def published() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_rows())
def test_every_example_is_valid(published: jsonschema_rs.Draft202012Validator, given_row: DatasetRow):
    example = json.loads(json.dumps(openai_example(given_row)))
    published.validate(example)
    assert list(openai_faults(example, given_row)) == []
    calls = [call for message in example["messages"] for call in message.get("tool_calls", ())]
    wanted = [call for turn in given_row.dialogue.turns for call in turn.tool_calls]
    assert [json.loads(each["function"]["arguments"]) for each in calls] == [each.arguments for each in wanted]


def test_lines_are_read_back(tmp_path: Path, published: jsonschema_rs.Draft202012Validator):
    reports = write_lines([*rows(3), row("x", "test")], tmp_path, OPENAI)
    assert [(report.path, report.rows) for report in reports] == [
        ("openai/train.jsonl", 3),
        ("openai/validation.jsonl", 0),
        ("openai/test.jsonl", 1),
    ]
    for example in read_lines(tmp_path / "openai/train.jsonl"):
        published.validate(example)
        assert example == openai_example(row())


def test_line_separators_inside_texts_don_t_cut_lines(tmp_path: Path):
    odd = row(dialogue=dialogue((user("t0", "a\u2028b\x85c\nd\re"), reply("t1", "Yes."))))
    write_lines([odd], tmp_path, OPENAI)
    assert [each["messages"][0]["content"] for each in read_lines(tmp_path / "openai/train.jsonl")] == [
        "a\u2028b\x85c\nd\re"
    ]


def test_parallel_calls_are_declared():
    two = tuple(ToolCall(id=i, name="find_garage", arguments={"city": "Ghent"}) for i in "ab")
    acting = reply("t1", "", tool_calls=two)
    turns = (user("t0", "Find two."), acting, output("t2", acting, []), reply("t3", "None."))
    assert openai_example(row(dialogue=dialogue(turns)))["parallel_tool_calls"] is True
    assert openai_example(row())["parallel_tool_calls"] is False


def broken(change: Callable[[dict[str, Any]], Any]) -> list[str]:
    example = copy.deepcopy(openai_example(row()))
    change(example)
    return list(openai_faults(example, row()))


def set_arguments(text: str) -> Callable[[dict[str, Any]], Any]:
    return lambda example: example["messages"][1]["tool_calls"][0]["function"].update(arguments=text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e.update(extra=1), "unknown keys: extra"),
        (lambda e: e["messages"][2].update(name="x"), "unknown keys: name"),
        (lambda e: e["messages"][2].update(tool_call_id="nope"), "no call is waiting"),
        (lambda e: e["messages"].pop(2), "have no answer"),
        (lambda e: e["messages"][1]["tool_calls"][0].update(id="call_t03"), "no call is waiting"),
        (lambda e: e["tools"][0]["function"].update(name="a b"), "not allowed"),
        (lambda e: e["messages"][1]["tool_calls"][0]["function"].update(name="gone"), "does not exist"),
        (set_arguments("{"), "not JSON"),
        (set_arguments("[]"), "not an object"),
        (set_arguments('{"city":1}'), "not valid for find_garage"),
    ],
)
def test_what_the_published_schema_misses_is_found(change: Callable[[dict[str, Any]], Any], words: str):
    assert any(words in fault for fault in broken(change))


def test_a_call_that_failed_may_have_invalid_arguments(tmp_path: Path):
    acting = call("t1", "find_garage", {"city": 5})
    for failed in (True, False):
        turns = (user("t0", "Find."), acting, output("t2", acting, "bad", is_error=failed), reply("t3", "Sorry."))
        bad = row(dialogue=dialogue(turns))
        if failed:
            assert write_lines([bad], tmp_path, OPENAI)[0].rows == 1
        else:
            with pytest.raises(ExportError, match="not valid for find_garage"):
                write_lines([bad], tmp_path, OPENAI)


def test_an_empty_call_turn_has_empty_text():
    assert [m["content"] for m in openai_example(row())["messages"]] == [
        m["content"] for m in chat_messages(row().dialogue, row().tools)
    ]
