"""The offline model plays every sub-type of complexity injection, for any tool pool, seeing only the request."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.builders import START, drive
from tests.offline_model.drive import BARE_TOOLS, Tools, shipped_pools, skeleton
from toolace_dagster.entities import (
    Detail,
    Dialogue,
    Edit,
    InjectionSubType,
    Provenance,
    SubTask,
    TaskSpec,
    Tool,
    ToolCall,
    ToolOutput,
    Turn,
    apply_edit,
    structure_faults,
)
from toolace_dagster.llm.offline.model import OfflineModel
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.refinement.injection import injection_program
from toolace_dagster.settings import Settings
from toolace_dagster.verification.rules import Subject, run_rules

POOLS: dict[str, Tools] = {**shipped_pools(), "bare": BARE_TOOLS}
EXACT = OfflineModel(error_rate=0)
SEEDS = range(4)


def answer(request: ModelRequest[Any]) -> dict[str, Any]:
    """What the offline model replies."""
    asked = {"type": "json_schema", "json_schema": {"name": request.purpose.task, "schema": {"type": "object"}}}
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    body = {"model": "offline", "seed": request.sampling.seed, "messages": messages, "response_format": asked}
    return json.loads(EXACT.chat_completion(body)["choices"][0]["message"]["content"])


def subject(pool: Tools, seed: int) -> tuple[Dialogue, TaskSpec, dict[str, Tool]]:
    """A dialogue that the offline model made over half of the pool's tools, with its task; all are in the domain."""
    tools = {
        each["name"]: Tool(
            name=each["name"],
            description=each.get("description", ""),
            parameters=each["parameters"],
            result=each.get("result"),
            domain="any",
            provenance=Provenance(source="any.json"),
        )
        for each in pool
    }
    offered = pool[: max(3, len(pool) // 2)]
    task, shown = skeleton(EXACT, offered, seed)
    turns: list[Turn] = []
    for each in shown:
        calls = tuple(
            ToolCall(id=f"call_{each['turn']}_{number}", **call)
            for number, call in enumerate(each.get("tool_calls", []))
        )
        before = turns[-1].tool_calls if turns else ()
        outputs = tuple(
            ToolOutput(call_id=call.id, name=call.name, content=output["content"], is_error=output["is_error"])
            for call, output in zip(before, each.get("outputs", []), strict=bool(each.get("outputs")))
        )
        turns.append(
            Turn(
                id=each["turn"],
                role=each["role"],
                sub_task=each["sub_task"],
                content=each.get("content", ""),
                tool_calls=calls,
                outputs=outputs,
                origin=START,
            )
        )
    names = tuple(each["name"] for each in offered)
    spec = TaskSpec(
        dialogue_id=f"any-{seed:04d}-abcdef",
        domain="any",
        scenario=task["scenario"],
        persona=task["persona"],
        sub_tasks=tuple(
            SubTask(
                index=part["index"],
                goal=part["goal"],
                details=tuple(Detail(**detail) for detail in part["details"]),
                tools=tuple(part["tools"]),
                steps=part["steps"],
            )
            for part in task["sub_tasks"]
        ),
        offered_tools=names,
        tool_versions={name: tools[name].fingerprint for name in names},
    )
    return Dialogue(id=spec.dialogue_id, domain="any", initial_tools=names, turns=tuple(turns)), spec, tools


def inject(wanted: InjectionSubType, pool: Tools, seed: int) -> tuple[Edit | None, Dialogue, TaskSpec, dict[str, Tool]]:
    """One injection; nothing else is tried where it does not fit."""
    dialogue, spec, tools = subject(pool, seed)
    settings = Settings(injection_mix={wanted: 1.0})
    return drive(injection_program(dialogue, spec, tools, settings, wanted, 1, 0), answer), dialogue, spec, tools


@pytest.mark.parametrize("wanted", list(InjectionSubType))
def test_every_sub_type_is_played_where_it_fits(wanted: InjectionSubType) -> None:
    played = Counter[str]()
    for name in ("library_lending", "freight_logistics", "home_energy", "bare"):
        for seed in SEEDS:
            edit, dialogue, spec, tools = inject(wanted, POOLS[name], seed)
            if edit is None:
                continue
            played[edit.outcome] += 1
            if edit.outcome != "accepted":
                assert edit.reason
                continue
            assert edit.sub_type is wanted
            after = apply_edit(dialogue, edit)
            assert structure_faults(after.turns) == []
            hard = {f.check for f in run_rules(Subject(dialogue, spec, tools)) if f.severity == "hard"}
            found = [f for f in run_rules(Subject(after, spec, tools)) if f.severity == "hard" and f.check not in hard]
            assert found == []
    # Not every slip can be made in every call, and such a fill is discarded; most are.
    assert played["accepted"] >= 3
    assert played["accepted"] >= 3 * played["discarded"]
