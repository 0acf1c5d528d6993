"""Small, sound entities for tests, and a driver that answers row programs without a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolace_dagster.entities import (
    Detail,
    Dialogue,
    InjectionType,
    Origin,
    Provenance,
    SubTask,
    TaskSpec,
    Tool,
    ToolCall,
    ToolOutput,
    Turn,
)
from toolace_dagster.execution.protocol import Outcome, ToolRun, ToolRunResult
from toolace_dagster.llm.protocol import CallError, ModelRequest, ModelResult, Program

START = Origin(operation="trajectory_initialization")


def tool(name: str, parameters: dict[str, Any], required: list[Any], result: dict[str, Any] | None = None) -> Tool:
    """A tool of the test domain."""
    return Tool(
        name=name,
        description=f"{name.replace('_', ' ')}.",
        parameters={
            "type": "object",
            "properties": parameters,
            "required": required,
            "additionalProperties": False,
        },
        result=result,
        domain="garages",
        provenance=Provenance(source="garages.json"),
    )


def redescribed(old: Tool, text: str) -> Tool:
    """The same tool with another description, and so another version."""
    return Tool.model_validate({**old.model_dump(), "description": text})


FIND = tool("find_garage", {"city": {"type": "string"}, "limit": {"type": "integer", "default": 5}}, ["city"])
BOOK = tool(
    "book_service",
    {"garage_id": {"type": "string"}, "date": {"type": "string", "format": "date"}},
    ["garage_id", "date"],
)
RATE = tool("rate_garage", {"garage_id": {"type": "string"}, "stars": {"type": "integer"}}, ["garage_id", "stars"])
TOOLS = {t.name: t for t in (FIND, BOOK, RATE)}


def user(turn_id: str, content: str, sub_task: int = 0, **more: Any) -> Turn:
    """A user turn."""
    return Turn(id=turn_id, role="user", sub_task=sub_task, content=content, **{"origin": START, **more})


def reply(turn_id: str, content: str, sub_task: int = 0, **more: Any) -> Turn:
    """An assistant's reply."""
    return Turn(id=turn_id, role="assistant", sub_task=sub_task, content=content, **{"origin": START, **more})


def call(turn_id: str, name: str, arguments: dict[str, Any], sub_task: int = 0, **more: Any) -> Turn:
    """An assistant turn with one call."""
    calls = (ToolCall(id=f"call_{turn_id}", name=name, arguments=arguments),)
    return Turn(id=turn_id, role="assistant", sub_task=sub_task, tool_calls=calls, **{"origin": START, **more})


def output(turn_id: str, of: Turn, content: Any, *, is_error: bool = False, **more: Any) -> Turn:
    """The tool turn that answers a call turn."""
    outputs = tuple(ToolOutput(call_id=c.id, name=c.name, content=content, is_error=is_error) for c in of.tool_calls)
    return Turn(id=turn_id, role="tool", sub_task=of.sub_task, outputs=outputs, **{"origin": START, **more})


def garage_turns() -> tuple[Turn, ...]:
    """Two sub-tasks: find and book a garage, then rate it."""
    find = call("t01", "find_garage", {"city": "Ghent"})
    book = call("t03", "book_service", {"garage_id": "GR-771", "date": "2026-07-14"})
    rate = call("t07", "rate_garage", {"garage_id": "GR-771", "stars": 4}, sub_task=1)
    return (
        user("t00", "Find me a garage in Ghent and book it for 14 July 2026."),
        find,
        output("t02", find, {"garages": [{"garage_id": "GR-771", "name": "Dok Noord"}]}),
        book,
        output("t04", book, {"booking_id": "BK-30918", "time": "09:30"}),
        reply("t05", "Dok Noord takes your van at 09:30; the booking is BK-30918."),
        user("t06", "Give them 4 stars, would you?", 1),
        rate,
        output("t08", rate, {"ok": True}),
        reply("t09", "I rated them 4 stars.", 1),
    )


def dialogue(turns: tuple[Turn, ...] | None = None, **more: Any) -> Dialogue:
    """The garage dialogue, or another one over the same tools."""
    fields: dict[str, Any] = {"id": "garages-0000-abcdef", "domain": "garages", "initial_tools": tuple(TOOLS)}
    return Dialogue(turns=garage_turns() if turns is None else turns, **(fields | more))


def spec(injections: tuple[InjectionType, ...] = ()) -> TaskSpec:
    """The task of the garage dialogue."""
    return TaskSpec(
        dialogue_id="garages-0000-abcdef",
        domain="garages",
        scenario="A van needs brakes.",
        persona="dry",
        sub_tasks=(
            SubTask(
                index=0,
                goal="Find a garage in Ghent and book it.",
                details=(Detail(name="city", value="Ghent"), Detail(name="date", value="2026-07-14")),
                tools=("find_garage", "book_service"),
                steps=2,
            ),
            SubTask(index=1, goal="Rate it.", tools=("rate_garage",), steps=1),
        ),
        offered_tools=tuple(TOOLS),
        tool_versions={name: t.fingerprint for name, t in TOOLS.items()},
        injections=injections,
    )


def drive(
    program: Program[Any],
    answer: Callable[[ModelRequest[Any]], dict[str, Any] | None],
    execute: Callable[[ToolRun], tuple[Outcome, ...]] | None = None,
) -> Any:
    """Run a row program to its end.

    Args:
        program: The program.
        answer: Gives the reply of each request as JSON; None is a failed call.
        execute: Runs tools.
    """
    try:
        requests = next(program)
        while True:
            results: list[ModelResult[Any] | ToolRunResult] = []
            for index, request in enumerate(requests):
                if isinstance(request, ToolRun):
                    assert execute is not None, "nothing was said of running tools"
                    results.append(ToolRunResult(outcomes=execute(request)))
                    continue
                given = answer(request)
                if given is None:
                    error = CallError(kind="refused", message="no")
                    results.append(ModelResult(call_id=f"c-{index}", reply=None, error=error))
                else:
                    parsed = request.reply_type.model_validate(given)
                    results.append(ModelResult(call_id=f"c-{index}", reply=parsed))
            requests = program.send(results)
    except StopIteration as end:
        return end.value
