"""The reply to ``sub_trajectory``: query, steps and reply of one sub-task.

Belongs here: composing that reply with its mistakes. Does not belong here: how
values are found (``arguments``) or said (``speech``, ``reports``).
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.composer import Exchange
from toolace_dagster.llm.offline.errors import CALL_ERRORS, Errors
from toolace_dagster.llm.offline.memory import Memory
from toolace_dagster.llm.offline.mistakes import spoil_output, spoil_reply
from toolace_dagster.llm.offline.reports import report
from toolace_dagster.llm.offline.request import Request
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
    task = request.object("task")
    sub_task = request.object("sub_task")
    dialogue = request.items("dialogue")
    exchange = Exchange(request, task, sub_task, Memory.of(dialogue))
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
    reply = report(exchange.answers, request.stream("reply"))
    if errors.hit("output_schema") and steps:
        step = errors.rng.choice(steps)
        described = exchange.layout[steps.index(step)][0].tool.result
        step["outputs"][0]["content"] = spoil_output(step["outputs"][0]["content"], described, errors.rng)
    if errors.hit("unfaithful_reply"):
        reply = spoil_reply(reply, errors.rng)
    query = request_text(
        calls,
        Voice.of(task.get("persona")),
        request.stream("query"),
        first=not dialogue,
    )
    return {"query": query, "steps": steps, "reply": reply}


def _spread(drawn: list[str], steps: int, errors: Errors) -> list[list[str]]:
    """Put each drawn mistake at a random step; where it cannot happen it moves on to the next."""
    late: list[list[str]] = [[] for _ in range(max(1, steps))]
    for kind in drawn:
        late[errors.rng.randrange(max(1, steps))].append(kind)
    return late
