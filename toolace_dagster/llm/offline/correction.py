"""The reply to ``correction``: what follows from outputs that tools really gave.

Belongs here: composing that reply with its mistakes. Does not belong here: how
results are told (``reports``).
"""

from __future__ import annotations

from typing import Any

from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.mistakes import spoil_reply
from toolace_dagster.llm.offline.naming import words
from toolace_dagster.llm.offline.reports import Answered, report
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.shapes import as_object, objects_in


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write the reply anew and leave the calls as they are.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    worked: list[Answered] = []
    failed: list[str] = []
    calls: list[dict[str, Any]] = []
    for turn in request.items("trajectory"):
        calls = objects_in(turn.get("tool_calls")) or calls
        for call, output in zip(calls, objects_in(turn.get("outputs")), strict=False):
            name = str(call.get("name"))
            if output.get("is_error"):
                failed.append(refusal(name, output.get("content")))
            else:
                worked.append((request.tools.get(name), name, as_object(call.get("arguments")), output.get("content")))
    said = [report(worked, request.stream("reply"))] if worked else []
    text = " ".join([*said, *dict.fromkeys(failed)])
    if errors.hit("unfaithful_reply"):
        text = spoil_reply(text, errors.rng)
    return {"steps": [], "reply": text or "There is no result to tell about."}


def refusal(name: str, content: Any) -> str:
    """What a reply says of a tool's own error."""
    told = str(as_object(content).get("error") or content).strip().rstrip(".")
    return f"I could not {words(name)}: {told}."
