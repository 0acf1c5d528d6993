"""The validator: silent on our own files, and it names each of more than thirty planted faults."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dataset.examples import checks, example, full
from tests.dataset.rows import random_rows, row, rows
from toolace_dagster.dataset import DatasetRow, export_rows
from toolace_dagster.dataset.checking import FileUnreadable, check_example, check_file
from toolace_dagster.settings import FORMAT_NAMES, FormatName


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_our_files_are_sound(tmp_path: Path, name: FormatName):
    export_rows([*rows(12), row("v", "validation", dialogue=full().dialogue)], tmp_path, name)
    paths = [path for path in sorted((tmp_path / name).iterdir()) if path.stem in ("train", "validation")]
    assert len(paths) == (4 if name == "trl" else 2)
    for path in paths:
        report = check_file(path, name)
        assert report.sound == report.examples == (12 if path.stem == "train" else 1)
        assert {finding.check for finding in report.findings} <= {"too_few", "repeated"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_rows(), st.sampled_from(FORMAT_NAMES))
def test_sound_dialogues_of_any_shape_pass(given_row: DatasetRow, name: FormatName):
    # A schema drawn at random may ask for what nobody gave; that is not the format's fault.
    assert checks(name, example(name, given_row)) == set()


def test_a_tool_that_arrives_later_is_offered_from_then_on():
    early = full().dialogue
    late = early.model_copy(
        update={
            "initial_tools": ("find_garage",),
            "turns": (
                *early.turns[:4],
                early.turns[4].model_copy(update={"tools_added": ("rate_garage",)}),
                *early.turns[5:],
            ),
        }
    )
    assert checks("openai", example("openai", row(dialogue=late))) == set()
    missing = early.model_copy(update={"initial_tools": ("find_garage",)})
    assert checks("openai", example("openai", row(dialogue=missing))) == {"tool_unknown"}


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_a_tool_is_announced_as_the_others_are_written(name: FormatName):
    early = full().dialogue
    added = early.turns[4].model_copy(update={"tools_added": ("rate_garage",)})
    late = early.model_copy(
        update={"initial_tools": ("find_garage",), "turns": (*early.turns[:4], added, *early.turns[5:])}
    )
    made = example(name, row(dialogue=late))
    assert checks(name, made) == set()
    turns: list[Any] = made["conversations"] if "conversations" in made else made["messages"]
    (said,) = [turn for turn in turns if "A tool has been added" in str(turn)]
    key = "value" if "value" in said else "content"
    before, definition = said[key].split("[A tool has been added: ")
    tool = json.loads(definition.removesuffix("]"))
    other = tool.get("function", {"type": "function", "function": tool})
    said[key] = f"{before}[A tool has been added: {json.dumps(other)}]"
    # What a model sees of LLaMA-Factory's tools is up to its template.
    assert checks(name, made) == (set() if name == "llama_factory" else {"announcement_form"})


Change = Callable[[Any], Any]


def message(place: int, **values: Any) -> Change:
    return lambda made: made["messages"][place].update(values)


def function(place: int, number: int = 0, **values: Any) -> Change:
    return lambda made: made["messages"][place]["tool_calls"][number]["function"].update(values)


def turn(place: int, **values: Any) -> Change:
    return lambda made: made["conversations"][place].update(values)


def tools_text(change: Callable[[list[Any]], Any]) -> Change:
    def apply(made: Any) -> None:
        tools = json.loads(made["tools"])
        change(tools)
        made["tools"] = json.dumps(tools)

    return apply


def swap(turn: Any, before: str, after: str) -> None:
    turn["value"] = turn["value"].replace(before, after, 1)


def is_assistant(made: Any) -> bool:
    return made["role"] == "assistant"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


FAULTS: list[tuple[FormatName, str, Change]] = [
    ("openai", "key_unknown", lambda made: made.update(extra=1)),
    ("openai", "key_unknown", message(2, name="find_garage")),
    ("openai", "id_dangling", message(2, tool_call_id="nobody")),
    ("openai", "call_unanswered", lambda made: made["messages"].pop(3)),
    ("openai", "answered_twice", lambda made: made["messages"].insert(3, dict(made["messages"][2]))),
    ("openai", "id_repeated", lambda made: made["messages"][1]["tool_calls"][1].update(id="p1")),
    ("openai", "id_missing", lambda made: made["messages"][1]["tool_calls"][0].pop("id")),
    ("openai", "arguments_json", function(1, arguments="{'city': 'Ghent'}")),
    ("openai", "arguments_not_text", function(1, arguments={"city": "Ghent"})),
    ("openai", "arguments_type", function(1, arguments="[]")),
    ("openai", "arguments_schema", function(1, arguments='{"town":"Ghent"}')),
    ("openai", "tool_unknown", function(1, name="find_garages")),
    ("openai", "call_name", function(1, name="find garage")),
    ("openai", "tool_name", lambda made: made["tools"][0]["function"].update(name="find.garage")),
    ("openai", "tool_repeated", lambda made: made["tools"].append(made["tools"][0])),
    ("openai", "tool_properties", lambda made: made["tools"][0]["function"]["parameters"].pop("properties")),
    ("openai", "tool_shape", lambda made: made["tools"].append({"type": "function", "function": {}})),
    ("openai", "weight", message(4, weight=2)),
    ("openai", "key_unknown", message(0, weight=1)),
    ("openai", "end", lambda made: made["messages"].pop()),
    ("openai", "start", lambda made: made["messages"].pop(0)),
    ("openai", "alternation", lambda made: made["messages"].insert(1, {"role": "user", "content": "And?"})),
    ("openai", "role_unknown", message(4, role="bot")),
    ("openai", "answer_dangling", lambda made: made["messages"].pop(1)),
    ("openai", "nothing_said", message(0, content=" ")),
    ("openai", "openai_shape", lambda made: made["messages"][4].pop("content")),
    ("openai", "content_type", message(0, content=5)),
    ("openai", "content_type", message(0, content={"text": "Find."})),
    ("openai", "content_type", message(0, content=[])),
    ("openai", "content_type", message(2, content=None)),
    ("openai", "content_type", message(0, content=[{"type": "text"}])),
    ("openai", "tool_shape", lambda made: made["tools"][0]["function"].update(description=5)),
    ("openai", "tool_shape", lambda made: made["tools"][0]["function"].update(name=5)),
    ("openai", "key_unknown", lambda made: made["tools"][0]["function"].update(examples=[])),
    ("openai", "key_unknown", function(1, result=1)),
    ("openai", "tool_name", lambda made: made["tools"][0]["function"].update(name="find_garage\n")),
    ("openai", "call_name", function(1, name="find_garage\n")),
    ("openai", "role_unknown", lambda made: made["messages"].insert(0, {"role": "developer", "content": "Be kind."})),
    ("openai", "nothing_learned", lambda made: [m.update(weight=0) for m in made["messages"] if is_assistant(m)]),
    ("openai", "call_unanswered", lambda made: made["messages"].__delitem__(slice(-2, None))),
    ("openai", "openai_shape", message(1, tool_calls=5)),
    ("openai", "openai_shape", message(4, tool_calls=[])),
    ("openai", "message_shape", lambda made: made["messages"].append(5)),
    ("openai", "arguments_json", function(1, arguments='{"city":' + "[" * 900 + "]" * 900 + "}")),
    ("openai", "line_value", lambda made: made.update(extra=deep(900))),
    ("openai", "line_value", message(0, content="\ud83d")),
    ("trl", "nothing_learned", lambda made: [m.update(weight=0) for m in made["messages"] if is_assistant(m)]),
    ("trl", "content_type", message(0, content=5)),
    ("trl", "call_shape", message(1, tool_calls=5)),
    ("trl", "padded_nulls", function(1, arguments={"city": "Ghent", "symbol": None})),
    ("axolotl", "padded_nulls", function(1, arguments='{"city":"Ghent","symbol":null}')),
    ("axolotl", "nothing_learned", lambda made: [m.update(train=False) for m in made["messages"] if is_assistant(m)]),
    ("trl", "arguments_text", function(1, arguments='{"city":"Ghent"}')),
    ("trl", "content_null", message(1, content=None)),
    ("trl", "tool_calls_null", message(4, tool_calls=None)),
    ("trl", "padded_nulls", message(0, tool_call_id=None)),
    ("trl", "arguments_schema", function(1, arguments={"city": "Ghent", "stars": None})),
    ("trl", "padded_nulls", lambda made: made["tools"][0]["function"]["parameters"]["properties"].update(stars=None)),
    ("trl", "number_size", function(1, arguments={"city": "Ghent", "limit": 2**70})),
    ("trl", "weight", message(4, weight="0")),
    ("trl", "weight", message(4, weight=2)),
    ("trl", "weight", message(4, weight=None)),
    ("trl", "weight", message(4, weight=True)),
    ("trl", "padded_nulls", message(4, reasoning_content=None)),
    ("trl", "answer_name", message(2, name="rate_garage")),
    ("axolotl", "weight", message(1, train="no")),
    ("axolotl", "padded_nulls", message(0, tool_call_id=None)),
    ("axolotl", "padded_nulls", message(4, tool_calls=None)),
    ("axolotl", "answer_name", message(2, name="rate_garage")),
    ("ms_swift", "answer_name", message(3, name="rate_garage")),
    ("hermes", "answer_name", lambda made: swap(made["conversations"][3], "find_garage", "rate_garage")),
    ("toolace", "answer_name", lambda made: swap(made["conversations"][2], "find_garage", "rate_garage")),
    ("llama_factory", "answer_name", lambda made: swap(made["conversations"][2], "find_garage", "rate_garage")),
    ("toolace", "tool_type", lambda made: made.update(system=made["system"].replace('"dict"', '"object"'))),
    ("toolace", "tool_type", lambda made: made.update(system=made["system"].replace('"string"', '["object","null"]'))),
    ("llama_factory", "sharegpt_order", turn(0, **{"from": "gpt"})),
    ("llama_factory", "sharegpt_count", lambda made: made["conversations"].append({"from": "human", "value": "Bye."})),
    ("llama_factory", "call_json", turn(1, value="[{'name': 'find_garage'}]")),
    ("llama_factory", "tools_shape", lambda made: made.update(tools=json.loads(made["tools"]))),
    ("llama_factory", "tool_type", tools_text(lambda tools: tools[0]["parameters"].update(type="dict"))),
    ("llama_factory", "answer_count", turn(2, value='[{"name":"find_garage","content":"1"}]')),
    ("ms_swift", "answer_count", lambda made: made["messages"].pop(3)),
    ("ms_swift", "weight", message(1, loss=0.5)),
    ("ms_swift", "call_shape", message(1, content='{"function":"find_garage"}')),
    ("hermes", "role_unknown", turn(0, **{"from": []})),
    ("hermes", "tool_shape", turn(0, value="<tools>5</tools>")),
    ("toolace", "call_syntax", turn(1, value="[find_garage(city={[]: 1}), find_garage()]")),
    ("toolace", "arguments_json", turn(1, value="[find_garage(city={1}), find_garage()]")),
    ("hermes", "call_json", turn(2, value="<tool_call>\n{'name': 'find_garage', 'arguments': {}}\n</tool_call>")),
    ("hermes", "tag_unbalanced", turn(2, value='<tool_call>\n{"name": "find_garage", "arguments": {}}')),
    ("toolace", "call_syntax", turn(1, value='[find_garage(city=Ghent), find_garage(city="Bruges")]')),
    ("toolace", "arguments_schema", turn(1, value='[find_garage(town="Ghent"), find_garage(city="Bruges")]')),
]


@pytest.mark.parametrize("weight", [0, 1])
def test_weights_of_0_and_1_are_sound(weight: int):
    made = example("trl", full())
    made["messages"][4]["weight"] = weight
    assert checks("trl", made) == set()


def test_a_toolace_type_that_can_be_null_is_sound():
    made = example("toolace", full())
    made["system"] = made["system"].replace('{"type":"string"}', '{"type":["string","dict","null"]}')
    assert '"null"' in made["system"]
    assert checks("toolace", made) == set()


def test_there_are_enough_planted_faults():
    assert len(FAULTS) >= 30
    assert {name for name, *_ in FAULTS} == set(FORMAT_NAMES)


@pytest.mark.parametrize(("name", "check", "plant"), FAULTS, ids=[f"{n}-{c}-{i}" for i, (n, c, _) in enumerate(FAULTS)])
def test_each_planted_fault_is_caught(name: FormatName, check: str, plant: Change):
    made = example(name, full())
    assert checks(name, made) == set()
    broken = copy.deepcopy(made)
    plant(broken)
    assert check in checks(name, broken)


def test_a_finding_says_where_in_people_s_words():
    made = example("openai", full())
    made["messages"][1]["tool_calls"][1]["function"]["name"] = 5
    found = [finding.message for finding in check_example(made, "openai") if finding.check == "call_shape"]
    assert found == ['message 2, call 2, function.name: 5 is not of type "string".']


def test_a_request_and_its_calls_are_an_example_of_their_own():
    made = example("openai", full())
    del made["messages"][2:]
    assert checks("openai", made) == set()


def test_parts_of_a_message_are_a_text_too():
    made = example("openai", full())
    made["messages"][0]["content"] = [{"type": "text", "text": "Find garages."}, {"type": "text", "text": "Two."}]
    assert checks("openai", made) == set()
    made["messages"][0]["content"] = [{"type": "text", "text": " "}]
    assert checks("openai", made) == {"nothing_said"}


def test_a_schema_s_references_are_not_followed_out_of_it(tmp_path: Path):
    kept = tmp_path / "secret.json"
    kept.write_text('{"type": "string"}')
    made = example("openai", full())
    made["tools"][0]["function"]["parameters"]["properties"]["near"] = {"$ref": kept.as_uri()}
    found = [finding.message for finding in check_example(made, "openai") if finding.check == "tool_schema"]
    assert len(found) == 1
    assert "no JSON Schema" in found[0]


FILE_FAULTS = [
    (b"", "too_few"),
    (b"{\n" * 2, "line_json"),
    (b"[1]\n", "line_shape"),
    (b'{"messages": [NaN]}\n', "line_json"),
    (b"\n\n", "line_empty"),
    (b"\xef\xbb\xbf{}\n", "byte_order_mark"),
    (b"{}\n", "empty"),
]


@pytest.mark.parametrize(("content", "check"), FILE_FAULTS)
def test_faults_of_a_whole_file_are_named(tmp_path: Path, content: bytes, check: str):
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    report = check_file(path, "openai")
    assert check in {name for name, _ in report.counts}
    assert report.errors


def test_a_repeated_example_is_worth_a_look(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    path.write_text((json.dumps(example("openai", full())) + "\n") * 12)
    report = check_file(path, "openai")
    assert report.errors == 0
    assert report.counts["repeated", "warning"] == 11


def test_a_call_that_the_tool_refused_may_be_wrong():
    made = example("openai", full())
    made["messages"][1]["tool_calls"][0]["function"]["arguments"] = '{"town":"Ghent"}'
    made["messages"][2]["content"] = '{"error": "unknown parameter town"}'
    found = check_example(made, "openai")
    assert [(finding.check, finding.severity) for finding in found] == [("arguments_schema", "warning")]


def test_anybody_s_parquet_padded_with_nulls_is_caught(tmp_path: Path):
    path = tmp_path / "train.parquet"
    source = tmp_path / "rows.jsonl"
    calls = [full(), row()]
    source.write_text("".join(json.dumps(example("trl", each)) + "\n" for each in calls))
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM read_json('{source}')) TO '{path}' (FORMAT parquet)")
    report = check_file(path, "trl")
    assert report.examples == 2
    assert report.sound == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [("gone.jsonl", None), ("bad.parquet", b"PAR?"), ("bad.jsonl", b"\xff\xfe{}"), ("bad.json", b"{")],
)
def test_what_is_no_training_file_says_so(tmp_path: Path, name: str, content: bytes | None):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileUnreadable, match=name):
        check_file(path, "openai")


def test_a_json_list_of_examples_is_read(tmp_path: Path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps([example("llama_factory", full())]))
    assert check_file(path, "llama_factory").sound == 1
