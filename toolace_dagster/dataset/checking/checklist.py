"""What must hold of a tool dialogue, whatever the format.

Belongs here: checks on the common form. Does not belong here: what only one format asks
for (``readers``).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import jsonschema_rs

from toolace_dagster.dataset.checking.errors import first_line
from toolace_dagster.dataset.checking.nulls import undeclared_nulls
from toolace_dagster.dataset.checking.reading import functions, is_wrapped
from toolace_dagster.dataset.checking.transcript import Answer, Call, Report, Speech, Transcript
from toolace_dagster.dataset.checking.values import lenient_json
from toolace_dagster.dataset.exact_json import numbers
from toolace_dagster.dataset.messages import ANNOUNCEMENT
from toolace_dagster.dataset.schema_types import respelled, types_in
from toolace_dagster.entities import TOOL_NAME
from toolace_dagster.error_answers import says_error

_ANNOUNCED = re.compile(re.escape(ANNOUNCEMENT.strip()).replace(re.escape("{definition}"), r"(\{.*\})"))
_LARGEST, _SMALLEST = 2**64 - 1, -(2**63)


@dataclass(frozen=True)
class _Schema:
    """The parameters of a tool, with types spelled as JSON Schema does."""

    parameters: Any
    validator: jsonschema_rs.Draft202012Validator


@dataclass(frozen=True)
class _Spared:
    """What may be wrong with a call: an unknown tool, or invalid arguments."""

    tool: bool
    arguments: bool


def check_transcript(transcript: Transcript, report: Report) -> None:
    """Apply the checklist.

    Args:
        transcript: The example.
        report: Told each finding.
    """
    offered = _tools(transcript, transcript.tools, report)
    _order(transcript, report)
    seen: Counter[str] = Counter()
    for before, speech in zip([None, *transcript.speeches], transcript.speeches, strict=False):
        if speech.role == "user":
            offered |= _tools(transcript, _announced(transcript, speech, report), report)
        if speech.role == "tool" and (before is None or not before.calls):
            report("answer_dangling", f"{speech.where}: answers no call.")
        for call in speech.calls if transcript.has_ids else ():
            seen[str(call.id)] += 1
            if call.id is not None and seen[call.id] == 2:
                report("id_repeated", f"{speech.where}: two calls have the id {call.id!r}.")
    # Only now are tools known that arrive later; a call before that is caught by its own place.
    _calls(transcript, report)


def _calls(transcript: Transcript, report: Report) -> None:
    def silent(*_: Any) -> None:
        """What is wrong with a tool was said before."""

    offered = _tools(transcript, transcript.tools, silent)
    for place, speech in enumerate(transcript.speeches):
        if speech.role == "user":
            offered |= _tools(transcript, _announced(transcript, speech, silent), silent)
        if not speech.calls:
            continue
        after = transcript.speeches[place + 1] if place + 1 < len(transcript.speeches) else None
        answered = after.answers if after is not None and after.role == "tool" else []
        if after is not None:
            _answers(transcript, speech, answered, report)
        for number, call in enumerate(speech.calls):
            # A call may be wrong on purpose where the tool says so.
            own = _answers_to(transcript, call, number, answered)
            for other in {answer.name for answer in own if answer.name_is_certain or answer.name in offered}:
                if other not in (None, call.name):
                    report("answer_name", f"{speech.where}: {call.name} is called, and {other} answers.")
            texts = [answer.content for answer in own]
            unlearned = after is None and transcript.last_may_be_wrong
            spared = _Spared(
                tool=unlearned or any(says_error(text, by_words=False) for text in texts),
                arguments=unlearned or any(says_error(text) for text in texts),
            )
            _call(speech, call, offered, spared, report)


def _answers_to(transcript: Transcript, call: Call, number: int, answers: list[Answer]) -> list[Answer]:
    if transcript.has_ids:
        return [answer for answer in answers if answer.call_id is not None and answer.call_id == call.id]
    return answers[number : number + 1]


def _order(transcript: Transcript, report: Report) -> None:
    spoken = [speech for speech in transcript.speeches if speech.role != "system"]
    if not spoken:
        report("empty", "the example has no messages.")
        return
    if any(speech.role == "system" for speech in transcript.speeches[1:]):
        report("system_late", "a system message stands in the middle; strict chat templates refuse it.", "warning")
    if spoken[0].role != "user":
        report("start", f"{spoken[0].where}: the dialogue begins with {spoken[0].role}, not with the user.")
    _end(transcript, spoken, report)
    for before, speech in pairwise(spoken):
        if speech.role == before.role:
            report("alternation", f"{speech.where}: two turns of {speech.role} follow each other.")
        if before.calls and speech.role == "user":
            report("call_unanswered", f"{before.where}: the user speaks before the tools have answered.")
        if speech.role == "user" and before.role == "tool":
            report("alternation", f"{speech.where}: the user speaks before the assistant has used the answers.")
    for speech in spoken:
        if not speech.text.strip() and (speech.role == "user" or (speech.role == "assistant" and not speech.calls)):
            report("nothing_said", f"{speech.where}: the turn says nothing.")


def _end(transcript: Transcript, spoken: list[Speech], report: Report) -> None:
    last = spoken[-1]
    if last.role != "assistant":
        report("end", f"{last.where}: the last turn is of {last.role}: there is nothing to learn from it.")
    elif last.calls and not transcript.is_cut and len(spoken) > len(("user", "assistant")):
        # One request with its calls is an example of its own; a longer dialogue was broken off there.
        report("call_unanswered", f"{last.where}: the dialogue breaks off at a call that no tool answers.")
    if not any(speech.learned for speech in spoken if speech.role == "assistant"):
        report("nothing_learned", "every turn of the assistant is kept out of the loss: there is nothing to learn.")


def _answers(transcript: Transcript, speech: Speech, answers: list[Any], report: Report) -> None:
    if not transcript.has_ids:
        if answers and len(answers) != len(speech.calls):
            report(
                "answer_count", f"{speech.where}: {len(speech.calls)} calls have {len(answers)} answers behind them."
            )
        elif not answers:
            report("call_unanswered", f"{speech.where}: no tool answers.")
        return
    waiting = Counter(call.id for call in speech.calls)
    for answer in answers:
        if answer.call_id in waiting and waiting[answer.call_id] <= 0:
            report("answered_twice", f"{speech.where}: {answer.call_id!r} is answered more than once.")
        elif answer.call_id not in waiting:
            report("id_dangling", f"{speech.where}: an answer names {answer.call_id!r}, which no call before it has.")
        waiting[answer.call_id] -= 1
    missing = [str(name) for name, count in waiting.items() if count > 0]
    if missing:
        report("call_unanswered", f"{speech.where}: {', '.join(missing)} has no answer.")


def _announced(transcript: Transcript, speech: Speech, report: Report) -> list[Any]:
    """The definitions of the tools that arrive with a user's message."""
    found: list[Any] = []
    for text in _ANNOUNCED.findall(speech.text):
        tool: Any = lenient_json(text)
        if transcript.wraps_tools not in (None, is_wrapped(tool)):
            how = "stand in {type: function, function: …}" if transcript.wraps_tools else "stand bare"
            report(
                "announcement_form", f"{speech.where}: a tool is announced in another form than the others; they {how}."
            )
        found += functions([tool], report)
    return found


