"""The replies to ``sub_trajectory`` and ``trajectory``: query, steps and reply of one sub-task, or of all.

Belongs here: composing these replies with their mistakes. Does not belong here: how
values are found (``arguments``) or said (``speech``, ``reports``).
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.composer import Exchange
from toolace_dagster.llm.offline.errors import CALL_ERRORS, Errors
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.mistakes import spoil_output, spoil_reply
from toolace_dagster.llm.offline.passing import later_on
from toolace_dagster.llm.offline.reports import report
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.shapes import objects_in
from toolace_dagster.llm.offline.speech import request_text
from toolace_dagster.llm.offline.voices import Voice


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write one sub-trajectory.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    memory = Memory.summed_up(request.items("earlier"))
    for turn in request.items("dialogue"):
        memory.add(turn)
    return _written(request, request.object("sub_task"), memory, errors)


def answer_all(request: Request, errors: Errors) -> dict[str, Any]:
    """Write the sub-trajectories of all sub-tasks, each with the mistakes it would have by itself.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    memory = Memory.of(request.items("dialogue"))
    written: list[dict[str, Any]] = []
    for sub_task in objects_in(request.object("task").get("sub_tasks")):
        part = _written(request, sub_task, memory, errors)
        memory.texts.append(part["query"])
        memory.replies.append(part["reply"])
        written.append(part)
    return {"sub_trajectories": written}


def _written(request: Request, sub_task: dict[str, Any], memory: Memory, errors: Errors) -> dict[str, Any]:
    """One sub-trajectory; calls and outputs go into the memory."""
    task = request.object("task")
    place = sub_task.get("index")
    first = not memory.texts
    exchange = Exchange(request, task, sub_task, memory)
    drawn = errors.drawn(CALL_ERRORS)
    steps: list[dict[str, Any]] = []
    calls: list[list[Filled]] = []
    late = _spread(drawn, len(exchange.layout), errors)
    for number, planned in enumerate(exchange.layout):
        due = late[number]
        filled, outputs = exchange.run(planned, due, errors.rng)
        if number + 1 < len(late):
            late[number + 1] += due
        calls.append(filled)
        steps.append({"calls": [made.call for made in filled], "outputs": outputs})
    voice = Voice.of_task(task)
    reply = report(exchange.answers, request.stream(f"reply/{place}"), voice.language)
    if errors.hit("output_schema") and steps:
        step = errors.rng.choice(steps)
        described = exchange.layout[steps.index(step)][0].tool.result
        step["outputs"][0]["content"] = spoil_output(step["outputs"][0]["content"], described, errors.rng)
    if errors.hit("unfaithful_reply"):
        reply = spoil_reply(reply, errors.rng)
    query = request_text(
        calls,
        voice,
        request.stream(f"query/{place}"),
        first=first,
    )
    if sub_task.get("time_passes") and isinstance(place, int):
        query = f"{later_on(task, place, voice)} {query}"
    return {"query": query, "steps": steps, "reply": reply}


def _spread(drawn: list[str], steps: int, errors: Errors) -> list[list[str]]:
    """Put each drawn mistake at a random step; where it cannot happen it moves on to the next."""
    late: list[list[str]] = [[] for _ in range(max(1, steps))]
    for kind in drawn:
        late[errors.rng.randrange(max(1, steps))].append(kind)
    return late
