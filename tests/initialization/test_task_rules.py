"""Rules on written tasks: each catches its fault, and sound tasks pass."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import BOOK, FIND, RATE, drive, tool
from tests.offline_model.drive import ask
from toolace_dagster.entities import Rejection, Slot, SubTaskPlan, Taken, TaskPlan
from toolace_dagster.initialization.replies import TaskSpecReply
from toolace_dagster.initialization.sampling import PlanSampler, offered_tools
from toolace_dagster.initialization.task_initialization import task_program
from toolace_dagster.initialization.task_rules import task_faults
from toolace_dagster.llm.offline import OfflineModel
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.prompts.views import plan_view, tools_view
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import find_links, load_pool

MOVE = tool("move_booking", {"booking_id": {"type": "string"}, "date": {"type": "string", "format": "date"}}, [])
MOVE = MOVE.model_copy(update={"parameters": {**MOVE.parameters, "required": ["booking_id", "date"]}})
GARAGE = {"type": "object", "properties": {"garage_id": {"type": "string"}}}
FOUND = {"type": "object", "properties": {"garages": {"type": "array", "items": GARAGE}}}
BOOKED = {"type": "object", "properties": {"booking_id": {"type": "string"}}}
FIND, BOOK = FIND.model_copy(update={"result": FOUND}), BOOK.model_copy(update={"result": BOOKED})
RATE, MOVE = (t.model_copy(update={"result": {"type": "object", "properties": {}}}) for t in (RATE, MOVE))
TOOLS = {t.name: t for t in (FIND, BOOK, RATE, MOVE)}
PLAN = TaskPlan(
    slot=Slot(domain="garages", number=0, seed=0),
    sub_tasks=(
        SubTaskPlan(tools=("find_garage", "book_service"), steps=2),
        SubTaskPlan(
            tools=("move_booking",),
            steps=1,
            takes=(Taken(tool="move_booking", parameter="booking_id", source="book_service", sub_task=0),),
        ),
    ),
    distractors=("rate_garage",),
    persona="dry",
)
SOUND: dict[str, Any] = {
    "scenario": "A van needs brakes.",
    "sub_tasks": [
        {
            "goal": "A garage in Ghent takes the van.",
            "details": [{"name": "city", "value": "Ghent"}, {"name": "date", "value": "2026-07-14"}],
            "tools": ["find_garage", "book_service"],
            "steps": 2,
        },
        {
            "goal": "It should be a day earlier.",
            "details": [{"name": "date", "value": "2026-07-13"}],
            "tools": ["move_booking"],
            "steps": 1,
        },
    ],
}


def checks(reply: dict[str, Any], plan: TaskPlan = PLAN) -> list[str]:
    return [fault.check for fault in task_faults(TaskSpecReply.model_validate(reply), plan, TOOLS)]


def changed(sub_task: int, **changes: Any) -> dict[str, Any]:
    reply = copy.deepcopy(SOUND)
    reply["sub_tasks"][sub_task] |= changes
    return reply


def detail(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "value": value}


CITY, DATE = detail("city", "Ghent"), detail("date", "2026-07-14")


@pytest.mark.parametrize(
    ("reply", "check"),
    [
        ({**SOUND, "sub_tasks": SOUND["sub_tasks"][:1]}, "task.sub_task_count"),
        (changed(0, tools=["find_garage", "fly"]), "task.unknown_tool"),
        (changed(1, tools=["rate_garage"]), "task.tools"),
        (changed(0, steps=3), "task.steps"),
        (changed(0, goal="Use find_garage for Ghent."), "task.tool_named"),
        (changed(0, goal="Rate it with rate_garage."), "task.tool_named"),
        ({**SOUND, "scenario": "Somebody calls book_service."}, "task.tool_named"),
        (changed(1, goal="A garage in Ghent takes the van!"), "task.same_sub_task"),
        (changed(0, details=[DATE]), "task.missing_value"),
        (changed(0, details=[]), "task.missing_value"),
        (changed(1, details=[detail("booking_id", "BK-1"), detail("date", "2026-07-13")]), "task.made_up_result"),
        (changed(0, details=[CITY, detail("date", "next Tuesday")]), "task.invalid_value"),
        (changed(0, details=[detail("city", 7), DATE]), "task.invalid_value"),
        (changed(0, details=[detail("city", "Your city"), DATE]), "task.placeholder"),
        (changed(0, details=[detail("city", "<city>"), DATE]), "task.placeholder"),
        (changed(0, details=[CITY, DATE, detail("name", "John Doe")]), "task.placeholder"),
    ],
)
def test_each_rule_catches_its_fault(reply: dict[str, Any], check: str) -> None:
    assert checks(SOUND) == []
    assert check in checks(reply)


def test_faults_against_the_plan_come_alone() -> None:
    assert checks(changed(0, steps=3, details=[])) == ["task.steps"]


def plan_of(*sub_tasks: SubTaskPlan) -> TaskPlan:
    return PLAN.model_copy(update={"sub_tasks": sub_tasks})


def test_a_sub_task_that_needs_no_call() -> None:
    again = changed(1, goal="The same list, please.", details=[], tools=["find_garage"], steps=1)
    first = PLAN.sub_tasks[0]
    same = SubTaskPlan(tools=("find_garage",), steps=1)
    assert checks(again, plan_of(first, same)) == ["task.no_call_needed"]
    worth_it = same.model_copy(update={"again": ("find_garage",)})
    assert checks(again, plan_of(first, worth_it)) == []
    elsewhere = changed(1, details=[detail("city", "Bruges")], tools=["find_garage"], steps=1)
    assert checks(elsewhere, plan_of(first, same)) == []


def test_what_counts_as_a_source() -> None:
    assert checks(changed(0, details=[detail("city_2", "Ghent"), detail("visitDate", "14 July")])) == []
    assert checks(changed(1, details=[])) == [], "the date was given before"
    bringing = PLAN.sub_tasks[0].model_copy(update={"from_user": {"book_service": ("garage_id",)}})
    brought = plan_of(bringing, PLAN.sub_tasks[1])
    assert checks(SOUND, brought) == ["task.missing_value"], "results don't count for what the user has to bring"
    card = changed(0, details=[CITY, DATE, detail("garage_id", "GR-7")])
    assert checks(card, brought) == []


OPTION = PLAN.sub_tasks[0].model_copy(update={"options": {"find_garage": "limit"}})


@pytest.mark.parametrize(
    ("changes", "language", "found"),
    [
        ({}, "English", ["task.option_unused"]),
        ({}, "Dutch", []),
        ({"details": [CITY, DATE, detail("limit", 2)]}, "English", []),
        ({"details": [CITY, DATE, detail("how many", 2)]}, "English", []),
        ({"goal": "A garage in Ghent takes the van; the list is limited to two."}, "English", []),
    ],
)
def test_an_optional_parameter_of_the_plan_has_to_come_up(
    changes: dict[str, Any], language: str, found: list[str]
) -> None:
    plan = plan_of(OPTION, PLAN.sub_tasks[1]).model_copy(update={"language": language})
    assert checks(changed(0, **changes), plan) == found


def test_an_optional_parameter_that_does_not_come_up_is_told_and_rejects_nothing() -> None:
    prompts: list[str] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        prompts.append(request.messages[1].content)
        return SOUND

    made = drive(task_program(plan_of(OPTION, PLAN.sub_tasks[1]), TOOLS, Settings()), answer)
    assert len(made.sub_tasks) == 2
    assert ["use limit of find_garage" in prompt for prompt in prompts] == [False, True]


def test_the_model_is_told_all_faults_once_and_then_the_row_is_rejected() -> None:
    prompts: list[str] = []
    bad = changed(0, details=[detail("city", "TBD")])

    def answer(request: ModelRequest[Any]) -> dict[str, Any]:
        prompts.append(request.messages[1].content)
        return bad

    rejected = drive(task_program(PLAN, TOOLS, Settings()), answer)
    assert isinstance(rejected, Rejection)
    assert rejected.check == "task.missing_value"
    assert len(prompts) == 2
    assert "needs date" in prompts[1]
    assert "TBD" in prompts[1]
    result = drive(task_program(PLAN, TOOLS, Settings()), lambda _: SOUND)
    assert [sub_task.builds_on for sub_task in result.sub_tasks] == [(), (0,)]


VALUES = st.none() | st.integers() | st.text(max_size=12) | st.lists(st.text(), max_size=2)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=12), VALUES), max_size=4),
    st.text(min_size=1, max_size=30),
)
def test_rules_never_fail_on_what_a_model_writes(details: list[tuple[str, Any]], goal: str) -> None:
    reply = changed(0, details=[detail(name, value) for name, value in details], goal=goal)
    assert all(check.startswith("task.") for check in checks(reply))


POOL = load_pool(Settings().pool)


@pytest.mark.parametrize("name", [domain.name for domain in POOL.domains])
def test_sound_tasks_pass(name: str) -> None:
    """What the offline model writes without mistakes is sound, so a fault found in it would be the rules' own."""
    found = POOL.domain(name)
    sampler = PlanSampler(found.tools, find_links(found.tools), Settings(), found.borrowed)
    tools = {t.name: t for t in (*found.tools, *found.borrowed)}
    for number in range(8):
        plan = sampler.plan(Slot(domain=name, number=number, seed=3))
        shown = tools_view(offered_tools(plan), tools)
        reply = ask(OfflineModel(0), "task_spec", number, tools=shown, plan=plan_view(plan), fault=None)
        assert task_faults(TaskSpecReply.model_validate(reply), plan, tools) == []
