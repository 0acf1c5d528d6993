"""Calls that fail and what they were meant to be.

Belongs here: spoiling a call so that it fails as told, and undoing it. Does not
belong here: the words of errors (``free_results``) and of the assistant (``reports``).
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.composer import maker_for
from toolace_dagster.llm.offline.free_results import failure_text
from toolace_dagster.llm.offline.memory import Turn
from toolace_dagster.llm.offline.mistakes import spoil_call
from toolace_dagster.llm.offline.naming import is_identifier
from toolace_dagster.llm.offline.request import Request, ToolView
from toolace_dagster.llm.offline.shapes import as_list, as_object, objects_in
from toolace_dagster.llm.offline.values import Maker


@dataclass(frozen=True)
class FailingTurns:
    """Calls as they fail, their error outputs, and the argument at fault."""

    calls: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    fault: str | None


def failing_turns(
    request: Request, task: dict[str, Any], calls: list[dict[str, Any]], failure: str, at: int
) -> FailingTurns:
    """How some calls fail before they are corrected.

    Args:
        request: The request.
        task: The task.
        calls: The calls as they are right.
        failure: ``invalid_argument``, ``service_error`` or ``not_found``; only the first call has a wrong argument.
        at: Keeps several places in one request apart.
    """
    rng = request.stream(f"failure/{at}")
    failing = copy.deepcopy(calls)
    outputs: list[dict[str, Any]] = []
    spoiled: str | None = None
    for number, call in enumerate(failing):
        tool = request.tools.get(str(call.get("name")))
        arguments = as_object(call.get("arguments"))
        fault: str | None = None
        if tool is not None and failure != "service_error" and number == 0:
            fault = spoiled = _slip(failure, Filled(tool, 0, arguments), maker_for(task, rng), rng)
        outputs.append(
            {"content": failure_text(failure if fault else "service_error", arguments, fault), "is_error": True}
        )
    return FailingTurns(failing, outputs, spoiled)


def failure_told(sentence: str) -> str:
    """Which failure a recovery's sentence speaks of."""
    if re.search(r"not accepted|refuses|correct it", sentence):
        return "invalid_argument"
    return "not_found" if re.search(r"[Nn]othing matched|doesn't exist", sentence) else "service_error"


def unspoiled(value: Any, view: dict[str, Any]) -> Any:
    """The value that a refused one was meant to be, such as ``Cork`` for ``CORK``."""
    if not isinstance(value, str):
        return value
    bare = value.rstrip("?").replace("/", "-").casefold()
    known = [v for v in [*as_list(view.get("enum")), *as_list(view.get("examples"))] if isinstance(v, str)]
    meant = next((v for v in known if v.replace("/", "-").casefold() == bare), None)
    if meant is not None:
        return meant
    if re.match(r"\d{4}/\d\d/\d\d", value):
        return value.replace("/", "-")
    return value.title() if value.isupper() and len(value) > 3 else value.rstrip("?")


def _slip(failure: str, filled: Filled, maker: Maker, rng: Random) -> str | None:
    """Spoil one argument the way the failure tells; the name of the argument, or None where there is none to spoil."""
    before = dict(filled.arguments)
    ids = [name for name in before if is_identifier(name, filled.tool.params.get(name, {}))]
    if failure == "not_found":
        if not ids:
            return None
        spoil_call("invented_value", filled, maker, rng)
    else:
        texts = [name for name, value in before.items() if isinstance(value, str) and name not in ids]
        if not texts:
            return None
        name = rng.choice(texts)
        value = before[name]
        turned = (
            value.replace("-", "/")
            if "-" in value and value[:4].isdigit()
            else value.upper()
            if value.upper() != value
            else value.lower()
        )
        filled.arguments[name] = turned if turned != value else f"{value}?"
    return next((name for name, value in filled.arguments.items() if value != before.get(name)), None)


def mended(turn: Turn, answer: Turn | None, tools: dict[str, ToolView]) -> Turn:
    """A failed call turn with the refused values as they were meant.

    Args:
        turn: The call turn.
        answer: The tool turn with the errors.
        tools: The tools.
    """
    told = json.dumps((answer or {}).get("outputs"), ensure_ascii=False)
    if "invalid_argument" not in told:
        return turn
    calls = copy.deepcopy(objects_in(turn.get("tool_calls")))
    for call in calls:
        tool = tools.get(str(call.get("name")))
        arguments = as_object(call.get("arguments"))
        for name, value in arguments.items():
            if tool is not None and isinstance(value, str) and repr(value) in told:
                arguments[name] = unspoiled(value, tool.params.get(name, {}))
    return {**turn, "tool_calls": calls}
