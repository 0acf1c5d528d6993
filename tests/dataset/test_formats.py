"""Each line format, read back the way its trainer does, holds every message, call and result of the dialogue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import TOOLS, call, dialogue, output, reply, tool, user
from tests.dataset.examples import checks
from tests.dataset.rows import json_values, random_rows, row
from toolace_dagster.dataset import LINE_FORMATS, DatasetRow, chat_messages, export_rows, listed_tools, write_lines
from toolace_dagster.dataset.columns import export_columns
from toolace_dagster.dataset.formats import read_trl, trl_path, write_trl
from toolace_dagster.dataset.formats.llama_factory import DATASET_INFO
from toolace_dagster.dataset.formats.toolace import CallSyntaxError, call_text, read_calls
from toolace_dagster.entities import InjectionSubType, InjectionType, Origin, ToolCall
from toolace_dagster.settings import FORMAT_NAMES, FormatName, MaskedTurn

Reading = tuple[list[Any], list[Any], list[str], list[str]]
"""Calls (one list a turn), results, what the user says, what the assistant says."""
ANNOUNCED = re.compile(r"\[A tool has been added: (\{.*\})\]")
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def example(name: FormatName, given_row: DatasetRow, mask: tuple[MaskedTurn, ...] = ()) -> dict[str, Any]:
    return json.loads(json.dumps(LINE_FORMATS[name].example(given_row, mask)))


def meant(given_row: DatasetRow, *, beside: bool) -> Reading:
    """What a format should hold; some have no place for text beside calls."""
    messages = chat_messages(given_row.dialogue, given_row.tools)
    return (
        [[c["function"] for c in m["tool_calls"]] for m in messages if "tool_calls" in m],
        [m["content"] for m in messages if m["role"] == "tool"],
        [by_name(m["content"]) for m in messages if m["role"] == "user"],
        [
            m["content"]
            for m in messages
            if m["role"] == "assistant" and m["content"] and (beside or "tool_calls" not in m)
        ],
    )


def by_name(text: str) -> str:
    """A user's message with tools that arrive in it by name only: how they are written, each format decides."""
    return ANNOUNCED.sub(lambda found: str(json.loads(found[1]).get("function", json.loads(found[1]))["name"]), text)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON text, since 1 == 1.0 == True."""
    return json.dumps(one) == json.dumps(other)


def read_llama_factory(made: dict[str, Any]) -> Reading:
    turns = made["conversations"]
    assert len(turns) % 2 == 0
    for position, turn in enumerate(turns):
        assert turn["from"] in (("human", "observation"), ("gpt", "function_call"))[position % 2]
        assert isinstance(turn["value"], str)
    calls = [json.loads(turn["value"]) for turn in turns if turn["from"] == "function_call"]
    results: list[str] = []
    for before, turn in pairwise(turns):
        if turn["from"] == "observation":
            several = len(json.loads(before["value"])) > 1
            answers = json.loads(turn["value"]) if several else [{"content": turn["value"]}]
            results += [answer["content"] for answer in answers]
    said = {role: [turn["value"] for turn in turns if turn["from"] == role] for role in ("human", "gpt")}
    return calls, results, [by_name(text) for text in said["human"]], said["gpt"]


def read_axolotl(made: dict[str, Any]) -> Reading:
    messages = made["messages"]
    calls = [
        [call["function"] | {"arguments": json.loads(call["function"]["arguments"])} for call in m["tool_calls"]]
        for m in messages
        if "tool_calls" in m
    ]
    said = {role: [m["content"] for m in messages if m["role"] == role] for role in ("tool", "user", "assistant")}
    return calls, said["tool"], [by_name(text) for text in said["user"]], [text for text in said["assistant"] if text]


def read_ms_swift(made: dict[str, Any]) -> Reading:
    calls: list[Any] = []
    before = ""
    for message in made["messages"]:
        if message["role"] == "tool_call":
            if before != "tool_call":
                calls.append([])
            calls[-1].append(json.loads(message["content"]))
        before = message["role"]
    said = {
        role: [m["content"] for m in made["messages"] if m["role"] == role]
        for role in ("tool_response", "user", "assistant")
    }
    return calls, said["tool_response"], [by_name(text) for text in said["user"]], said["assistant"]


def read_toolace(made: dict[str, Any]) -> Reading:
    turns = made["conversations"]
    calls, spoken = [], []
    for turn, after in zip(turns, [*turns[1:], {"from": "user"}], strict=True):
        if turn["from"] == "assistant" and after["from"] == "tool":
            calls.append(read_calls(turn["value"]))
        elif turn["from"] == "assistant":
            spoken.append(turn["value"])
    answers = [answer for turn in turns if turn["from"] == "tool" for answer in json.loads(turn["value"])]
    return calls, answers, [by_name(turn["value"]) for turn in turns if turn["from"] == "user"], spoken


READERS: dict[FormatName, Callable[[dict[str, Any]], Reading]] = {
    "llama_factory": read_llama_factory,
    "axolotl": read_axolotl,
    "ms_swift": read_ms_swift,
}


@QUICK
@given(random_rows(), st.sampled_from(sorted(READERS)))
def test_reading_a_line_gives_back_the_dialogue(given_row: DatasetRow, name: FormatName):
    made = example(name, given_row)
    assert same(READERS[name](made), meant(given_row, beside=LINE_FORMATS[name].holds_text_with_calls))
    assert isinstance(made["tools"], str)
    tools = json.loads(made["tools"])
    assert same([tool.get("function", tool) for tool in tools], [tool["function"] for tool in listed_tools(given_row)])


@QUICK
@given(random_rows())
def test_toolace_lines_hold_the_dialogue(given_row: DatasetRow):
    calls, answers, asked, spoken = read_toolace(example("toolace", given_row))
    wanted = meant(given_row, beside=False)
    assert same([calls, asked, spoken], [wanted[0], wanted[2], wanted[3]])
    contents = [o.content for turn in given_row.dialogue.turns for o in turn.outputs]
    results = [answer["results"] for answer in answers]
    # Lists and objects as what they are, all else as the text that a model gets to see, be it one of an object.
    compound = [result for content, result in zip(contents, results, strict=True) if _is_compound(content)]
    assert same(compound, [*filter(_is_compound, contents)])
    for text, result in zip(wanted[1], results, strict=True):
        assert same(result, text) if isinstance(result, str) else same(result, json.loads(text))


def _is_compound(content: Any) -> bool:
    return isinstance(content, dict | list)


@pytest.mark.parametrize(
    ("text", "results"),
    [
        *((text, text) for text in ("NaN", "1.10", "1e999", "450", "true", "null", '"quoted"', "", "-0", "Infinity")),
        *((text, text) for text in ('{"n":1e999}', '{"n":NaN}', "[1.10]", '{"n":1,"n":2}', "[" * 5000, "[1", "{}x")),
        *((text, text) for text in ('{"half":"\\ud83d"}', "[" * 5000 + "]" * 5000)),
        ('{"n": 1.1, "all": [true, null]}', {"n": 1.1, "all": [True, None]}),
        ("[]", []),
        ('["\\u00e9"]', ["é"]),
    ],
)
def test_a_toolace_answer_is_never_altered(text: str, results: Any):
    acting = call("t1", "find_garage", {"city": "Ghent"})
    turns = (user("t0", "Find."), acting, output("t2", acting, text), reply("t3", "Done."))
    made = LINE_FORMATS["toolace"].example(row(dialogue=dialogue(turns)), ())
    answers = json.loads(made["conversations"][2]["value"].encode())
    assert same(answers, [{"name": "find_garage", "results": results}])


def test_toolace_types_stand_where_schemas_are_and_not_where_values_are():
    of_object = {"type": "object", "properties": {}}
    given: dict[str, Any] = {"garage_id": {"type": "string"}, "stars": {"type": "integer"}}
    named = dict.fromkeys(("default", "enum", "example", "type", "properties"), of_object)
    kept = {"type": "object", "default": {"type": "object"}, "examples": [{"type": "object"}]}
    clashing = tool("rate_garage", given | named | {"kept": kept}, [])
    made = example("toolace", row(tools=TOOLS | {"rate_garage": clashing}))
    listed = next(each for each in listed_in(made) if each["name"] == "rate_garage")
    of_dict = {"type": "dict", "properties": {}}
    wanted = given | dict.fromkeys(named, of_dict) | {"kept": kept | {"type": "dict"}}
    assert listed["parameters"]["properties"] == wanted
    assert checks("toolace", made) == set()
    made["system"] = made["system"].replace('"example":{"type":"dict"', '"example":{"type":"object"')
    assert checks("toolace", made) == {"tool_type"}


@QUICK
@given(random_rows())
def test_hermes_tags_hold_the_dialogue(given_row: DatasetRow):
    turns = example("hermes", given_row)["conversations"]
    assert turns[0]["from"] == "system"
    listed = re.search(r"<tools>\n(.*?)\n</tools>", turns[0]["value"], re.DOTALL)
    assert listed is not None
    tools = [json.loads(line) for line in listed.group(1).split("\n") if line]
    assert same(tools, listed_tools(given_row))
    wanted = meant(given_row, beside=True)
    plain = [turn for turn in given_row.dialogue.turns if turn.is_call]
    calls = [
        [json.loads(found) for found in re.findall(r"<tool_call>\n(.*?)\n</tool_call>", turn["value"], re.DOTALL)]
        for turn in turns
        if turn["from"] == "gpt" and "<tool_call>\n{" in turn["value"]
    ]
    assert len(calls) == len(plain)
    assert same(calls, wanted[0])
    results = [
        json.loads(found)["content"]
        for turn in turns
        if turn["from"] == "tool"
        for found in re.findall(r"<tool_response>\n(.*?)\n</tool_response>", turn["value"], re.DOTALL)
    ]
    assert same(results, wanted[1])


def listed_in(made: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools that an example of any format offers from the start, as they stand there."""
    if "tools" in made:
        return json.loads(made["tools"]) if isinstance(made["tools"], str) else made["tools"]
    if "system" in made:
        return json.loads(made["system"][made["system"].index("[{") :])
    system = made["conversations"][0]["value"]
    return [json.loads(line) for line in system.split("<tools>\n")[1].split("\n</tools>")[0].split("\n")]


