"""The model as a whole: deterministic, unprivileged, erring at its documented rates."""

from __future__ import annotations

import ast
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import toolace_dagster.llm.offline as offline
from tests.offline_model.drive import ask, body, shipped_pools, skeleton, spec_for, text_of
from toolace_dagster.llm.offline import ERROR_RATES, OfflineModel

POOLS = shipped_pools()
FOLDER = Path(offline.__file__).parent


def test_same_request_same_answer() -> None:
    request = body(
        "task_spec",
        3,
        tools=POOLS["home_energy"],
        plan={"persona": "x", "sub_tasks": [{"tools": ["find_household"], "steps": 1}]},
        fault=None,
    )
    first, second = (
        OfflineModel().chat_completion(request),
        OfflineModel().chat_completion(json.loads(json.dumps(request))),
    )
    assert first == second
    other = OfflineModel().chat_completion({**request, "seed": 4})
    assert other["id"] != first["id"]
    assert text_of(other) != text_of(first)


def test_same_answer_in_another_process() -> None:
    request = body("sub_trajectory", 1, tools=POOLS["home_energy"], **_small_task())
    code = (
        "import json,sys\nfrom toolace_dagster.llm.offline import OfflineModel\n"
        "print(json.dumps(OfflineModel().chat_completion(json.load(sys.stdin))))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert json.loads(ran.stdout) == OfflineModel().chat_completion(request)


def _small_task() -> dict[str, Any]:
    part = {
        "index": 0,
        "goal": "see my use",
        "details": [{"name": "city", "value": "Porto"}],
        "tools": ["find_household"],
        "steps": 1,
    }
    task = {"persona": "terse", "scenario": "s", "offered_from_start": ["find_household"], "sub_tasks": [part]}
    return {"task": task, "dialogue": [], "sub_task": part, "fault": None}


def test_completion_has_the_shape_of_the_api() -> None:
    from openai.types.chat import ChatCompletion

    request = body("sub_trajectory", 1, tools=POOLS["home_energy"], **_small_task())
    completion = ChatCompletion.model_validate(OfflineModel().chat_completion(request), strict=True)
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens > 500
    assert completion.usage.prompt_tokens_details is not None


def test_task_is_found_in_words_when_no_schema_is_sent() -> None:
    request = body(
        "task_spec",
        tools=POOLS["home_energy"],
        plan={"persona": "x", "sub_tasks": [{"tools": ["find_household"], "steps": 1}]},
        fault=None,
    )
    request["response_format"] = {"type": "json_object"}
    request["messages"].append(
        {"role": "user", "content": "Answer with JSON that follows the JSON Schema named task_spec: {}"}
    )
    assert "sub_tasks" in json.loads(text_of(OfflineModel(0).chat_completion(request)))


def test_unknown_schema_gets_a_valid_instance() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 4}, "kind": {"enum": ["a", "b"]}},
        "required": ["n", "kind"],
    }
    request = {
        "messages": [{"role": "user", "content": "hello"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "odd", "schema": schema}},
    }
    reply = json.loads(text_of(OfflineModel(0).chat_completion(request)))
    assert reply["n"] >= 4
    assert reply["kind"] in ("a", "b")
    assert json.loads(text_of(OfflineModel(0).chat_completion({"messages": []}))) == {}


def test_unreadable_data_is_no_crash() -> None:
    for task in ("task_spec", "trajectory", "sub_trajectory", "injection", "mask_fill", "judge", "expert"):
        asked = {"type": "json_schema", "json_schema": {"name": task, "schema": {}}}
        for content in (
            "",
            "<tools>\nnot json\n</tools>\n<task>\n[]\n</task>",
            "<task>\n3\n</task>\n<dialogue>\n{}\n</dialogue>",
        ):
            request = {"messages": [{"role": "user", "content": content}], "response_format": asked}
            json.loads(text_of(OfflineModel(0).chat_completion(request)))


def test_not_privileged() -> None:
    allowed = ("toolace_dagster.llm.offline", "toolace_dagster.entities.base", "aiohttp", "__future__")
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names or name.startswith(allowed), (
                    f"{path.name} imports {name}"
                )


def within(count: int, tries: int, rate: float) -> bool:
    """Whether a count lies within four standard deviations of its expectation, and one more."""
    return abs(count - tries * rate) <= 4 * math.sqrt(tries * rate * (1 - rate)) + 1


def test_error_rates_of_sub_trajectories() -> None:
    exact, erring = OfflineModel(0), OfflineModel(1)
    tools = POOLS["library_lending"]
    tries = differing = broken = unfaithful = 0
    for number in range(60):
        _, task = spec_for(exact, tools, number % 12)
        part = task["sub_tasks"][0]
        for seed in range(20):
            request = body(
                "sub_trajectory", 1000 * number + seed, tools=tools, task=task, dialogue=[], sub_task=part, fault=None
            )
            right, maybe = (text_of(model.chat_completion(request)) for model in (exact, erring))
            tries += 1
            try:
                reply = json.loads(maybe)
            except ValueError:
                broken += 1
                continue
            good = json.loads(right)
            differing += reply != good
            unfaithful += reply["reply"] != good["reply"] and reply["steps"] == good["steps"]
    kinds = ("invented_value", "altered_value", "wrong_type", "missing_argument", "unknown_argument", "wrong_tool")
    kinds += ("unfaithful_reply", "output_schema")
    some = 1 - math.prod(1 - ERROR_RATES[kind] for kind in kinds)
    assert within(broken, tries, ERROR_RATES["broken_json"])
    assert within(differing, tries - broken, some)
    assert within(
        unfaithful, tries - broken, ERROR_RATES["unfaithful_reply"] * (1 - some + ERROR_RATES["unfaithful_reply"])
    )


def test_error_rates_of_task_specs() -> None:
    erring = OfflineModel(1)
    tools = POOLS["museum_visits"]
    plan = {
        "persona": "x",
        "sub_tasks": [{"tools": ["search_exhibitions"], "steps": 1}, {"tools": ["search_artefacts"], "steps": 2}],
    }
    tries, dropped, stepped, unlisted = 900, 0, 0, 0
    for seed in range(tries):
        try:
            spec = ask(erring, "task_spec", seed, tools=tools, plan=plan, fault=None)
        except ValueError:
            continue
        dropped += len(spec["sub_tasks"]) == 1
        stepped += sum(part["steps"] for part in spec["sub_tasks"]) not in (1, 2, 3)
        unlisted += any(name.endswith("_info") for part in spec["sub_tasks"] for name in part["tools"])
    assert within(dropped, tries, ERROR_RATES["dropped_sub_task"])
    assert within(stepped, tries, ERROR_RATES["wrong_steps"])
    assert within(unlisted, tries, ERROR_RATES["unlisted_tool"])


def test_error_rates_scale_and_proportions_follow_the_paper() -> None:
    calls = ("invented_value", "wrong_type", "missing_argument", "unknown_argument", "wrong_tool", "output_schema")
    assert 0.4 < ERROR_RATES["invented_value"] / sum(ERROR_RATES[kind] for kind in calls) < 0.6
    task, _ = skeleton(OfflineModel(0), POOLS["museum_visits"], 0)
    part = task["sub_tasks"][0]
    broken = 0
    for seed in range(40):
        request = body(
            "sub_trajectory", seed, tools=POOLS["museum_visits"], task=task, dialogue=[], sub_task=part, fault=None
        )
        try:
            json.loads(text_of(OfflineModel(30).chat_completion(request)))
        except ValueError:
            broken += 1
    assert 3 <= broken <= 22
