"""Homes written by hand, for tests that know what has to come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from tests.builders import TOOLS
from toolace_dagster.entities import Dialogue, Tool, canonical_json, content_hash
from toolace_dagster.metrics import MetricRow
from toolace_dagster.warehouse import Warehouse, insert

WRITING = {"non_autoregressive": "refinement_round_01", "simulation": "simulated_dialogues"}
"""The stage that writes dialogues, by method."""


@dataclass(frozen=True)
class Attempt:
    """A dialogue and how it ended.

    Attributes:
        dialogue: As generation left it; None where it never got so far.
        state: ``accepted``, ``rejected`` or ``failed``.
        accepted: As it was accepted, where that is another one.
        check: What rejected it.
        stage: Where it ended.
    """

    dialogue: Dialogue | None
    state: str = "accepted"
    accepted: Dialogue | None = None
    check: str | None = None
    stage: str = "verification"


@dataclass(frozen=True)
class Call:
    """A model call."""

    stage: str
    dialogue_id: str = ""
    prompt_tokens: int = 100
    cached_tokens: int = 0
    completion_tokens: int = 10
    cost: float | None = 0.5
    more: dict[str, Any] = field(default_factory=dict)


def write_home(
    folder: Path,
    attempts: Sequence[Attempt],
    domain: str = "garages",
    tools: Iterable[Tool] = TOOLS.values(),
    calls: Iterable[Call] = (),
    questions: Sequence[str] = (),
    run: str = "run-1",
    method: str = "non_autoregressive",
) -> Warehouse:
    """Write attempts as a run would have left them, and return the home."""
    warehouse = Warehouse(folder)
    with warehouse.domain(domain).write() as connection:
        rows: list[dict[str, Any]] = []
        for slot, attempt in enumerate(attempts):
            rows += _rows(attempt, domain, slot, run, WRITING[method])
        insert(connection, "stage_rows", rows)
        verified = [row for row in rows if row["stage"] == "verification"]
        findings = [
            {
                "stage": "verification",
                "dialogue_id": row["dialogue_id"],
                "position": 0,
                "check_id": row["check_id"],
                "severity": "hard",
                "message": "it is wrong",
            }
            for row in verified
            if row["check_id"]
        ]
        insert(connection, "findings", findings)
        answers = [
            {"stage": "verification", "dialogue_id": row["dialogue_id"], "question": question, "passes": True}
            for row in verified
            for question in questions
        ]
        insert(connection, "expert_answers", answers)
        insert(
            connection,
            "domain_tools",
            [
                {"name": tool.name, "fingerprint": "f", "definition": tool.model_dump(mode="json"), "is_current": True}
                for tool in tools
            ],
        )
        insert(connection, "model_calls", [_call(number, call, domain, run) for number, call in enumerate(calls)])
        finish(connection, domain, run, WRITING[method], "verification")
    return warehouse


def finish(connection: duckdb.DuckDBPyConnection, domain: str, run: str, *stages: str) -> None:
    """Note stages of a run as finished; the run's last digit is its day."""
    ran = {"run_id": run, "stage_index": 3, "domain": domain, "settings": {}, "made": 1, "reused": 0, "seconds": 1.0}
    insert(
        connection,
        "stage_runs",
        [ran | {"stage": stage, "finished_at": f"2026-01-0{run[-1]} 10:00:00"} for stage in stages],
    )


def _rows(attempt: Attempt, domain: str, slot: int, run: str, writing: str) -> list[dict[str, Any]]:
    dialogue_id = attempt.dialogue.id if attempt.dialogue is not None else f"{domain}-{slot:04d}-000000"
    common = {
        "domain": domain,
        "dialogue_id": dialogue_id,
        "slot": slot,
        "attempt": 0,
        "fingerprint": "f",
        "run_id": run,
    }

    def row(stage: str, index: int, state: str, payload: Any = None, check: str | None = None) -> dict[str, Any]:
        shown = {"payload": payload, "content_hash": content_hash(payload)}
        return common | shown | {"stage": stage, "stage_index": index, "state": state, "check_id": check}

    if attempt.dialogue is None:
        return [row(attempt.stage, 1, attempt.state, None, attempt.check)]
    made = attempt.dialogue.model_dump(mode="json")
    rows = [
        row("task_specs", 1, "passed", {"scenario": "none"}),
        row(writing, 3, "passed", {"dialogue": made, "finished": True} if writing != WRITING["simulation"] else made),
        row("verification", 4, attempt.state, {"answers": []}, attempt.check),
    ]
    if attempt.state == "accepted":
        kept = (attempt.accepted or attempt.dialogue).model_dump(mode="json")
        rows.append(row("verified_dialogues", 5, "accepted", kept))
    return rows


def _call(number: int, call: Call, domain: str, run: str) -> dict[str, Any]:
    return {
        "key": f"k{number}",
        "call_id": f"c{number}",
        "stage": call.stage,
        "task": "t",
        "role": "generator",
        "domain": domain,
        "dialogue_id": call.dialogue_id,
        "round": 0,
        "model": "m",
        "endpoint": "api.example.com",
        "messages": [],
        "sampling": {},
        "usable": True,
        "prompt_tokens": call.prompt_tokens,
        "cached_tokens": call.cached_tokens,
        "completion_tokens": call.completion_tokens,
        "reasoning_tokens": 0,
        "latency_ms": 1.0,
        "retries": 0,
        "run_id": run,
        "created_at": "2026-01-01",
        "cost": call.cost,
        "error_kind": None,
    } | call.more


def text_of(rows: Iterable[MetricRow]) -> str:
    """A measurement as text, to be compared."""
    # Sums of floats differ in the last digit by their order.
    return canonical_json([vars(row) | {"value": round(row.value, 9)} for row in rows])
