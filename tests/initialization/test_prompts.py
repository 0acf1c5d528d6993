"""Prompts of stage 1: what they show, what stays the same between requests, and what a version is."""

from __future__ import annotations

import datetime as dt
import re
import sys
from itertools import pairwise
from typing import Any

import pytest

from tests.builders import TOOLS, drive, spec
from tests.initialization.test_trajectories import rightly
from toolace_dagster.entities import Register, Slot, SubTaskPlan, Taken, TaskPlan
from toolace_dagster.initialization.personas import PERSONAS, REGISTERS, draw_user
from toolace_dagster.initialization.trajectory_initialization import skeleton_program
from toolace_dagster.llm.protocol import Message, ModelRequest
from toolace_dagster.prompts import PROMPT_NAMES, prompt_hash, render
from toolace_dagster.prompts.render import prompt_text
from toolace_dagster.prompts.views import plan_view, task_view, user_view
from toolace_dagster.settings import Days, Settings

PLAN = TaskPlan(
    slot=Slot(domain="garages", number=0, seed=0),
    sub_tasks=(
        SubTaskPlan(tools=("find_garage",), steps=2, again=("find_garage",)),
        SubTaskPlan(
            tools=("book_service",),
            steps=1,
            takes=(Taken(tool="book_service", parameter="garage_id", source="find_garage", sub_task=0),),
            from_user={"book_service": ("plate",)},
        ),
    ),
    persona="a courier",
    manner=REGISTERS[Register.TERSE],
    language="Dutch",
    today=dt.date(2026, 7, 10),
)


def text(messages: tuple[Message, ...]) -> str:
    return "\n".join(message.content for message in messages)


def shared(first: str, second: str) -> float:
    """The share of the first text that the second begins with."""
    alike = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), len(first))
    return alike / len(first)


def test_a_plan_says_what_builds_on_what_and_who_asks() -> None:
    shown = plan_view(PLAN)
    assert shown["today"] == "Friday, 2026-07-10"
    assert (shown["persona"], shown["manner"], shown["language"]) == ("a courier", REGISTERS[Register.TERSE], "Dutch")
    taken = {"parameter": "book_service.garage_id", "result_of": "find_garage", "in_sub_task": 0}
    assert shown["sub_tasks"] == [
        {"tools": ["find_garage"], "steps": 2, "again": ["find_garage"]},
        {"tools": ["book_service"], "steps": 1, "takes": [taken], "user_brings": {"book_service": ("plate",)}},
    ]
    assert PLAN.sub_tasks[1].builds_on == (0,)
    assert "today" not in user_view(PLAN.model_copy(update={"today": None}))
    assert task_view(spec().model_copy(update={"today": PLAN.today, "manner": "terse"}))["today"] == shown["today"]


def requests(settings: Settings) -> list[str]:
    """The prompts of one skeleton, in the order they are asked."""
    seen: list[str] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any] | None:
        seen.append(text(request.messages))
        broken = request.purpose.task == "trajectory" and settings.trajectory == "auto"
        return {"sub_trajectories": [rightly(request)["sub_trajectories"][0]]} if broken else rightly(request)

    drive(skeleton_program(spec(), TOOLS, settings), answer)
    return seen


def test_successive_requests_of_a_dialogue_share_all_but_their_ends() -> None:
    by_sub_task = requests(Settings(trajectory="by_sub_task"))
    after_whole = requests(Settings())
    assert (len(by_sub_task), len(after_whole)) == (2, 3)
    for seen in (by_sub_task, after_whole):
        for first, second in pairwise(seen):
            assert shared(first, second) >= 0.93, "an endpoint has the rest in its prompt cache"
    # What differs between dialogues comes after all that does not.
    system = render("task_spec", tools=[], plan=plan_view(PLAN), fault=None)[0].content
    assert system == render("task_spec", tools=[{"name": "x"}], plan={}, fault="no")[0].content
    again = [text(render("task_spec", tools=[], plan=plan_view(PLAN), fault=fault)) for fault in (None, "Too short.")]
    assert shared(*again) >= 0.99


