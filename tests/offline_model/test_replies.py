"""At error rate 0 every reply parses into the stages' reply models and every call is valid."""

from __future__ import annotations

import random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.offline_model.drive import BARE_TOOLS, Tools, ask, masked, shipped_pools, skeleton, spec_for, with_masks
from toolace_dagster.initialization.replies import SubTrajectoryReply, TaskSpecReply
from toolace_dagster.llm.offline import OfflineModel
from toolace_dagster.refinement.replies import JudgeReply, MaskFillReply
from toolace_dagster.verification.replies import ExpertReply

POOLS = shipped_pools() | {"bare": BARE_TOOLS}
EXACT = OfflineModel(error_rate=0)


def valid_calls(tools: Tools, turns: list[dict[str, Any]]) -> None:
    by_name = {tool["name"]: tool for tool in tools}
    for at, turn in enumerate(turns):
        for index, call in enumerate(turn.get("tool_calls") or []):
            tool = by_name[call["name"]]
            jsonschema_rs.validate(tool["parameters"], call["arguments"])
            output = turns[at + 1]["outputs"][index]
            if tool.get("result") and not output["is_error"]:
                jsonschema_rs.validate(tool["result"], output["content"])


@pytest.mark.parametrize("domain", sorted(POOLS))
def test_task_spec_follows_the_plan(domain: str) -> None:
    for seed in range(3):
        plan, task = spec_for(EXACT, POOLS[domain], seed)
        TaskSpecReply.model_validate(
            {
                "scenario": task["scenario"],
                "sub_tasks": [
                    {key: part[key] for key in ("goal", "details", "tools", "steps")} for part in task["sub_tasks"]
                ],
            }
        )
        assert [(p["tools"], p["steps"]) for p in task["sub_tasks"]] == [
            (p["tools"], p["steps"]) for p in plan["sub_tasks"]
        ]


@pytest.mark.parametrize("domain", sorted(POOLS))
def test_dialogues_are_valid_and_nobody_names_a_tool(domain: str) -> None:
    tools = POOLS[domain]
    for seed in range(4):
        task, dialogue = skeleton(EXACT, tools, seed)
        valid_calls(tools, dialogue)
        for part in task["sub_tasks"]:
            mine = [turn for turn in dialogue if turn["sub_task"] == part["index"]]
            assert sum(1 for turn in mine if turn.get("tool_calls")) == part["steps"]
            assert {call["name"] for turn in mine for call in turn.get("tool_calls") or []} == set(part["tools"])
        for turn in dialogue:
            if turn["role"] == "user":
                assert not any(tool["name"] in turn["content"] for tool in tools if "_" in tool["name"])
                assert "\ue000" not in turn["content"]


def test_sub_trajectory_parses() -> None:
    tools = POOLS["library_lending"]
    _, task = spec_for(EXACT, tools, 1)
    reply = ask(EXACT, "sub_trajectory", tools=tools, task=task, dialogue=[], sub_task=task["sub_tasks"][0], fault=None)
    SubTrajectoryReply.model_validate(reply)


@pytest.mark.parametrize("domain", sorted(POOLS))
def test_mask_fill_answers_each_mask_in_kind(domain: str) -> None:
    tools = POOLS[domain]
    for seed in range(3):
        task, dialogue = skeleton(EXACT, tools, seed)
        first = random.Random(seed).randint(0, 2)
        chosen = dialogue[first::3]
        names = [turn["turn"] for turn in chosen]
        shown = with_masks(dialogue, names)
        reply = ask(
            EXACT, "mask_fill", seed, tools=tools, task=task, dialogue=shown, masked=[masked(t) for t in chosen]
        )
        MaskFillReply.model_validate(reply)
        fills = {fill["turn"]: fill for fill in reply["fills"]}
        assert list(fills) == names
        for turn in chosen:
            fill = fills[turn["turn"]]
            if turn.get("tool_calls"):
                assert len(fill["tool_calls"]) == len(fill["outputs"]) == len(turn["tool_calls"])
                valid_calls(tools, [{"tool_calls": fill["tool_calls"]}, {"outputs": fill["outputs"]}])
            elif turn["role"] == "tool":
                assert len(fill["outputs"]) == len(turn["outputs"])
            else:
                assert fill["content"]
                assert not fill["tool_calls"]


