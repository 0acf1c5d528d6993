"""Skeletons: in one call or by sub-task, as planned, and what happens when a reply is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import TOOLS, drive, spec
from toolace_dagster.entities import Detail, Rejection, Skeleton, SubTask, TaskSpec, structure_faults
from toolace_dagster.initialization.manner_of_writing import STEP_TOKENS, WholeRecord, is_written_whole
from toolace_dagster.initialization.replies import SubTrajectoryReply, TrajectoryReply
from toolace_dagster.initialization.skeleton_checks import (
    sub_trajectory_advice,
    trajectory_advice,
    trajectory_fault,
    unsaid_values,
)
from toolace_dagster.initialization.trajectory_initialization import skeleton_program
from toolace_dagster.llm.protocol import CallError, CallFailed, ModelRequest, ModelResult
from toolace_dagster.settings import ModelSettings, Settings

AUTO, WHOLE, BY_SUB_TASK = Settings(), Settings(trajectory="whole"), Settings(trajectory="by_sub_task")
FIND = {
    "calls": [{"name": "find_garage", "arguments": {"city": "Ghent"}}],
    "outputs": [{"content": {"garages": [{"garage_id": "GR-1"}]}}],
}
BOOK = {
    "calls": [{"name": "book_service", "arguments": {"garage_id": "GR-1", "date": "2026-07-14"}}],
    "outputs": [{"content": {"booking_id": "BK-1"}}],
}
RATE = {
    "calls": [{"name": "rate_garage", "arguments": {"garage_id": "GR-1", "stars": 4}}],
    "outputs": [{"content": {"ok": True}}],
}
FIRST = {"query": "A garage in Ghent on Tuesday, please.", "steps": [FIND, BOOK], "reply": "Booked as BK-1."}
SECOND = {"query": "Give them 4 stars.", "steps": [RATE], "reply": "Rated."}
BOTH = {"sub_trajectories": [FIRST, SECOND]}

Answers = Callable[[ModelRequest[Any]], dict[str, Any] | None]


def made(settings: Settings, answer: Answers, **more: Any) -> tuple[Skeleton | Rejection, list[str]]:
    """What came out, and the tasks asked."""
    asked: list[str] = []

    def noted(request: ModelRequest[Any]) -> dict[str, Any] | None:
        asked.append(request.purpose.task)
        return answer(request)

    return drive(skeleton_program(spec(), TOOLS, settings, **more), noted), asked


def rightly(request: ModelRequest[Any]) -> dict[str, Any]:
    if request.purpose.task == "trajectory":
        return BOTH
    return FIRST if '"index": 0' in request.messages[1].content.partition("<sub_task>")[2] else SECOND


@pytest.mark.parametrize("settings", [AUTO, WHOLE, BY_SUB_TASK])
def test_both_manners_give_the_same_sound_skeleton(settings: Settings) -> None:
    skeleton, asked = made(settings, rightly)
    assert isinstance(skeleton, Skeleton)
    assert asked == (["sub_trajectory"] * 2 if settings is BY_SUB_TASK else ["trajectory"])
    assert skeleton.written == ("by_sub_task" if settings is BY_SUB_TASK else "whole")
    assert not skeleton.whole_fault
    dialogue = skeleton.to_dialogue()
    assert structure_faults(dialogue.turns) == []
    assert [turn.id for turn in dialogue.turns] == [f"t{n:02d}" for n in range(10)]
    assert [turn.sub_task for turn in dialogue.turns] == [0] * 6 + [1] * 4
    assert [sum(turn.is_call for turn in part.turns) for part in skeleton.sub_trajectories] == [2, 1]
    assert [part.turns for part in skeleton.sub_trajectories] == [
        part.turns
        for part in made(BY_SUB_TASK, rightly)[0].sub_trajectories  # pyright: ignore[reportAttributeAccessIssue]
    ]


def test_by_sub_task_each_request_shows_the_earlier_sub_trajectories() -> None:
    seen: list[int] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        seen.append(request.messages[1].content.count('"role": "user"'))
        return rightly(request)

    made(BY_SUB_TASK, answer)
    assert seen == [0, 1]


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a sub-trajectory too few": ({"sub_trajectories": [FIRST]}, "skeleton.sub_trajectories"),
    "a step too few": ({"sub_trajectories": [FIRST | {"steps": [FIND]}, SECOND]}, "skeleton.steps"),
    "a step too many": ({"sub_trajectories": [FIRST, SECOND | {"steps": [RATE, RATE]}]}, "skeleton.steps"),
    "a blank query": ({"sub_trajectories": [FIRST, SECOND | {"query": " "}]}, "skeleton.empty"),
    "two calls and one output": (
        {"sub_trajectories": [FIRST, SECOND | {"steps": [RATE | {"calls": RATE["calls"] * 2}]}]},
        "skeleton.outputs",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_whole_is_made_good_by_sub_task_or_asked_for_again_and_rejected(name: str) -> None:
    broken, check = BROKEN[name]

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        return broken if request.purpose.task == "trajectory" else rightly(request)

    skeleton, asked = made(AUTO, answer)
    assert isinstance(skeleton, Skeleton)
    assert asked == ["trajectory", "sub_trajectory", "sub_trajectory"]
    assert skeleton.written == "by_sub_task"
    assert skeleton.whole_fault

    prompts: list[str] = []

    def again(request: ModelRequest[Any]) -> dict[str, Any]:
        prompts.append(request.messages[1].content)
        return broken

    rejected, asked = made(WHOLE, again)
    assert isinstance(rejected, Rejection)
    assert rejected.check == check
    assert asked == ["trajectory", "trajectory"]
    assert "<fault>" not in prompts[0]
    assert rejected.reason in prompts[1]


def test_a_sub_trajectory_of_broken_structure_is_asked_for_again_with_the_reason_and_then_rejected() -> None:
    broken = FIRST | {"steps": [FIND, BOOK | {"outputs": BOOK["outputs"] * 2}]}
    prompts: list[str] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        prompts.append(request.messages[1].content)
        return broken if len(prompts) == 1 else rightly(request)

    skeleton, _ = made(BY_SUB_TASK, answer)
    assert isinstance(skeleton, Skeleton)
    assert "each call needs one" in prompts[1]
    rejected, asked = made(BY_SUB_TASK, lambda _: broken)
    assert isinstance(rejected, Rejection)
    assert rejected.check == "skeleton.outputs"
    assert len(asked) == 2


def failing(settings: Settings, kind: str, *, permanent: bool = False) -> list[str]:
    """Tasks asked when the first call fails; what fails the row is raised."""
    asked: list[str] = []
    program = skeleton_program(spec(), TOOLS, settings)
    requests: Any = next(program)
    try:
        while True:
            asked.append(requests[0].purpose.task)
            error = CallError(kind=kind, message="no", permanent=permanent)
            good = requests[0].reply_type.model_validate(rightly(requests[0]))
            result = (
                ModelResult[Any]("c-1", None, error)
                if requests[0].purpose.task == "trajectory"
                else ModelResult[Any]("c-2", good)
            )
            requests = program.send([result])
    except StopIteration:
        return asked


def test_a_whole_reply_that_cannot_be_read_is_made_good_by_sub_task_and_a_fault_of_the_endpoint_is_not() -> None:
    for kind in ("truncated", "malformed", "schema"):
        assert failing(AUTO, kind) == ["trajectory", "sub_trajectory", "sub_trajectory"]
    for settings, kind, permanent in (
        (AUTO, "timeout", False),
        (AUTO, "auth", True),
        (AUTO, "refused", True),
        (WHOLE, "truncated", False),
    ):
        with pytest.raises(CallFailed):
            failing(settings, kind, permanent=permanent)


def long(steps: int) -> TaskSpec:
    """A task of one sub-task with so many steps."""
    return spec().model_copy(update={"sub_tasks": (SubTask(index=0, goal="x", tools=("find_garage",), steps=steps),)})


def test_auto_looks_at_length_at_the_record_and_at_real_tools() -> None:
    nothing: frozenset[str] = frozenset()
    limited = Settings(whole_limit=3 * len(TOOLS))
    assert is_written_whole(long(3), limited, nothing, WholeRecord())
    assert not is_written_whole(long(4), limited, nothing, WholeRecord())
    assert is_written_whole(long(4), Settings(trajectory="whole", whole_limit=0), nothing, WholeRecord(9, 9))
    short_replies = Settings(llm=ModelSettings(max_tokens=3 * STEP_TOKENS))
    assert is_written_whole(long(3), short_replies, nothing, WholeRecord())
    assert not is_written_whole(long(4), short_replies, nothing, WholeRecord())
    assert is_written_whole(long(3), AUTO, nothing, WholeRecord(4, 4)), "four are too few to judge by"
    assert is_written_whole(long(3), AUTO, nothing, WholeRecord(6, 3))
    assert not is_written_whole(long(3), AUTO, nothing, WholeRecord(6, 4))
    for settings in (AUTO, WHOLE):
        assert not is_written_whole(long(3), settings, frozenset({"find_garage"}), WholeRecord())
        assert is_written_whole(long(3), settings, frozenset({"rate_garage"}), WholeRecord()), "not needed by the task"


def advice(reply: dict[str, Any], sub_task: int = 0, **changes: Any) -> str | None:
    task = spec().model_copy(update=changes)
    return sub_trajectory_advice(
        SubTrajectoryReply.model_validate(reply), sub_task=task.sub_tasks[sub_task], spec=task, tools=TOOLS, said=""
    )


def test_the_model_is_told_what_to_mend() -> None:
    assert advice(FIRST) is None
    unsaid = advice(FIRST | {"query": "A garage on Tuesday, please."})
    assert unsaid is not None
    assert "city: Ghent" in unsaid
    unused = advice(FIRST | {"steps": [FIND, FIND]})
    assert unused is not None
    assert "book_service" in unused
    steps = advice(FIRST | {"steps": [FIND]})
    assert steps is not None
    assert "1 steps where it has 2" in steps
    whole = TrajectoryReply.model_validate({"sub_trajectories": [SECOND, SECOND]})
    told = trajectory_advice(whole, spec=spec(), tools=TOOLS)
    assert told is not None
    assert trajectory_fault(whole, spec()) is not None
    assert trajectory_advice(TrajectoryReply.model_validate(BOTH), spec=spec(), tools=TOOLS) is None


def sub_task_with(value: Any) -> SubTask:
    return SubTask(index=0, goal="x", tools=("find_garage",), steps=1, details=(Detail(name="v", value=value),))


@pytest.mark.parametrize(
    ("value", "said", "missing"),
    [
        ("Dok Noord Motors", "the one at dok noord", False),
        ("Dok Noord Motors", "any garage", True),
        ("LM-40871", "my card is lm-40871", False),
        ("LM-40871", "my card is LM-40872", True),
        (1250, "up to 1,250 euros", False),
        (1250, "up to 1.250 Euro", False),
        (12.75, "12,75 Euro", False),
        (1250, "up to 1350 euros", True),
        (3, "for the three of us", False),
        ("2026-07-14", "on Tuesday", False),
        ("09:30", "half past nine", False),
        (True, "no matter", False),
        ({"adults": 2, "code": "XK-88"}, "two of us", True),
    ],
)
def test_what_counts_as_said(value: Any, said: str, missing: bool) -> None:
    found = unsaid_values(sub_task_with(value), [value], said, TOOLS, "English")
    assert bool(found) == missing


def test_values_that_no_call_takes_and_words_in_other_languages_need_not_be_said() -> None:
    assert unsaid_values(sub_task_with("Ghent"), ["Bruges"], "hi", TOOLS, "English") == []
    assert unsaid_values(sub_task_with("brakes"), ["brakes"], "die Bremsen", TOOLS, "German") == []
    assert unsaid_values(sub_task_with("Ghent"), ["Ghent"], "in der Stadt", TOOLS, "German") == ["v: Ghent"]
    assert unsaid_values(sub_task_with("K-1938"), ["K-1938"], "hallo", TOOLS, "German") == ["v: K-1938"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner)))
def test_a_value_said_word_for_word_is_never_missed(value: Any) -> None:
    said = " ".join(str(leaf) for leaf in flat(value))
    assert unsaid_values(sub_task_with(value), [value], said, TOOLS, "English") == []


def flat(value: Any) -> list[Any]:
    return [leaf for inner in value for leaf in flat(inner)] if isinstance(value, list) else [value]
