"""Skeletons whose tools are run for real: outputs are what was answered, and the words follow from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.builders import TOOLS, drive, spec
from toolace_dagster.entities import Skeleton
from toolace_dagster.execution.protocol import Outcome, ToolRun
from toolace_dagster.initialization.rebinding import rebound, replaced_values
from toolace_dagster.initialization.trajectory_initialization import skeleton_program
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.settings import Settings

FIRST = {
    "query": "Find me a garage in Ghent and book it for 14 July 2026.",
    "steps": [
        {
            "calls": [{"name": "find_garage", "arguments": {"city": "Ghent"}}],
            "outputs": [{"content": {"garages": [{"garage_id": "GR-111", "open": True}]}}],
        },
        {
            "calls": [{"name": "book_service", "arguments": {"garage_id": "GR-111", "date": "2026-07-14"}}],
            "outputs": [{"content": {"booking_id": "BK-1"}}],
        },
    ],
    "reply": "Booked as BK-1.",
}
SECOND = {
    "query": "Give them 4 stars.",
    "steps": [
        {
            "calls": [{"name": "rate_garage", "arguments": {"garage_id": "GR-771", "stars": 4}}],
            "outputs": [{"content": {"ratings": 1}}],
        }
    ],
    "reply": "Rated.",
}
EXECUTABLE = frozenset({"find_garage", "book_service", "rate_garage"})


class Garages:
    """The real garages; a fresh one for each run."""

    def __init__(self, *, full: bool = False) -> None:
        self.runs: list[list[str]] = []
        self.full = full

    def __call__(self, run: ToolRun) -> tuple[Outcome, ...]:
        self.runs.append([call.tool for call in run.calls])
        return tuple(self._one(call.tool, call.arguments) for call in run.calls)

    def _one(self, name: str, arguments: dict[str, Any]) -> Outcome:
        if name == "find_garage":
            garages: list[Any] = [{"garage_id": "GR-771", "open": True}, {"garage_id": "GR-772", "open": False}]
            return Outcome(content={"garages": garages})
        if arguments["garage_id"] not in ("GR-771", "GR-772"):
            return Outcome(content={"error": "no such garage"}, is_error=True)
        if name == "book_service":
            if self.full and arguments["garage_id"] == "GR-771":
                return Outcome(content={"error": "GR-771 is full"}, is_error=True)
            return Outcome(content={"booking_id": f"BK-{arguments['garage_id'][3:]}"})
        return Outcome(content={"ratings": 1})


def made(
    corrections: Callable[[ModelRequest[Any], int], dict[str, Any]],
    garages: Garages,
    executable: frozenset[str] = EXECUTABLE,
) -> tuple[Skeleton, list[str]]:
    settings = Settings(trajectory="by_sub_task", ground_arguments=False)
    asked: list[str] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request.purpose.task)
        if request.purpose.task == "correction":
            return corrections(request, asked.count("correction"))
        return FIRST if asked.count("sub_trajectory") == 1 else SECOND

    result = drive(skeleton_program(spec(), TOOLS, settings, executable), answer, garages)
    assert isinstance(result, Skeleton)
    return result, asked


def test_identifiers_are_carried_over_and_only_words_are_corrected_once() -> None:
    garages = Garages()
    prompts: list[str] = []

    def correct(request: ModelRequest[Any], _number: int) -> dict[str, Any]:
        prompts.append(request.messages[1].content)
        return {"steps": [], "reply": "Booked as BK-771."}

    skeleton, asked = made(correct, garages)
    first, second = skeleton.sub_trajectories
    assert asked == ["sub_trajectory", "correction", "sub_trajectory"]
    assert first.turns[3].tool_calls[0].arguments == {"garage_id": "GR-771", "date": "2026-07-14"}
    assert [o.content for o in first.turns[4].outputs] == [{"booking_id": "BK-771"}]
    assert first.turns[-1].content == "Booked as BK-771."
    assert {o.source for turn in (*first.turns, *second.turns) for o in turn.outputs} == {"executed"}
    assert "BK-771" in prompts[0]
    # The second sub-task's call comes after those of the first, in a fresh session.
    assert garages.runs[-1] == ["find_garage", "book_service", "rate_garage"]
    assert second.turns[-1].content == "Rated."


def test_changed_calls_are_run_and_the_second_correction_is_the_last() -> None:
    garages = Garages(full=True)
    other = {"calls": [{"name": "book_service", "arguments": {"garage_id": "GR-772", "date": "2026-07-14"}}]}

    def correct(_request: ModelRequest[Any], number: int) -> dict[str, Any]:
        if number == 1:
            steps = [FIRST["steps"][0], other | {"outputs": [{"content": {"booking_id": "BK-9"}}]}]
            return {"steps": steps, "reply": "Booked as BK-9."}
        return {"steps": [FIRST["steps"][0]], "reply": "Booked as BK-772."}

    skeleton, asked = made(correct, garages)
    turns = skeleton.sub_trajectories[0].turns
    assert asked.count("correction") == 2
    assert turns[3].tool_calls[0].arguments["garage_id"] == "GR-772"
    assert turns[4].outputs[0].content == {"booking_id": "BK-772"}
    assert turns[-1].content == "Booked as BK-772."


def test_tools_without_a_backend_stay_simulated() -> None:
    garages = Garages()
    skeleton, asked = made(lambda *_: {"reply": "Found."}, garages, frozenset({"find_garage"}))
    sources = [o.source for part in skeleton.sub_trajectories for turn in part.turns for o in turn.outputs]
    assert sources == ["executed", "simulated", "simulated"]
    assert asked.count("correction") == 1

    skeleton, asked = made(lambda *_: {}, garages, frozenset())
    assert asked == ["sub_trajectory", "sub_trajectory"]
    assert skeleton.sub_trajectories[0].turns[-1].content == "Booked as BK-1."


def test_only_specific_values_that_the_user_did_not_say_are_rebound() -> None:
    invented = {"id": "GR-111", "count": 3, "state": "open", "card": "LM-1", "items": [{"id": "IT-1"}, {"id": "IT-2"}]}
    real = {"id": "GR-771", "count": 5, "state": "closed", "card": "LM-7", "items": [{"id": "IT-9"}]}
    found = replaced_values(invented, real, "my card is LM-1")
    assert found == {"GR-111": "GR-771", "IT-1": "IT-9", "IT-2": "IT-9"}
    assert rebound({"ids": ["GR-111", "GR-5"], "count": 3}, found) == {"ids": ["GR-771", "GR-5"], "count": 3}