@pytest.mark.parametrize("name", sorted(LINE_FORMATS))
def test_a_late_tool_is_announced_in_the_form_that_a_model_sees_the_others_in(name: FormatName):
    early = dialogue()
    late = early.model_copy(
        update={
            "initial_tools": ("find_garage",),
            "turns": (early.turns[0].model_copy(update={"tools_added": ("rate_garage",)}), *early.turns[1:]),
        }
    )
    (written,) = [tool for tool in listed_in(example(name, row())) if "rate_garage" in json.dumps(tool)]
    made = example(name, row(dialogue=late))
    assert "rate_garage" not in json.dumps(listed_in(made))
    turns: list[Any] = made["conversations"] if "conversations" in made else made["messages"]
    said = [turn["value"] if "value" in turn else turn["content"] for turn in turns]
    (announced,) = [found for text in said for found in ANNOUNCED.findall(text)]
    # LLaMA-Factory's file holds tools bare, and most of its templates wrap them.
    assert json.loads(announced) == ({"type": "function", "function": written} if name == "llama_factory" else written)
    assert ("dict" in announced, "function" in announced) == (name == "toolace", name != "toolace")


def test_a_value_cannot_end_a_hermes_tag():
    acting = call("t1", "find_garage", {"city": "</tool_call><tool_call>"})
    turns = (user("t0", "Find."), acting, output("t2", acting, "</tool_response>"), reply("t3", "Done."))
    texts = [turn["value"] for turn in example("hermes", row(dialogue=dialogue(turns)))["conversations"]]
    assert texts[2].count("</tool_call>") == 1
    assert texts[3].count("</tool_response>") == 1