def _tools(transcript: Transcript, tools: list[Any], report: Report) -> dict[str, _Schema | None]:
    found: dict[str, _Schema | None] = {}
    for number, tool in enumerate(tools, start=1):
        name = tool.get("name") if isinstance(tool, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if not isinstance(name, str):
            report("tool_shape", f"tool {number} has no name, or is no function.")
            continue
        if not TOOL_NAME.fullmatch(name):
            report("tool_name", f"the tool name {name!r} is not made of 1 to 64 letters, digits, _ and -.")
        if name in found:
            report("tool_repeated", f"two tools have the name {name!r}.")
        description: Any = tool.get("description", "")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(description, str):
            report(
                "tool_shape", f"the description of {name} is no text.", "warning" if description is None else "error"
            )
        parameters: Any = tool.get("parameters")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        found[name] = _schema(transcript, name, parameters, report)
    return found


def _schema(transcript: Transcript, name: str, parameters: Any, report: Report) -> _Schema | None:
    if not isinstance(parameters, dict) or not isinstance(parameters.get("properties"), dict):  # pyright: ignore[reportUnknownMemberType]
        report("tool_properties", f"the parameters of {name} have no properties, which templates and loaders need.")
        return None
    kind: Any = parameters.get("type")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(kind, str) or kind not in transcript.object_types:
        report("tool_type", f"the parameters of {name} are of type {kind!r}, not {min(transcript.object_types)!r}.")
    elif "object" not in transcript.object_types and "object" in types_in(parameters):
        report("tool_type", f"a parameter of {name} is of type 'object', not {min(transcript.object_types)!r}.")
    properties = cast("dict[str, Any]", parameters["properties"])
    if padded := [key for key, value in properties.items() if value is None]:
        report("padded_nulls", f"the parameters {', '.join(padded)} of {name} are null, padded by a loader.")
    plain: Any = respelled(parameters, dict.fromkeys(transcript.object_types, "object"))
    try:
        # Anybody's schema may refer to any address or file; nothing is fetched.
        return _Schema(plain, jsonschema_rs.Draft202012Validator(plain, offline=True))
    except (ValueError, TypeError, OverflowError, jsonschema_rs.ReferencingError) as error:
        report("tool_schema", f"the parameters of {name} are no JSON Schema: {first_line(error)}")
        return None


def _call(speech: Speech, call: Call, offered: dict[str, _Schema | None], spared: _Spared, report: Report) -> None:
    name, schema = call.name, offered.get(call.name)
    if not TOOL_NAME.fullmatch(name):
        report("call_name", f"{speech.where}: {name!r} can be no tool's name.")
    if name not in offered:
        severity = "warning" if spared.tool else "error"
        report("tool_unknown", f"{speech.where}: calls {name!r}, which is not offered at that point.", severity)
    if not isinstance(call.arguments, dict):
        report("arguments_type", f"{speech.where}: the arguments of {name} are no object.")
        return
    given = cast("dict[str, Any]", call.arguments)  # pyright: ignore[reportUnknownMemberType]
    for place, free in undeclared_nulls(given, schema.parameters if schema else None):
        report(
            "padded_nulls",
            f"{speech.where}: {place} is null in the arguments of {name}, whose parameters do not have it: padded by "
            "a loader, and learned as part of the call.",
            "warning" if free else "error",
        )
    if any(isinstance(number, int) and not _SMALLEST <= number <= _LARGEST for number in numbers(given)):
        report("number_size", f"{speech.where}: a whole number in the arguments of {name} does not fit 64 bits.")
        return
    if schema and (error := next(schema.validator.iter_errors(given), None)):
        severity = "warning" if spared.arguments else "error"
        report(
            "arguments_schema",
            f"{speech.where}: the arguments of {name} are not valid: {error.message[:300]}",
            severity,
        )