def test_judge_prefers_the_version_without_an_invented_identifier() -> None:
    tools = POOLS["library_lending"]
    right = 0
    for seed in range(12):
        task, dialogue = skeleton(EXACT, tools, seed)
        call = next(
            (t for t in dialogue if any(k.endswith("_id") for c in t.get("tool_calls") or [] for k in c["arguments"])),
            None,
        )
        if call is None:
            right += 1
            continue
        wrong = {
            **call,
            "tool_calls": [
                {
                    "name": c["name"],
                    "arguments": {
                        key: "TL-00017" if key.endswith("_id") else value for key, value in c["arguments"].items()
                    },
                }
                for c in call["tool_calls"]
            ],
        }
        shown = [masked(turn) if turn is call else turn for turn in dialogue]
        reply = ask(
            EXACT,
            "judge",
            seed,
            tools=tools,
            task=task,
            dialogue=shown,
            differing=[],
            version_a=[wrong],
            version_b=[call],
        )
        right += JudgeReply.model_validate(reply).better == "B"
    assert right == 12


def test_experts_pass_sound_dialogues_and_name_faults_with_turn_and_quote() -> None:
    names = ("user_realism", "tool_choice", "argument_extraction", "reply_faithfulness", "task_completion", "other")
    questions = [{"name": name, "question": "?"} for name in names]
    tools = POOLS["museum_visits"]
    task, dialogue = skeleton(EXACT, tools, 0)
    sound = ExpertReply.model_validate(
        ask(EXACT, "expert", tools=tools, task=task, dialogue=dialogue, complications=[], questions=questions)
    )
    assert [a.question for a in sound.answers] == list(names)
    assert all(a.passes for a in sound.answers), sound
    last = {**dialogue[-1], "content": dialogue[-1]["content"] + " Your code is QX-90210."}
    spoiled = ExpertReply.model_validate(
        ask(
            EXACT,
            "expert",
            tools=tools,
            task=task,
            dialogue=[*dialogue[:-1], last],
            complications=[],
            questions=questions,
        )
    )
    (found,) = [a for a in spoiled.answers if not a.passes]
    assert (found.question, found.turn) == ("reply_faithfulness", last["turn"])
    assert found.quote in last["content"]


def test_experts_read_for_outputs_complications_and_repetition_too() -> None:
    questions = [
        {"name": name, "question": "?"} for name in ("result_plausibility", "complexity_handling", "coherence")
    ]
    schema = {"type": "object", "properties": {"open": {"type": "boolean"}}, "required": ["open"]}
    tools = [{"name": "is_open", "description": "Says whether.", "parameters": {"type": "object", "properties": {}}}]
    tools[0]["result"] = schema
    said = "I can look that up for you in a moment."
    dialogue: list[dict[str, Any]] = [
        {"turn": "t0", "role": "user", "sub_task": 0, "content": "Is it open?"},
        {"turn": "t1", "role": "assistant", "sub_task": 0, "content": said},
        {"turn": "t2", "role": "user", "sub_task": 0, "content": "Please do."},
        {"turn": "t3", "role": "assistant", "sub_task": 0, "tool_calls": [{"name": "is_open", "arguments": {}}]},
        {"turn": "t4", "role": "tool", "sub_task": 0, "outputs": [{"name": "is_open", "content": {"open": "x"}}]},
        {"turn": "t5", "role": "assistant", "sub_task": 0, "content": said},
    ]
    complications = [{"kind": "missing_value", "turns": ["t0", "t1", "t2"]}]
    task = {"sub_tasks": [{"index": 0, "goal": "Find out.", "tools": ["is_open"], "details": []}]}
    shown = {"tools": tools, "task": task, "dialogue": dialogue, "complications": complications}
    reply = ExpertReply.model_validate(ask(EXACT, "expert", **shown, questions=questions))
    assert [(answer.question, answer.turn) for answer in reply.answers if not answer.passes] == [
        ("result_plausibility", "t4"),
        ("complexity_handling", "t1"),
        ("coherence", "t5"),
    ]


