"""The reply to ``injection``: turns that bring a complication in at a masked place.

Belongs here: composing these turns for the four kinds. Does not belong here:
small talk (``smalltalk``), single sentences of the assistant (``reports``).
"""

from __future__ import annotations

import copy
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled
from toolace_dagster.llm.offline.clauses import clause
from toolace_dagster.llm.offline.composer import Exchange
from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.failures import failing_turns, mended
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.naming import is_identifier
from toolace_dagster.llm.offline.reports import ask_for, decline, recover
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.scene import is_failure, recovered, sub_task_at, sub_task_of
from toolace_dagster.llm.offline.shapes import objects_in
from toolace_dagster.llm.offline.smalltalk import remark
from toolace_dagster.llm.offline.speech import request_text
from toolace_dagster.llm.offline.voices import Voice

_AVAILABLE = (
    "I've just switched on a tool for that, so please go on.",
    "There should be a tool for this now. Can you try again?",
    "Good news: the missing tool has been added. Please carry on.",
    "They enabled what you need a moment ago, so go ahead, please.",
    "A tool for that is available now, could you do it?",
    "Okay, I asked around and you have a tool for it now. Let's continue.",
    "You should be able to do it now, a suitable tool was added.",
    "It's been set up on our side. Try it now, please.",
)
_ANSWERS = (
    "{value}, please.",
    "Ah yes, {value}.",
    "That would be {value}.",
    "Sorry, forgot that: {value}.",
    "It's {value}.",
    "{value}.",
    "Of course: {value}.",
    "Use {value}.",
)


def answer(request: Request, errors: Errors) -> dict[str, Any]:
    """Write the turns that replace a masked one.

    Args:
        request: The request.
        errors: Draws of mistakes.

    Returns:
        The reply's JSON object.
    """
    wanted = request.object("injection")
    idle = errors.hit("idle_injection")
    masked = request.object("masked") or next(iter(request.items("masked")), dict[str, Any]())
    match wanted.get("type"):
        case "clarification":
            turns = _clarification(request, masked, wanted)
        case "tool_awareness":
            turns = _tool_awareness(request, masked, wanted)
        case "error_simulation":
            turns = _error_simulation(request, masked, wanted)
        case _:
            turns = _small_talk(request, masked)
    if idle:
        turns = _fail(turns, masked, errors)
    return {"turns": turns}


def said(content: str) -> Turn:
    """A user's turn."""
    return {"role": "user", "content": content, "tool_calls": [], "outputs": []}


def told(content: str) -> Turn:
    """An assistant's turn in words."""
    return {"role": "assistant", "content": content, "tool_calls": [], "outputs": []}


def now_available(voice: Voice, request: Request) -> str:
    """The user says that a tool is there now."""
    return voice.finish(request.stream("available").choice(_AVAILABLE))


def given(value: Any, name: str, view: dict[str, Any], voice: Voice, request: Request) -> str:
    """The user gives a value that was asked for."""
    rng = request.stream(f"given/{name}")
    if isinstance(value, (bool, dict, list)):
        return voice.finish(clause(name, view, value, rng)[1] + ".")
    return voice.finish(rng.choice(_ANSWERS).format(value=f"\ue000{value}\ue001"))


def _small_talk(request: Request, masked: Turn) -> list[Turn]:
    before = _before(request, masked)
    voice = Voice.of_task(request.object("task"))
    asked, answered = remark(Memory.of(before), request.stream("talk"))
    return [said(voice.finish(asked)), told(answered), said(str(masked.get("content") or ""))]


