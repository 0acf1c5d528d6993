"""The reply to ``injection``: turns that bring a complication in at a masked place.

Belongs here: composing these turns for the four kinds. Does not belong here:
small talk (``smalltalk``), single sentences of the assistant (``reports``).
"""

from __future__ import annotations

import copy
import re
from random import Random
from typing import Any

from toolace_dagster.llm.offline.arguments import Filled, Source
from toolace_dagster.llm.offline.asides import errand, question, resigned, summary, summary_wanted, unsupported
from toolace_dagster.llm.offline.clauses import clause
from toolace_dagster.llm.offline.composer import Exchange, maker_for
from toolace_dagster.llm.offline.errors import Errors
from toolace_dagster.llm.offline.failures import failing_turns, mended
from toolace_dagster.llm.offline.memory import Memory, Turn
from toolace_dagster.llm.offline.mistakes import other_value
from toolace_dagster.llm.offline.naming import is_identifier
from toolace_dagster.llm.offline.passing import with_time_passed
from toolace_dagster.llm.offline.phrases import noun_phrase
from toolace_dagster.llm.offline.poor_results import cut, emptied, narrowed
from toolace_dagster.llm.offline.reports import ask_for, ask_which, confirm, decline, recover
from toolace_dagster.llm.offline.request import Request
from toolace_dagster.llm.offline.scene import is_failure, is_superseded, recovered, sub_task_at, sub_task_of
from toolace_dagster.llm.offline.shapes import as_list, as_object, objects_in
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
_CORRECTIONS = (
    "No, sorry, that should be {value}.",
    "Oh, I got that wrong: {value}.",
    "Ah no, {value}.",
    "My mistake, I meant {value}.",
    "Not quite, {value} is right.",
    "Wait, no. It's {value}.",
)
_VAGUE = (
    "For the {}, take the usual one.",
    "You know which {} I mean.",
    "Take the same {} as last time.",
    "As for the {}, the one we spoke about.",
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
    match wanted.get("sub_type"):
        case "missing_value" | "ambiguous_reference" | "user_correction":
            turns = _clarification(request, masked, wanted)
        case "tool_arrives_later":
            turns = _tool_arrives(request, masked, wanted)
        case "invalid_argument" | "service_error":
            turns = _failing(request, masked, wanted)
        case "empty_result" | "partial_result":
            turns = _poor_result(request, masked, wanted)
        case _:
            turns = _aside(request, masked, wanted)
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


def corrected(value: Any, voice: Voice, request: Request) -> str:
    """The user puts right what they said."""
    return voice.finish(request.stream("corrected").choice(_CORRECTIONS).format(value=f"\ue000{value}\ue001"))


def pointed_at(calls: list[list[Filled]], name: Any) -> list[Source]:
    """The sources of arguments that are taken from an entry of that name."""
    flat = [filled for step in calls for filled in step]
    every = [source for filled in flat for source in filled.sources.values()]
    return [each for each in every if each.seen is not None and name in each.seen.holder.values()]


def vaguely(name: str, view: dict[str, Any], rng: Random) -> str:
    """A sentence in which the user points at a value without giving it."""
    return rng.choice(_VAGUE).format(noun_phrase(re.sub(r"\s*\(\d+\)$", "", name), str(view.get("description", ""))))


def _aside(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    """A request that no tool supports, small talk, or a question about results; then the message as it was."""
    memory = Memory.of(_before(request, masked))
    voice = Voice.of_task(request.object("task"))
    rng = request.stream("talk")
    goes_on = ""
    match wanted.get("sub_type"):
        case "tool_never_arrives":
            tool = as_object(wanted.get("absent_tool"))
            asked, answered = unsupported(str(tool.get("description") or ""), str(tool.get("name") or "that"), rng)
            goes_on = resigned(rng)
        case "irrelevant_request":
            asked, answered = errand(rng)
            goes_on = resigned(rng)
        case "question_about_results":
            asked, answered = question(memory, rng) or (summary_wanted(rng), summary(memory, request, rng))
        case "summary_request":
            asked, answered = summary_wanted(rng), summary(memory, request, rng)
        case _:
            asked, answered = remark(memory, rng)
    meant = str(masked.get("content") or "")
    return [said(voice.finish(asked)), told(answered), said(f"{voice.finish(goes_on)} {meant}".strip())]


def _tool_arrives(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    name = str(wanted.get("tool") or "")
    voice = Voice.of_task(request.object("task"))
    refusal = decline(request.tools.get(name), name, request.stream("decline"))
    first, last = str(masked.get("content") or ""), now_available(voice, request)
    later = as_list(wanted.get("leave_for_later"))
    if later:
        calls, before = following_calls(request, masked)
        opens = not any(t.get("outputs") for t in before)
        own = [[filled for filled in step if filled.tool.name == name] for step in calls]
        rest = [[filled for filled in step if filled.tool.name != name] for step in calls]
        dialogue = request.items("dialogue")
        first = request_text(own, voice, request.stream("own"), first=opens, leave_out=later)
        first = with_time_passed(first, request.object("task"), dialogue, len(before), voice)
        others = [s.value for step in own for filled in step for s in filled.sources.values() if s.value not in later]
        last += " " + request_text(rest, voice, request.stream("rest"), first=False, leave_out=others)
    return [said(first), told(refusal), said(last)]


def _clarification(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    task = request.object("task")
    withheld = objects_in(wanted.get("values"))[:1] or [{"name": "detail", "value": ""}]
    name, value = str(withheld[0].get("name")), withheld[0].get("value")
    voice = Voice.of_task(task)
    sub_type = wanted.get("sub_type")
    calls, before = following_calls(request, masked)
    view = next((f.tool.params[name] for step in calls for f in step if name in f.tool.params), dict[str, Any]())
    needles = [str(value).casefold(), *([str(int(value))] if isinstance(value, float) and value.is_integer() else [])]
    wrong = None
    if sub_type == "user_correction":
        wrong = other_value(value, name, view, maker_for(task, request.stream("slip")), request.stream("slip"))
    pointed = pointed_at(calls, value) if sub_type == "ambiguous_reference" else []
    for source in pointed:
        # No rank and no name: the words fit all of them.
        source.policy = "same"
    first = ""
    for attempt in range(6):
        rng = request.stream(f"query/{attempt}")
        first = request_text(
            calls,
            voice,
            rng,
            first=not any(t.get("outputs") for t in before),
            leave_out=[value],
            extra=[(name, wrong)] if wrong is not None else None,
        )
        if sub_type == "ambiguous_reference" and not pointed:
            first = f"{first} {voice.finish(vaguely(name, view, rng))}"
        if not any(needle in first.casefold() for needle in needles):
            break
    else:
        first = without(first, needles)
    first = with_time_passed(first, task, request.items("dialogue"), len(before), voice)
    match sub_type:
        case "user_correction":
            asked = confirm(name, view, wrong, request.stream("ask"))
            answered = corrected(value, voice, request)
        case "ambiguous_reference":
            asked = ask_which(name, view, as_list(wanted.get("candidates")), request.stream("ask"))
            answered = given(value, name, view, voice, request)
        case _:
            asked, answered = ask_for(name, view, request.stream("ask")), given(value, name, view, voice, request)
    return [said(first), told(asked), said(answered)]


def _failing(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    failure = "service_error"
    if wanted.get("sub_type") == "invalid_argument":
        failure = "not_found" if wanted.get("how") == "not_found" else "invalid_argument"
    calls = copy.deepcopy(objects_in(masked.get("tool_calls")))
    failing = failing_turns(request, request.object("task"), calls, failure, 0)
    if failing.fault is None and failure == "not_found":
        # Nothing to look up wrongly: another value is sent in a form that is refused.
        failure = "invalid_argument"
        failing = failing_turns(request, request.object("task"), calls, failure, 0)
    kind = failure if failing.fault else "service_error"
    return retried(failing.calls, failing.outputs, recover(kind, failing.fault, request.stream("recover")), calls)


def _poor_result(request: Request, masked: Turn, wanted: dict[str, Any]) -> list[Turn]:
    calls = copy.deepcopy(objects_in(masked.get("tool_calls")))
    dialogue = request.items("dialogue")
    at = next((i for i, turn in enumerate(dialogue) if turn.get("turn") == masked.get("turn")), len(dialogue))
    following = objects_in(dialogue[at + 1].get("outputs")) if at + 1 < len(dialogue) else []
    whole = following[0].get("content") if following else None
    empty = wanted.get("sub_type") == "empty_result"
    first = copy.deepcopy(calls)
    tool = request.tools.get(str(calls[0].get("name"))) if calls else None
    if empty and tool is not None:
        first[0]["arguments"] = narrowed(
            tool,
            as_object(calls[0].get("arguments")),
            request.stream("narrow"),
            [str(each) for each in as_list(wanted.get("vary"))] or None,
        )
    content = emptied(whole, as_object(first[0].get("arguments")) if first else {}) if empty else cut(whole)
    outputs = [{"content": content, "is_error": False} for _ in calls]
    kind = "empty_result" if empty else "partial_result"
    return retried(first, outputs, recover(kind, None, request.stream("recover")), calls)


def retried(
    first: list[dict[str, Any]], outputs: list[dict[str, Any]], sentence: str, calls: list[dict[str, Any]]
) -> list[Turn]:
    """A call that goes wrong, what came of it, and the call as it should be."""
    return [
        {"role": "assistant", "content": "", "tool_calls": first, "outputs": []},
        {"role": "tool", "content": "", "tool_calls": [], "outputs": outputs},
        {"role": "assistant", "content": sentence, "tool_calls": calls, "outputs": []},
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
    memory = Memory.summed_up(request.items("earlier"))
    for turn in before:
        memory.add(turn)
    known = len(memory.outputs)
    exchange = Exchange(request, task, sub_task, memory)
    steps: list[list[Filled]] = []
    for number in range(at + 1, len(dialogue)):
        turn = dialogue[number]
        if sub_task_of(turn) != index:
            break
        following = dialogue[number + 1] if number + 1 < len(dialogue) else None
        again = dialogue[number + 2] if number + 2 < len(dialogue) else {}
        gone_wrong = is_failure(following) or is_superseded(dialogue, number)
        if turn.get("tool_calls") and (again.get("masked") if gone_wrong else True):
            names = [filled.tool.name for step in steps for filled in step]
            meant = mended(turn, following, request.tools) if is_failure(following) else turn
            steps.append(recovered(meant, request.tools, memory, sub_task, task, names, known))
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


def without(text: str, needles: list[str]) -> str:
    """A message without the sentences that hold certain words."""
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