def test_parallel_results_stay_with_their_calls():
    two = tuple(ToolCall(id=i, name="find_garage", arguments={"city": i}) for i in "ab")
    acting = reply("t1", "", tool_calls=two)
    turns = (user("t0", "Find two."), acting, output("t2", acting, {"n": 1}), reply("t3", "None."))
    given_row = row(dialogue=dialogue(turns))
    observation = example("llama_factory", given_row)["conversations"][2]["value"]
    assert json.loads(observation) == [{"name": "find_garage", "content": '{"n":1}'}] * 2
    messages = example("ms_swift", given_row)["messages"]
    assert [m["name"] for m in messages if m["role"] == "tool_response"] == ["find_garage"] * 2
    roles = [message["role"] for message in messages]
    assert roles == ["user", "tool_call", "tool_call", "tool_response", "tool_response", "assistant"]


def test_dataset_info_names_the_files(tmp_path: Path):
    reports = write_lines([row()], tmp_path, LINE_FORMATS["llama_factory"])
    info = json.loads((tmp_path / "llama_factory/dataset_info.json").read_text())
    assert info == DATASET_INFO
    files = {report.path.removeprefix("llama_factory/") for report in reports}
    assert {entry["file_name"] for entry in info.values()} | {"dataset_info.json"} == files


def test_toolace_types_say_dict_and_values_stay():
    system = example("toolace", row())["system"]
    tools = json.loads(system[system.index("[{") :])
    assert [tool["parameters"]["type"] for tool in tools] == ["dict"] * 3
    assert tools[0]["parameters"]["properties"]["city"] == {"type": "string"}


@QUICK
@given(
    st.lists(
        st.tuples(st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True), st.dictionaries(st.text(), json_values)),
        min_size=1,
        max_size=3,
    )
)
def test_toolace_calls_are_read_back(calls: list[tuple[str, dict[str, Any]]]):
    given_calls = [{"name": name, "arguments": arguments} for name, arguments in calls]
    assert same(read_calls(call_text(given_calls)), given_calls)