def test_openings_differ() -> None:
    openings: list[str] = []
    for seed in range(50):
        _, dialogue = skeleton(EXACT, POOLS["podcast_studio"], seed)
        openings.append(dialogue[0]["content"])
    assert len(set(openings)) == 50
    assert len({text[:40] for text in openings}) >= 25


LEAVES = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": st.integers(0, 5),
            "maxLength": st.integers(6, 40),
            "description": st.text(max_size=30),
            "format": st.sampled_from(["date", "date-time", "email", "uri", "uuid", "time", "ipv4", "unknown"]),
        },
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("string"),
            "pattern": st.sampled_from(
                [
                    "^[A-Z]{2}-[0-9]{3,5}$",
                    "^(a|bc)+d?$",
                    r"^\d{4}-\d{2}$",
                    "[a-z",
                    "^(?=x)x$",
                    r"^\+[0-9]{8,14}$",
                    "^[^a-z]+$",
                ]
            ),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": st.integers(-50, 5),
            "maximum": st.integers(6, 90),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
        },
    ),
    st.fixed_dictionaries(
        {"enum": st.lists(st.one_of(st.text(max_size=8), st.integers(0, 9)), min_size=1, max_size=4)}
    ),
    st.sampled_from(
        [
            {},
            {"type": "boolean"},
            {"type": "null"},
            {"type": ["string", "null"]},
            {"$ref": "#/$defs/none"},
            {"type": "object"},
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            {"type": "array"},
            {"const": 3},
            {"type": "any"},
            True,
        ]
    ),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"minItems": st.integers(0, 2), "maxItems": st.integers(3, 4)},
        ),
        st.dictionaries(st.text(max_size=10), inner, max_size=3).flatmap(
            lambda props: st.lists(
                st.sampled_from(sorted(props)) if props else st.just("lost"), max_size=2, unique=True
            ).map(lambda needed: {"type": "object", "properties": props, "required": needed})
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda options: {"oneOf": options}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"allOf": parts}),
    ),
    max_leaves=8,
)


@st.composite
def tool_lists(draw: st.DrawFn) -> Tools:
    tools: Tools = []
    for number in range(draw(st.integers(1, 3))):
        props = draw(
            st.dictionaries(
                st.sampled_from(["id", "item_id", "name", "startDate", "x", "", "query", "ünï"]), SCHEMAS, max_size=4
            )
        )
        needed = draw(st.lists(st.sampled_from(sorted(props)), unique=True, max_size=3)) if props else []
        tool: dict[str, Any] = {"name": f"tool_{number}", "description": draw(st.text(max_size=40))}
        tool["parameters"] = {"type": "object", "properties": props, "required": needed}
        if draw(st.booleans()):
            tool["result"] = draw(SCHEMAS)
        tools.append(tool)
    return tools


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(tools=tool_lists(), seed=st.integers(0, 9))
def test_any_tool_gets_through(tools: Tools, seed: int) -> None:
    for model in (EXACT, OfflineModel(error_rate=4)):
        try:
            task, dialogue = skeleton(model, tools, seed)
        except ValueError:
            assert model is not EXACT, "only the erring model may break JSON"
            continue
        chosen = dialogue[::3]
        shown = with_masks(dialogue, [turn["turn"] for turn in chosen])
        asked = {"tools": tools, "task": task, "dialogue": shown}
        talk = {"type": "non_function_calling", "sub_type": "chit_chat"}
        try:
            ask(model, "mask_fill", seed, **asked, masked=[masked(turn) for turn in chosen])
            ask(model, "judge", seed, **asked, differing=[], version_a=chosen, version_b=chosen)
            ask(model, "injection", seed, **asked, masked=chosen[0], injection=talk, sub_type="chit_chat")
        except ValueError:
            assert model is not EXACT, "only the erring model may break JSON"
