"""Who speaks when, what tools answer, and when a simulation ends; the agents are scripted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.builders import TOOLS, drive, spec
from toolace_dagster.entities import (
    Complication,
    Detail,
    InjectionSubType,
    InjectionType,
    SimulatedDialogue,
    TaskSpec,
    structure_faults,
)
from toolace_dagster.execution.protocol import Outcome, ToolRun
from toolace_dagster.llm.protocol import CallFailed, ModelRequest
from toolace_dagster.prompts.render import PROMPT_NAMES
from toolace_dagster.settings import Settings
from toolace_dagster.simulation.agents import AGENT_TASKS
from toolace_dagster.simulation.complications import for_assistant, for_tools, for_user, plan_complications
from toolace_dagster.simulation.program import simulation_program

GARAGE = {"garages": [{"garage_id": "GR-771", "name": "Dok Noord"}]}
FIND = {"tool_calls": [{"name": "find_garage", "arguments": {"city": "Ghent"}}]}
BOOK = {"tool_calls": [{"name": "book_service", "arguments": {"garage_id": "GR-771", "date": "2026-07-14"}}]}
RATE = {"tool_calls": [{"name": "rate_garage", "arguments": {"garage_id": "GR-771", "stars": 4}}]}
ASKED = {"sub_task": 0, "content": "A garage in Ghent for 2026-07-14, please.", "stated": []}
RATED = {"sub_task": 1, "content": "Give them 4 stars.", "stated": []}
DONE = {"done": True}
BOOKED = {"content": "Dok Noord takes your van."}
THANKED = {"content": "They have 4 stars now."}

Script = dict[str, list[dict[str, Any] | None]]


def usual() -> Script:
    """What the agents say where nothing goes wrong."""
    return {
        "simulated_user": [ASKED, RATED, DONE],
        "simulated_assistant": [FIND, BOOK, BOOKED, RATE, THANKED],
        "simulated_tool": [outputs(GARAGE), outputs({"booking_id": "BK-1"}), outputs({"ok": True})],
    }


def outputs(*contents: Any, **more: Any) -> dict[str, Any]:
    return {"outputs": [{"content": content, "is_error": more.pop("is_error", False)} for content in contents], **more}


def played(
    script: Script,
    task: TaskSpec | None = None,
    execute: Callable[[ToolRun], tuple[Outcome, ...]] | None = None,
    **settings: Any,
) -> tuple[SimulatedDialogue, list[ModelRequest[Any]]]:
    """The dialogue and all requests; an agent whose script is out says its last words again."""
    asked: list[ModelRequest[Any]] = []

    def answer(request: ModelRequest[Any]) -> dict[str, Any] | None:
        asked.append(request)
        lines = script[request.purpose.task]
        return lines.pop(0) if len(lines) > 1 else lines[0]

    real = frozenset(TOOLS) if execute else frozenset[str]()
    return drive(simulation_program(task or spec(), TOOLS, Settings(**settings), real), answer, execute), asked


def with_complications(*sub_types: InjectionSubType) -> TaskSpec:
    kinds = tuple(each.type for each in sub_types)
    return spec().model_copy(update={"injections": kinds, "sub_types": sub_types})


def test_agents_take_turns_and_the_user_ends_it() -> None:
    simulated, asked = played(usual())
    dialogue = simulated.dialogue
    assert (simulated.stop, simulated.rejection) == ("done", None)
    assert structure_faults(dialogue.turns) == []
    roles = ["user", "assistant", "tool", "assistant", "tool", "assistant", "user", "assistant", "tool", "assistant"]
    assert [turn.role for turn in dialogue.turns] == roles
    assert [turn.sub_task for turn in dialogue.turns] == [0] * 6 + [1] * 4
    assert {turn.origin.operation for turn in dialogue.turns} == {"simulation"}
    assert [request.purpose.task.removeprefix("simulated_") for request in asked] == [*roles, "user"]


def test_prompts_only_grow_at_their_end() -> None:
    """What an agent was shown before stands at the beginning of what it is shown now, so that caches serve it."""
    _, asked = played(usual())
    for task in AGENT_TASKS:
        prompts = [request.messages for request in asked if request.purpose.task == task]
        for (system, before), (same, now) in pairwise(prompts):
            assert system == same
            kept = before.content.partition("\n]\n</dialogue>")[0].removesuffix("\n")
            assert now.content.startswith(kept)
    assert set(AGENT_TASKS) <= set(PROMPT_NAMES)


def test_no_agent_sees_what_it_can_not_know() -> None:
    _, asked = played(usual())
    shown = {task: [r.messages[1].content for r in asked if r.purpose.task == task][-1] for task in AGENT_TASKS}
    assert "find_garage" not in shown["simulated_user"], "the user knows no tools"
    assert "BK-1" not in shown["simulated_user"], "nor results that nobody told"
    assert "A van needs brakes." not in shown["simulated_assistant"], "the assistant does not know the task"
    assert "Rate it." not in shown["simulated_assistant"]
    assert "Give them 4 stars." not in shown["simulated_tool"]


@pytest.mark.parametrize(
    ("changes", "stop", "check", "turns"),
    [
        ({"simulated_assistant": [FIND]}, "repetition", "simulation.repetition", 6),
        ({"simulated_user": [ASKED], "simulated_assistant": [BOOKED]}, "repetition", "simulation.repetition", 5),
        ({"simulated_user": [{"content": " "}]}, "unusable", "simulation.user", 0),
        ({"simulated_user": [DONE]}, "unusable", "simulation.user", 0),
        ({"simulated_user": [{"sub_task": 7, "content": "Hello?"}]}, "unusable", "simulation.user", 0),
        ({"simulated_user": [None]}, "unusable", "simulation.user", 0),
        ({"simulated_assistant": [{"content": ""}]}, "unusable", "simulation.assistant", 1),
        ({"simulated_tool": [outputs(1, 2)]}, "unusable", "simulation.tool", 2),
    ],
)
def test_it_is_stopped_with_a_reason(changes: Script, stop: str, check: str, turns: int) -> None:
    simulated, asked = played(usual() | changes)
    assert simulated.stop == stop
    assert simulated.rejection is not None
    assert simulated.rejection.check == check
    assert simulated.rejection.reason
    assert len(simulated.dialogue.turns) == turns, "what was played up to there is kept"
    if stop == "unusable" and changes.get("simulated_user") != [None]:
        assert "unusable for the reason" in asked[-1].messages[1].content, "it was asked again with the reason"


def test_it_is_stopped_when_it_grows_too_long() -> None:
    different = [{"tool_calls": [{"name": "find_garage", "arguments": {"city": f"Ghent {n}"}}]} for n in range(9)]
    simulated, _ = played(
        usual() | {"simulated_assistant": [*different], "simulated_tool": [outputs(GARAGE)]}, simulation_turns=8
    )
    assert simulated.stop == "turn_limit"
    assert simulated.rejection is not None
    assert simulated.rejection.evidence == "8"
    assert len(simulated.dialogue.turns) == 8


def test_tools_that_run_for_real_take_the_tool_agents_place() -> None:
    runs: list[list[str]] = []

    def execute(run: ToolRun) -> tuple[Outcome, ...]:
        runs.append([call.tool for call in run.calls])
        return tuple(Outcome(content={"ran": call.tool}, is_error=False) for call in run.calls)

    simulated, asked = played(usual(), execute=execute)
    assert "simulated_tool" not in {request.purpose.task for request in asked}
    assert runs == [["find_garage"], ["find_garage", "book_service"], ["find_garage", "book_service", "rate_garage"]]
    answered = [output for turn in simulated.dialogue.turns for output in turn.outputs]
    assert [output.content for output in answered] == [{"ran": name} for name in runs[-1]]
    assert {output.source for output in answered} == {"executed"}


def test_a_planned_failure_is_never_run_for_real() -> None:
    task = with_complications(InjectionSubType.SERVICE_ERROR)
    script = usual()
    failing = outputs({"error": "down"}, is_error=True, complication="service_error")
    (planned,) = plan_complications(task, TOOLS, Settings())
    if planned.sub_task == 0:
        script["simulated_assistant"].insert(1, FIND | {"content": "It was down, so once more."})
    else:
        script["simulated_assistant"].insert(4, RATE | {"content": "It was down, so once more."})
    script["simulated_tool"] = [failing]

    def execute(run: ToolRun) -> tuple[Outcome, ...]:
        return tuple(Outcome(content={"ran": call.tool}, is_error=False) for call in run.calls)

    simulated, _ = played(script, task, execute)
    assert simulated.stop == "done"
    sources = [output.source for turn in simulated.dialogue.turns for output in turn.outputs]
    assert sorted(sources) == ["executed"] * 3 + ["injected"]
    (record,) = simulated.dialogue.injections
    assert (record.type, record.sub_type) == (InjectionType.ERROR_SIMULATION, InjectionSubType.SERVICE_ERROR)
    first, failed, again = (simulated.dialogue.turn(turn_id) for turn_id in record.turn_ids)
    assert first.tool_calls[0].arguments == again.tool_calls[0].arguments
    assert failed.outputs[0].is_error
    assert all(turn.origin.sub_type is InjectionSubType.SERVICE_ERROR for turn in (first, failed, again))
    assert simulated.complications[0].played


def test_a_tool_that_arrives_later_is_offered_from_the_message_that_brings_it() -> None:
    task = with_complications(InjectionSubType.TOOL_ARRIVES_LATER)
    (planned,) = plan_complications(task, TOOLS, Settings())
    script = usual()
    wanted = ASKED if planned.sub_task == 0 else RATED
    script["simulated_user"].insert(planned.sub_task, wanted | {"complication": "tool_arrives_later"})
    script["simulated_user"][planned.sub_task + 1] = wanted | {"content": "They switched it on for you, go ahead."}
    script["simulated_assistant"].insert(0 if planned.sub_task == 0 else 3, {"content": "I can't do that."})
    simulated, asked = played(script, task)
    assert simulated.stop == "done"
    assert planned.tool not in simulated.dialogue.initial_tools
    (record,) = simulated.dialogue.injections
    assert simulated.dialogue.turn(record.turn_ids[-1]).tools_added == (planned.tool,)
    before, after = asked[0 if planned.sub_task else 1], asked[-2]
    names = [str(each.narrowed_schema) for each in (before, after) if each.purpose.task == "simulated_assistant"]
    assert f"'{planned.tool}'" in names[-1]
    assert structure_faults(simulated.dialogue.turns) == []


def test_a_clarification_that_the_assistant_does_not_take_up_is_not_logged() -> None:
    task = with_complications(InjectionSubType.MISSING_VALUE)
    script = usual()
    script["simulated_user"][0] = ASKED | {"content": "A garage, please.", "complication": "missing_value"}
    simulated, _ = played(script, task)
    assert simulated.dialogue.injections == ()
    assert [each.played for each in simulated.complications] == [False]
    script = usual()
    script["simulated_user"] = [
        ASKED | {"content": "A garage, please.", "complication": "missing_value"},
        ASKED | {"content": "In Ghent, on 2026-07-14."},
        RATED,
        DONE,
    ]
    script["simulated_assistant"].insert(0, {"content": "In which city?"})
    simulated, _ = played(script, task)
    assert [record.turn_ids for record in simulated.dialogue.injections] == [("t00", "t01", "t02")]


def test_complications_are_told_to_those_who_can_bring_them_about() -> None:
    every = with_complications(*InjectionSubType)
    planned = plan_complications(every, TOOLS, Settings())
    assert planned == plan_complications(every, TOOLS, Settings()), "the same for the same task"
    assert max(sum(each.sub_task == part for each in planned) for part in (0, 1)) <= 2
    some = [
        Complication(sub_type=InjectionSubType.MISSING_VALUE, sub_task=0, detail=Detail(name="city", value="Ghent")),
        Complication(sub_type=InjectionSubType.TOOL_ARRIVES_LATER, sub_task=1, tool="rate_garage"),
        Complication(sub_type=InjectionSubType.INVALID_ARGUMENT, sub_task=0),
        Complication(sub_type=InjectionSubType.SERVICE_ERROR, sub_task=1),
    ]
    assert [each["sub_type"] for each in for_user(some, TOOLS)] == ["missing_value", "tool_arrives_later"]
    assert "rate_garage" not in str(for_user(some, TOOLS)), "a user is given no tool's name"
    assert [each["sub_type"] for each in for_assistant(some)] == ["invalid_argument"]
    assert [each["sub_type"] for each in for_tools(some)] == ["invalid_argument", "service_error"]


def test_faults_of_the_endpoint_are_no_end_of_a_dialogue() -> None:
    def program_with(kind: str) -> None:
        from toolace_dagster.llm.protocol import CallError, ModelResult

        running = simulation_program(spec(), TOOLS, Settings())
        next(running)
        running.send([ModelResult(call_id="c-0", reply=None, error=CallError(kind=kind, message="gone"))])

    with pytest.raises(CallFailed):
        program_with("server")
    with pytest.raises(StopIteration):
        program_with("malformed")
