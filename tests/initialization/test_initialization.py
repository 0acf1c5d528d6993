"""Task plans and task specs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import BOOK, FIND, RATE, TOOLS, drive
from toolace_dagster.entities import InjectionType, Rejection, Slot, SubTaskPlan, TaskPlan
from toolace_dagster.initialization.sampling import PlanSampler, offered_tools
from toolace_dagster.initialization.task_initialization import task_program
from toolace_dagster.settings import Range, Settings
from toolace_dagster.tool_pool import find_links, load_pool

SETTINGS = Settings()
POOL = load_pool(SETTINGS.pool)


def plans(domain: str, number: int, settings: Settings = SETTINGS) -> list[TaskPlan]:
    found = POOL.domain(domain)
    sampler = PlanSampler(found.tools, find_links(found.tools), settings, found.borrowed)
    return [sampler.plan(Slot(domain=domain, number=n, seed=settings.seed)) for n in range(number)]


@pytest.mark.parametrize("domain", [domain.name for domain in POOL.domains])
def test_plans_keep_the_papers_ranges(domain: str):
    for plan in plans(domain, 60):
        assert 2 <= len(plan.sub_tasks) <= 5
        assert all(1 <= sub_task.steps <= 6 for sub_task in plan.sub_tasks)
        assert 1 <= len(plan.injections) <= 3
        assert len(set(plan.injections)) == len(plan.injections)
        assert set(plan.distractors).isdisjoint(plan.needed_tools)
        assert sorted(offered_tools(plan)) == sorted({*plan.needed_tools, *plan.distractors})


def test_plans_are_reproducible_and_differ_by_seed_and_slot():
    once, again = plans("library_lending", 10), plans("library_lending", 10)
    assert once == again
    assert len({plan.model_dump_json() for plan in once}) == 10
    assert plans("library_lending", 10, Settings(seed=1)) != once


def test_settings_move_the_ranges():
    settings = Settings(sub_tasks=Range(low=3, high=3), steps=Range(low=2, high=2), injections=Range(low=0, high=0))
    for plan in plans("museum_visits", 10, settings):
        assert [sub_task.steps for sub_task in plan.sub_tasks] == [2, 2, 2]
        assert plan.injections == ()


PLAN = TaskPlan(
    slot=Slot(domain="garages", number=0, seed=0),
    sub_tasks=(
        SubTaskPlan(tools=("find_garage", "book_service"), steps=2),
        SubTaskPlan(tools=("rate_garage",), steps=1),
    ),
    persona="dry",
    injections=(InjectionType.CLARIFICATION,),
)


def task_reply(**changes: Any) -> dict[str, Any]:
    details = [{"name": "city", "value": "Ghent"}, {"name": "date", "value": "2026-07-14"}]
    first = {"goal": "Find one.", "details": details}
    first |= {"tools": ["find_garage", "book_service"], "steps": 2}
    second = {"goal": "Rate it.", "details": [{"name": "stars", "value": 4}], "tools": ["rate_garage"], "steps": 1}
    return {"scenario": "A van.", "sub_tasks": [first, second]} | changes


def test_a_task_spec_follows_its_plan():
    result = drive(task_program(PLAN, TOOLS, SETTINGS), lambda _: task_reply())
    assert result.dialogue_id == PLAN.slot.dialogue_id
    assert [sub_task.tools for sub_task in result.sub_tasks] == [("find_garage", "book_service"), ("rate_garage",)]
    assert result.tool_versions == {tool.name: tool.fingerprint for tool in (FIND, BOOK, RATE)}
    assert result.injections == PLAN.injections


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"sub_tasks": task_reply()["sub_tasks"][:1]}, "task.sub_task_count"),
        ({"sub_tasks": [task_reply()["sub_tasks"][0] | {"steps": 9}, task_reply()["sub_tasks"][1]]}, "task.steps"),
        (
            {"sub_tasks": [task_reply()["sub_tasks"][0] | {"tools": ["fly"]}, task_reply()["sub_tasks"][1]]},
            "task.unknown_tool",
        ),
        (
            {"sub_tasks": [task_reply()["sub_tasks"][0] | {"goal": "Use find_garage."}, task_reply()["sub_tasks"][1]]},
            "task.tool_named",
        ),
    ],
)
def test_a_task_that_breaks_its_plan_is_asked_for_once_more_with_the_reason(change: dict[str, Any], check: str):
    prompts: list[str] = []

    def answer(request: Any) -> dict[str, Any]:
        prompts.append(request.messages[1].content)
        return task_reply(**change) if len(prompts) == 1 else task_reply()

    assert drive(task_program(PLAN, TOOLS, SETTINGS), answer).scenario == "A van."
    assert "<fault>" not in prompts[0]
    assert "<fault>" in prompts[1]
    rejected = drive(task_program(PLAN, TOOLS, SETTINGS), lambda _: task_reply(**change))
    assert isinstance(rejected, Rejection)
    assert rejected.check == check
    assert rejected.reason