@pytest.mark.parametrize("name", ["task_spec", "trajectory", "sub_trajectory", "correction"])
def test_every_tag_of_a_prompt_stands_on_a_line_of_its_own(name: str) -> None:
    source = re.sub(r'\{% include "([^"]+)" %\}', lambda found: prompt_text(found[1]), prompt_text(f"{name}.md.j2"))
    tags = set(re.findall(r"^<([a-z_]+)>$", source, re.MULTILINE))
    assert "tools" in tags
    values: dict[str, Any] = {
        "tools": [],
        "earlier": [],
        "dialogue": [],
        "trajectory": [],
        "task": {"sub_tasks": []},
        "plan": {},
    }
    rendered = render(name, **values, sub_task={}, last=False, fault="no")[1].content
    for tag in tags:
        assert re.search(rf"^<{tag}>$", rendered, re.MULTILINE), tag
        assert re.search(rf"^</{tag}>$", rendered, re.MULTILINE), tag


def test_a_version_covers_included_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: prompt_hash(name) for name in PROMPT_NAMES}
    assert len(set(before.values())) == len(PROMPT_NAMES)
    module: Any = sys.modules[prompt_text.__module__]
    source = module._source

    def changed(name: str) -> str:
        return source(name) + (" " if name == "_user.md.j2" else "")

    monkeypatch.setattr(module, "_source", changed)
    prompt_hash.cache_clear()
    try:
        moved = {name for name in PROMPT_NAMES if prompt_hash(name) != before[name]}
    finally:
        monkeypatch.undo()
        prompt_hash.cache_clear()
    assert {"trajectory", "sub_trajectory"} <= moved
    assert "task_spec" not in moved


def users(settings: Settings, number: int) -> list[Any]:
    return [draw_user(Slot(domain="d", number=n, seed=0), settings) for n in range(number)]


def test_users_differ_and_come_up_by_their_weights() -> None:
    drawn = users(Settings(languages={"English": 3, "German": 1}), 64)
    assert sorted({user.persona for user in drawn[:32]}) == sorted(PERSONAS), "each once a round"
    assert len({(user.persona, user.manner) for user in drawn}) >= 56
    assert 14 <= sum(user.language == "German" for user in drawn) <= 18
    assert {user.manner for user in drawn} == set(REGISTERS.values())
    days = [user.today for user in drawn]
    assert len(set(days)) > 40
    assert all(day is not None and dt.date(2026, 1, 5) <= day <= dt.date(2026, 12, 18) for day in days)
    assert users(Settings(), 8) == users(Settings(), 8)


def test_settings_of_users() -> None:
    day = dt.date(2025, 5, 1)
    chosen = Settings(personas=("a diver",), registers={Register.TERSE: 1}, today=Days(first=day, last=day))
    (user,) = users(chosen, 1)
    assert (user.persona, user.manner, user.today) == ("a diver", REGISTERS[Register.TERSE], dt.date(2025, 5, 1))
    assert users(Settings(today=None), 1)[0].today is None
    assert Settings.model_validate({"languages": "English, German"}).languages == {"English": 1.0, "German": 1.0}
    for bad in ({"languages": {"English": 0}}, {"languages": [""]}, {"registers": {"rude": 1}}, {"personas": ["a\nb"]}):
        with pytest.raises(ValueError, match=r"languages|registers|personas"):
            Settings.model_validate(bad)
    with pytest.raises(ValueError, match="empty"):
        Days(first=dt.date(2025, 5, 2), last=dt.date(2025, 5, 1))


def test_the_weights_of_a_range_are_its_distribution() -> None:
    weighed = Settings.model_validate({"steps": {"low": 1, "high": 6, "weights": {"2": 1, "4": 3}}})
    assert weighed.steps.weights == {2: 1, 4: 3}
    for weights in ({7: 1}, {2: 0}):
        with pytest.raises(ValueError, match="weights"):
            Settings.model_validate({"steps": {"low": 1, "high": 6, "weights": weights}})