def _tool_awareness(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    name = str(wanted.get("tool") or "")
    voice = Voice.of_task(request.object("task"))
    refusal = decline(request.tools.get(name), name, request.stream("decline"))
    return [said(str(masked.get("content") or "")), told(refusal), said(now_available(voice, request))]


def _clarification(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    task = request.object("task")
    withheld = objects_in(wanted.get("withhold"))[:1] or [{"name": "detail", "value": ""}]
    name, value = str(withheld[0].get("name")), withheld[0].get("value")
    voice = Voice.of_task(task)
    calls, before = following_calls(request, masked)
    view = next((f.tool.params[name] for step in calls for f in step if name in f.tool.params), dict[str, Any]())
    needles = [str(value).casefold(), *([str(int(value))] if isinstance(value, float) and value.is_integer() else [])]
    first = ""
    for attempt in range(6):
        rng = request.stream(f"query/{attempt}")
        first = request_text(
            calls,
            voice,
            rng,
            first=not any(t.get("outputs") for t in before),
            leave_out=[value],
        )
        if not any(needle in first.casefold() for needle in needles):
            break
    else:
        first = _cut(first, needles)
    return [
        said(first),
        told(ask_for(name, view, request.stream("ask"))),
        said(given(value, name, view, voice, request)),
    ]


def _error_simulation(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    failure = str(wanted.get("failure") or "service_error")
    calls = copy.deepcopy(objects_in(masked.get("tool_calls")))
    failing = failing_turns(request, request.object("task"), calls, failure, 0)
    kind = failure if failing.fault else "service_error"
    return [
        {"role": "assistant", "content": "", "tool_calls": failing.calls, "outputs": []},
        {"role": "tool", "content": "", "tool_calls": [], "outputs": failing.outputs},
        {
            "role": "assistant",
            "content": recover(kind, failing.fault, request.stream("recover")),
            "tool_calls": calls,
            "outputs": [],
        },
    ]


def following_calls(request: Request, masked: Turn) -> tuple[list[list[Filled]], list[Turn]]:
    """The calls that answer a masked user turn, by step, and the turns before it.

    A masked call between them is planned again from the task's details.
    """
    dialogue = request.items("dialogue")
    task = request.object("task")
    at = next((i for i, turn in enumerate(dialogue) if turn.get("turn") == masked.get("turn")), len(dialogue))
    before = dialogue[:at]
    index = sub_task_of(masked)
    sub_task = sub_task_at(task, index)
    memory = Memory.of(before)
    exchange = Exchange(request, task, sub_task, memory)
    steps: list[list[Filled]] = []
    for number in range(at + 1, len(dialogue)):
        turn = dialogue[number]
        if sub_task_of(turn) != index:
            break
        following = dialogue[number + 1] if number + 1 < len(dialogue) else None
        again = dialogue[number + 2] if number + 2 < len(dialogue) else {}
        if turn.get("tool_calls") and (again.get("masked") if is_failure(following) else True):
            names = [filled.tool.name for step in steps for filled in step]
            meant = mended(turn, following, request.tools) if is_failure(following) else turn
            steps.append(recovered(meant, request.tools, memory, sub_task, task, names))
        elif (
            turn.get("masked")
            and turn.get("kind") == "call"
            and turn.get("complication") is None
            and len(steps) < len(exchange.layout)
        ):
            planned = exchange.layout[len(steps)]
            steps.append([_without_invented(exchange.resolver.fill(call, memory.calls)) for call in planned])
        memory.add(turn)
    return steps, before


def _without_invented(filled: Filled) -> Filled:
    """A planned call whose identifiers nobody knows yet; the user does not state them."""
    for name, source in filled.sources.items():
        if source.kind == "made" and is_identifier(name, filled.tool.params.get(name, {})):
            source.kind = "unknown"
    return filled


def _before(request: Request, masked: Turn) -> list[Turn]:
    dialogue = request.items("dialogue")
    at = next((i for i, turn in enumerate(dialogue) if turn.get("turn") == masked.get("turn")), len(dialogue))
    return dialogue[:at]


def _cut(text: str, needles: list[str]) -> str:
    kept = [part for part in text.split(". ") if not any(needle in part.casefold() for needle in needles)]
    return ". ".join(kept) or "Could you help me with something?"


def _fail(turns: list[Turn], masked: Turn, errors: Errors) -> list[Turn]:
    """An injection that does not do its job: the old turn alone, or the complication left out."""
    if errors.rng.random() < 0.5:
        return turns[:2]
    kept: Turn = {
        "role": masked.get("role", "user"),
        "content": masked.get("content") or "",
        "tool_calls": masked.get("tool_calls") or [],
        "outputs": [],
    }
    return [kept, *turns[1:]]