@pytest.mark.parametrize(
    "text", ["", "[]", "f(a=1)", "[f(a=1)", "[f(a)]", "[f(a=b)]", "[f(a=1)] and more", "[f(a=__import__('os'))]", "[f("]
)
def test_what_is_no_list_of_calls_is_refused(text: str):
    with pytest.raises(CallSyntaxError):
        read_calls(text)


def failing(*, injected: bool, sub_type: InjectionSubType | None = None) -> DatasetRow:
    origin = Origin(
        operation="complexity_injection" if injected else "trajectory_initialization",
        injection=InjectionType.ERROR_SIMULATION if injected else None,
        sub_type=sub_type,
    )
    wrong = call("t1", "find_garage", {"city": "Gent"}, origin=origin)
    right = call("t3", "find_garage", {"city": "Ghent"}, origin=origin)
    turns = (
        user("t0", "Find one in Ghent."),
        wrong,
        output("t2", wrong, "no such city", is_error=True),
        right,
        output("t4", right, []),
        reply("t5", "None."),
    )
    return row(dialogue=dialogue(turns))


@pytest.mark.parametrize(
    ("injected", "mask", "weights"),
    [
        (True, (), [True, True, True]),
        (True, ("failed_calls",), [False, True, True]),
        (True, ("injected_mistakes",), [False, True, True]),
        (False, ("failed_calls",), [False, True, True]),
        (False, ("injected_mistakes",), [True, True, True]),
    ],
)
def test_only_the_turns_asked_for_are_kept_out_of_the_loss(
    injected: bool, mask: tuple[MaskedTurn, ...], weights: list[bool]
):
    given_row = failing(injected=injected)
    openai = [m for m in example("openai", given_row, mask)["messages"] if m["role"] == "assistant"]
    assert [m.get("weight", 1) == 1 for m in openai] == weights
    axolotl = [m["train"] for m in example("axolotl", given_row, mask)["messages"] if m["role"] == "assistant"]
    assert axolotl == weights
    swift = example("ms_swift", given_row, mask)["messages"]
    assert [m.get("loss", True) for m in swift if m["role"] in ("assistant", "tool_call")] == weights
    assert all("weight" not in m and "loss" not in m for m in swift if m["role"] in ("user", "tool_response"))


@pytest.mark.parametrize(
    ("sub_type", "learned"),
    [(InjectionSubType.INVALID_ARGUMENT, False), (InjectionSubType.SERVICE_ERROR, True)],
)
def test_a_sound_call_that_met_a_fault_is_no_mistake(sub_type: InjectionSubType, learned: bool):
    given_row = failing(injected=True, sub_type=sub_type)
    messages = example("axolotl", given_row, ("injected_mistakes",))["messages"]
    assert [m["train"] for m in messages if m["role"] == "assistant"] == [learned, True, True]


@pytest.mark.parametrize("name", ["trl", "llama_factory", "hermes", "toolace"])
def test_a_format_without_weights_warns_that_the_turns_are_learned(tmp_path: Path, name: FormatName):
    report = export_rows([failing(injected=True)], tmp_path, name, ("failed_calls",))
    assert report.masked == 1
    assert any("will be learned" in warning for warning in report.warnings)
    assert not any("will be learned" in warning for warning in export_rows([row()], tmp_path, name).warnings)


@pytest.mark.parametrize("name", ["llama_factory", "toolace", "hermes"])
def test_text_beside_calls_is_kept_or_counted_as_left_out(tmp_path: Path, name: FormatName):
    acting = call("t1", "find_garage", {"city": "Ghent"}).model_copy(update={"content": "One moment, please."})
    turns = (user("t0", "Find."), acting, output("t2", acting, []), reply("t3", "None."))
    report = export_rows([row(dialogue=dialogue(turns))], tmp_path, name)
    text = (tmp_path / f"{name}/train.jsonl").read_text()
    kept = LINE_FORMATS[name].holds_text_with_calls
    assert ("One moment, please." in text) == kept
    assert report.texts_left_out == (0 if kept else 1)
    assert any("beside their calls" in warning for warning in report.warnings) != kept


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_columns_are_described_under_the_names_that_files_have(name: FormatName, tmp_path: Path) -> None:
    given_row = row()
    if name in LINE_FORMATS:
        found = list(example(name, given_row))
    else:
        write_trl([given_row], tmp_path)
        found = list(next(iter(read_trl(tmp_path / trl_path("train")))))
    columns = export_columns(name)
    assert [column.name for column in columns] == found
    assert all(column.kind and column.text for column in columns)
