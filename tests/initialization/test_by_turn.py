"""Skeletons by turn: when a sub-task is written a turn at a time, and what is shown of those before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import TOOLS, drive, spec
from toolace_dagster.entities import Rejection, Skeleton, structure_faults
from toolace_dagster.initialization.summaries import in_short
from toolace_dagster.initialization.trajectory_initialization import skeleton_program
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.settings import Settings

BY_TURN = Settings(trajectory="by_turn", rule_tries=1)
FIND = {
    "calls": [{"name": "find_garage", "arguments": {"city": "Ghent"}}],
    "outputs": [{"content": {"garages": [{"garage_id": "GR-1", "name": "Dok"}] * 5, "note": "x" * 200}}],
}
BOOK = {
    "calls": [{"name": "book_service", "arguments": {"garage_id": "GR-1", "date": "2026-07-14"}}],
    "outputs": [{"content": {"booking_id": "BK-1"}}],
}
RATE = {
    "calls": [{"name": "rate_garage", "arguments": {"garage_id": "GR-1", "stars": 4}}],
    "outputs": [{"content": {"ok": True}}],
}
FIRST = {"query": "A garage in Ghent on 14 July 2026, please.", "steps": [FIND, BOOK], "reply": "Booked as BK-1."}
SECOND = {"query": "Give them 4 stars.", "steps": [RATE], "reply": "Rated."}
FILLS: dict[str, dict[str, Any]] = {
    "t01": {"tool_calls": FIND["calls"], "outputs": FIND["outputs"]},
    "t03": {"tool_calls": BOOK["calls"], "outputs": BOOK["outputs"]},
    "t00": {"content": FIRST["query"]},
    "t05": {"content": FIRST["reply"]},
}


def inside(request: ModelRequest[Any], tag: str) -> str:
    return request.messages[1].content.partition(f"<{tag}>\n")[2].partition(f"\n</{tag}>")[0]


def made(
    settings: Settings, first: dict[str, Any], fills: dict[str, dict[str, Any]] | None = None
) -> tuple[Skeleton | Rejection, list[ModelRequest[Any]]]:
    """What comes of a first sub-task with a reply and fills, and all requests."""
    asked: list[ModelRequest[Any]] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        asked.append(request)
        if request.purpose.task == "sub_trajectory":
            return first if json.loads(inside(request, "sub_task"))["index"] == 0 else SECOND
        (mask,) = json.loads(inside(request, "masked"))
        return {"fills": [{"turn": mask["turn"], **(FILLS if fills is None else fills)[mask["turn"]]}]}

    return drive(skeleton_program(spec(), TOOLS, settings), answer), asked


def test_a_sound_sub_trajectory_is_not_taken_apart() -> None:
    skeleton, asked = made(BY_TURN, FIRST)
    assert isinstance(skeleton, Skeleton)
    assert [request.purpose.task for request in asked] == ["sub_trajectory"] * 2


@pytest.mark.parametrize(
    "failing",
    [
        FIRST | {"steps": [FIND]},
        FIRST | {"reply": " "},
        FIRST | {"steps": [FIND, {**BOOK, "calls": [{"name": "book_service", "arguments": {"date": 14}}]}]},
        FIRST | {"steps": [{**FIND, "calls": [{"name": "find_a_garage", "arguments": {}}]}, BOOK]},
    ],
    ids=["too few steps", "no reply", "invalid arguments", "unknown tool"],
)
def test_a_failing_sub_trajectory_is_written_call_by_call_then_query_then_reply(failing: dict[str, Any]) -> None:
    skeleton, asked = made(BY_TURN, failing)
    fills = [request for request in asked if request.purpose.task == "mask_fill"]
    assert [request.purpose.turn_ids for request in fills] == [("t01",), ("t03",), ("t00",), ("t05",)]
    assert isinstance(skeleton, Skeleton)
    assert skeleton.sub_trajectories == getattr(made(BY_TURN, FIRST)[0], "sub_trajectories", None)
    assert structure_faults(skeleton.to_dialogue().turns) == []
    second = json.loads(inside(fills[1], "dialogue"))
    assert [turn["turn"] for turn in second if turn.get("masked")] == ["t00", "t03", "t04", "t05"]
    assert second[2]["outputs"][0]["content"] == FIND["outputs"][0]["content"], "what is written already is shown"
    assert fills[0].narrowed_schema
    assert "GR-1" not in json.dumps(fills[0].narrowed_schema)
    assert "city" in json.dumps(fills[0].narrowed_schema), "arguments are held to the tools' schemas"


def test_each_part_is_checked_by_itself() -> None:
    _, asked = made(BY_TURN, FIRST | {"steps": [FIND]})
    checks = {request.purpose.turn_ids[0]: request.check for request in asked if request.purpose.turn_ids}
    first, call, query = checks["t01"], checks["t03"], checks["t00"]
    assert call is not None
    assert query is not None
    (mended,) = [request for request in asked if request.purpose.turn_ids == ("t03",)]

    def told(check: Any, **fill: Any) -> str | None:
        return check(mended.reply_type.model_validate({"fills": [{"turn": "t03", **fill}]}))

    assert told(call, **FILLS["t03"]) is None
    assert "has to make a call" in str(told(call))
    assert "has to use book_service too" in str(told(call, **FILLS["t01"]))
    assert told(first, **FILLS["t01"]) is None, "a later step may still use it"
    assert told(query, content=FIRST["query"]) is None
    assert "has to say city: Ghent" in str(told(query, content="A garage on 14 July 2026, please."))


def test_the_first_reply_stays_where_turns_fare_no_better() -> None:
    doubtful = FIRST | {"query": "A garage, please."}
    silent = {**FILLS, "t05": {"content": " "}}
    skeleton, asked = made(Settings(trajectory="by_turn", ground_arguments=False), doubtful, silent)
    assert "mask_fill" in [request.purpose.task for request in asked]
    assert isinstance(skeleton, Skeleton)
    assert skeleton.to_dialogue().turns[0].content == "A garage, please."
    rejected, _ = made(BY_TURN, FIRST | {"steps": [FIND]}, silent)
    assert isinstance(rejected, Rejection)
    assert rejected.check == "skeleton.steps"


def test_a_summary_takes_the_place_of_earlier_turns() -> None:
    full, summed_up = (
        made(Settings(trajectory="by_sub_task", skeleton_context=context), FIRST)[1] for context in ("full", "summary")
    )
    assert full[0].messages == summed_up[0].messages, "there is nothing to sum up yet"
    assert not inside(full[1], "earlier")
    assert json.loads(inside(summed_up[1], "dialogue")) == []
    (summary,) = json.loads(inside(summed_up[1], "earlier"))
    assert summary["goal"] == spec().sub_tasks[0].goal
    assert summary["stated"] == {"city": "Ghent", "date": "2026-07-14"}
    assert summary["results"][1]["content"] == {"booking_id": "BK-1"}
    assert summary["results"][0]["content"] == {"garages": [{"garage_id": "GR-1", "name": "Dok"}] * 3}
    assert len(summed_up[1].messages[1].content) < len(full[1].messages[1].content)


def test_results_in_short_hold_whole_values_only() -> None:
    left_out: list[str] = []
    result = {"a": "x" * 81, "b": [1, "y" * 81, 2, 3, 4], "c": None, "d": {"e": [{"f": "z" * 81}]}}
    assert in_short(result, left_out) == {"b": [1, 2, 3], "c": None, "d": {"e": [{}]}}
    assert left_out == ["the text of a", "2 more in b", "the text of f"]
    assert in_short([1, 2, 3], left_out := []) == [1, 2, 3]
    assert left_out == []


@pytest.mark.parametrize("tries", [1, 2, 4])
def test_a_broken_part_is_asked_for_as_often_as_is_set(tries: int) -> None:
    rejected, asked = made(Settings(trajectory="by_sub_task", rule_tries=tries), FIRST | {"steps": [FIND]})
    assert isinstance(rejected, Rejection)
    assert len(asked) == tries
    assert all("is written in 1 steps" in inside(request, "fault") for request in asked[1:])
