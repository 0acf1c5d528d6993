"""Drives the offline model through the pipeline's own prompts, without the pipeline.

Belongs here: small plans, requests and dialogues for the tests of this folder.
"""

from __future__ import annotations

import json
import random
from typing import Any

from toolace_dagster.llm.offline import OfflineModel
from toolace_dagster.prompts import render
from toolace_dagster.settings import SHIPPED_POOL

Tools = list[dict[str, Any]]

BARE_TOOLS: Tools = [
    {
        "name": "list_open_issues",
        "description": "",
        "parameters": {
            "type": "object",
            "properties": {
                "owner": {"type": "string"},
                "repo": {"type": "string"},
                "labels": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["owner", "repo"],
        },
    },
    {
        "name": "edit-file",
        "description": "Makes edits to a text file. Returns a diff.",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "edits": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"oldText": {"type": "string"}, "newText": {"type": "string"}},
                        "required": ["oldText", "newText"],
                    },
                },
                "dryRun": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": False},
            },
            "required": ["path", "edits"],
        },
        "result": {"type": "object", "properties": {"content": {"type": "string"}}, "required": ["content"]},
    },
    {"name": "list_tables", "description": "List all tables", "parameters": {"type": "object", "properties": {}}},
    {
        "name": "get_current_time",
        "description": "Get current time in a specific timezone",
        "parameters": {
            "type": "object",
            "properties": {
                "timezone": {"type": "string", "description": "IANA timezone name"},
                "mode": {"$ref": "#/$defs/Mode"},
            },
            "required": ["timezone"],
            "$defs": {"Mode": {"type": ["string", "null"], "enum": ["short", "long", None]}},
        },
    },
]
"""Tools as they come from MCP servers: no examples, missing descriptions, ``anyOf``, ``$ref``, no result."""


def shipped_pools() -> dict[str, Tools]:
    """The shipped tool pools by domain."""
    pools: dict[str, Tools] = {}
    for path in sorted(SHIPPED_POOL.glob("*.json")):
        read = json.loads(path.read_text(encoding="utf-8"))
        kept = ("name", "description", "parameters", "result")
        pools[read["domain"]] = [{key: tool[key] for key in kept if key in tool} for tool in read["tools"]]
    return pools


def body(prompt: str, seed: int = 0, **values: Any) -> dict[str, Any]:
    """A request body for one of the pipeline's prompts."""
    messages = [{"role": m.role, "content": m.content} for m in render(prompt, **values)]
    asked = {"type": "json_schema", "json_schema": {"name": prompt, "schema": {"type": "object"}, "strict": False}}
    return {"model": "offline", "seed": seed, "temperature": 0.7, "messages": messages, "response_format": asked}


def text_of(completion: dict[str, Any]) -> str:
    """The reply's text."""
    return completion["choices"][0]["message"]["content"]


def ask(model: OfflineModel, prompt: str, seed: int = 0, **values: Any) -> Any:
    """The reply's JSON."""
    return json.loads(text_of(model.chat_completion(body(prompt, seed, **values))))


def plan_for(tools: Tools, rng: random.Random) -> dict[str, Any]:
    """A plan over some tools, in an order in which results can feed later calls where there are any."""
    sub_tasks: list[dict[str, Any]] = []
    for _ in range(rng.randint(2, 3)):
        chosen = rng.sample(tools, min(len(tools), rng.choice((1, 2, 2, 3))))
        steps = max(1, len(chosen) + rng.choice((-1, 0, 0, 1)))
        sub_tasks.append({"tools": [tool["name"] for tool in chosen], "steps": steps})
    return {
        "persona": rng.choice(("terse, lower-case, no punctuation", "a polite retired teacher")),
        "sub_tasks": sub_tasks,
    }


def spec_for(model: OfflineModel, tools: Tools, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plan and the task written for it, in the form later prompts show."""
    plan = plan_for(tools, random.Random(seed))
    spec = ask(model, "task_spec", seed, tools=tools, plan=plan, fault=None)
    task = {
        "persona": plan["persona"],
        "scenario": spec["scenario"],
        "offered_from_start": [tool["name"] for tool in tools],
        "sub_tasks": [{"index": index, **part} for index, part in enumerate(spec["sub_tasks"])],
    }
    return plan, task


def skeleton(model: OfflineModel, tools: Tools, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A task and its whole dialogue."""
    _, task = spec_for(model, tools, seed)
    dialogue: list[dict[str, Any]] = []
    for part in task["sub_tasks"]:
        reply = ask(model, "sub_trajectory", seed, tools=tools, task=task, dialogue=dialogue, sub_task=part, fault=None)
        turns: list[dict[str, Any]] = [{"role": "user", "content": reply["query"]}]
        for step in reply["steps"]:
            turns.append({"role": "assistant", "tool_calls": step["calls"]})
            named = [{"name": c["name"], **o} for c, o in zip(step["calls"], step["outputs"], strict=True)]
            turns.append({"role": "tool", "outputs": named})
        turns.append({"role": "assistant", "content": reply["reply"]})
        dialogue += [
            {"turn": f"t{len(dialogue) + n}", "sub_task": part["index"], **turn} for n, turn in enumerate(turns)
        ]
    return task, dialogue


def masked(turn: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """A turn's placeholder."""
    kind = {"user": "user", "tool": "outputs"}.get(turn["role"], "call" if turn.get("tool_calls") else "reply")
    shown = {"turn": turn["turn"], "role": turn["role"], "sub_task": turn["sub_task"], "masked": True, "kind": kind}
    if turn.get("tool_calls") or turn.get("outputs"):
        shown["calls"] = len(turn.get("tool_calls") or turn["outputs"])
    return shown | extra


def with_masks(dialogue: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """A dialogue with some turns masked; a masked call takes its outputs along."""
    shown: list[dict[str, Any]] = []
    for at, turn in enumerate(dialogue):
        call = dialogue[at - 1] if at and dialogue[at - 1].get("tool_calls") else None
        if call is not None and call["turn"] in names:
            shown.append(masked(turn, **{"with": call["turn"]}))
        else:
            shown.append(masked(turn) if turn["turn"] in names else turn)
    return shown
