"""Calls that were run for real are run again, in processes of their own, and what answers otherwise rejects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.builders import drive, reply, tool, user
from toolace_dagster.entities import Dialogue, Origin, ToolCall, ToolOutput, Turn
from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution.protocol import ExecutionFailed, Outcome, ToolRun
from toolace_dagster.execution.python_backend import PythonExecutor
from toolace_dagster.verification.replay import replay_program
from toolace_dagster.verification.rules import RULES, Facts, Subject, run_rules
from toolace_dagster.verification.rules.facts import ReplayDifference

SHELF = """
import os

class Shelf:
    def __init__(self):
        self.books = []

    def put(self, title: str) -> dict:
        if title in self.books:
            raise ValueError("it stands there")
        self.books.append(title)
        return {"number": len(self.books)}

    def ticket(self) -> str:
        return os.urandom(8).hex()
"""
NAMES = ("put", "ticket")
TOOLS = {
    "put": tool("put", {"title": {"type": "string"}}, ["title"]),
    "ticket": tool("ticket", {}, []),
}


def exchange(number: int, name: str, arguments: dict[str, Any], outcome: Outcome, source: Any) -> tuple[Turn, Turn]:
    """A call with its output."""
    origin = Origin(operation="trajectory_initialization")
    asked = ToolCall(id=f"c{number}", name=name, arguments=arguments)
    answer = ToolOutput(call_id=asked.id, name=name, content=outcome.content, is_error=outcome.is_error, source=source)
    return (
        Turn(id=f"t{2 * number + 1:02d}", role="assistant", sub_task=0, tool_calls=(asked,), origin=origin),
        Turn(id=f"t{2 * number + 2:02d}", role="tool", sub_task=0, outputs=(answer,), origin=origin),
    )


def shelved(*steps: tuple[str, dict[str, Any], Any, bool, str]) -> Dialogue:
    """A dialogue of calls: tool, arguments, what it says that came back, whether that is an error, and its source."""
    turns: list[Turn] = [user("t00", "Put Emma and Persuasion on the shelf.")]
    for number, (name, arguments, content, failed, source) in enumerate(steps):
        turns += exchange(number, name, arguments, Outcome(content=content, is_error=failed), source)
    turns.append(reply("t99", "They stand there."))
    return Dialogue(id="shelf-0000-abcdef", domain="shelf", initial_tools=NAMES, turns=tuple(turns))


EMMA = ("put", {"title": "Emma"}, {"number": 1}, False, "executed")
PERSUASION = ("put", {"title": "Persuasion"}, {"number": 2}, False, "executed")


@pytest.fixture
def backend(tmp_path: Path) -> PythonBackend:
    (tmp_path / "shelf.py").write_text(SHELF)
    return PythonBackend(target="shelf:Shelf", path=(str(tmp_path),))


def replayed(
    backend: PythonBackend, dialogue: Dialogue, runs: list[ToolRun] | None = None
) -> tuple[Sequence[ReplayDifference], str]:
    """What a replay finds."""

    def execute(tool_run: ToolRun) -> tuple[Outcome, ...]:
        if runs is not None:
            runs.append(tool_run)

        async def run() -> tuple[Outcome, ...]:
            async with PythonExecutor(backend, {name: name for name in NAMES}, domain="shelf") as tools:
                return await tools.run(tool_run)

        return asyncio.run(run())

    return drive(replay_program(dialogue, frozenset(NAMES)), lambda _: None, execute)


def test_a_dialogue_whose_tools_answer_as_it_says_has_no_difference(backend: PythonBackend) -> None:
    runs: list[ToolRun] = []
    again = ("put", {"title": "Emma"}, {"error": "it stands there"}, True, "executed")
    assert replayed(backend, shelved(EMMA, PERSUASION, again), runs) == ((), "")
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("steps", "call_id", "answered", "is_error"),
    [
        # An altered number; a call whose state another took away; an error that is none.
        ((EMMA, (*PERSUASION[:2], {"number": 3}, False, "executed")), "c1", {"number": 2}, False),
        ((PERSUASION,), "c0", {"number": 1}, False),
        ((EMMA, (*EMMA[:2], {"number": 2}, False, "executed")), "c1", {"error": "it stands there"}, True),
    ],
)
def test_an_output_that_the_tool_does_not_give_is_found_and_rejects(
    backend: PythonBackend, steps: Any, call_id: str, answered: Any, is_error: bool
) -> None:
    dialogue = shelved(*steps)
    runs: list[ToolRun] = []
    found, fault = replayed(backend, dialogue, runs)
    assert (tuple(found), fault) == ((ReplayDifference(call_id, answered, is_error),), "")
    assert len(runs) == 2
    facts = Facts(replayed=tuple(found))
    (finding,) = run_rules(Subject(dialogue, None, TOOLS, facts), {"rule.replay": RULES["rule.replay"]})
    output = next(turn for turn in dialogue.turns if any(each.call_id == call_id for each in turn.outputs))
    assert (finding.severity, finding.turn_id) == ("hard", output.id)


def test_what_never_answers_the_same_twice_is_spared(backend: PythonBackend) -> None:
    assert replayed(backend, shelved(EMMA, ("ticket", {}, "0011aabb", False, "executed"))) == ((), "")
    wrong = (*PERSUASION[:2], {"number": 7}, False, "executed")
    found, _ = replayed(backend, shelved(EMMA, ("ticket", {}, "0011aabb", False, "executed"), wrong))
    assert [each.call_id for each in found] == ["c2"]


def test_a_call_that_an_injection_made_fail_is_not_run(backend: PythonBackend) -> None:
    runs: list[ToolRun] = []
    never = ("put", {"title": "Emma"}, {"error": "service is down"}, True, "injected")
    assert replayed(backend, shelved(never, EMMA), runs) == ((), "")
    assert [len(each.calls) for each in runs] == [1]
    assert replayed(backend, shelved(never), runs) == ((), "")
    assert len(runs) == 1


def test_tools_that_cannot_be_run_are_a_remark_unless_it_is_of_the_moment() -> None:
    def failing(kind: Any) -> Any:
        program = replay_program(shelved(EMMA), frozenset(NAMES))
        next(program)
        return program.throw(ExecutionFailed(kind, "put: it left"))

    with pytest.raises(StopIteration) as ended:
        failing("crashed")
    assert ended.value.value[0] == ()
    assert "it left" in ended.value.value[1]
    with pytest.raises(ExecutionFailed):
        failing("unavailable")
