"""What must hold of a tool dialogue, whatever the format.

Belongs here: checks on the common form. Does not belong here: what only one format asks
for (``readers``).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any, cast

import jsonschema_rs

from toolace_dagster.dataset.checking.transcript import Call, Report, Speech, Transcript
from toolace_dagster.dataset.messages import ANNOUNCEMENT
from toolace_dagster.entities import TOOL_NAME

_ANNOUNCED = re.compile(re.escape(ANNOUNCEMENT.strip()).replace(re.escape("{definition}"), r"(\{.*\})"))
_ERROR_WORDS = re.compile(
    r"error|fail|invalid|not found|unknown|denied|refused|missing|required|unavailable|timed? ?out|must|cannot|can't",
    re.IGNORECASE,
)
_LARGEST, _SMALLEST = 2**64 - 1, -(2**63)


def check_transcript(transcript: Transcript, report: Report) -> None:
    """Apply the checklist.

    Args:
        transcript: The example.
        report: Told each finding.
    """
    offered = _tools(transcript, transcript.tools, report)
    _order(transcript.speeches, report)
    seen: Counter[str] = Counter()
    for before, speech in zip([None, *transcript.speeches], transcript.speeches, strict=False):
        if speech.role == "user":
            for found in _ANNOUNCED.findall(speech.text):
                offered |= _tools(transcript, [_function(_json(found))], report)
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
            for found in _ANNOUNCED.findall(speech.text):
                offered |= _tools(transcript, [_function(_json(found))], silent)
        if not speech.calls:
            continue
        after = transcript.speeches[place + 1] if place + 1 < len(transcript.speeches) else None
        answered = after.answers if after is not None and after.role == "tool" else []
        if after is not None:
            _answers(transcript, speech, answered, report)
        # A call may be wrong on purpose where the tool says so.
        failed = any(_ERROR_WORDS.search(answer.content) for answer in answered)
        for call in speech.calls:
            _call(speech, call, offered, failed, report)


def _order(speeches: list[Speech], report: Report) -> None:
    spoken = [speech for speech in speeches if speech.role != "system"]
    if not spoken:
        report("empty", "the example has no messages.")
        return
    if any(speech.role == "system" for speech in speeches[1:]):
        report("system_late", "a system message stands in the middle; strict chat templates refuse it.", "warning")
    if spoken[0].role != "user":
        report("start", f"{spoken[0].where}: the dialogue begins with {spoken[0].role}, not with the user.")
    if spoken[-1].role != "assistant":
        report("end", f"{spoken[-1].where}: the last turn is of {spoken[-1].role}: there is nothing to learn from it.")
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


def _tools(transcript: Transcript, tools: list[Any], report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, tool in enumerate(tools, start=1):
        name = tool.get("name") if isinstance(tool, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if not isinstance(name, str):
            report("tool_shape", f"tool {number} has no name, or is no function.")
            continue
        if not TOOL_NAME.match(name):
            report("tool_name", f"the tool name {name!r} is not made of 1 to 64 letters, digits, _ and -.")
        if name in found:
            report("tool_repeated", f"two tools have the name {name!r}.")
        parameters: Any = tool.get("parameters")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        found[name] = _schema(transcript, name, parameters, report)
    return found


def _schema(transcript: Transcript, name: str, parameters: Any, report: Report) -> Any:
    if not isinstance(parameters, dict) or not isinstance(parameters.get("properties"), dict):  # pyright: ignore[reportUnknownMemberType]
        report("tool_properties", f"the parameters of {name} have no properties, which templates and loaders need.")
        return None
    kind: Any = parameters.get("type")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if kind not in transcript.object_types:
        report("tool_type", f"the parameters of {name} are of type {kind!r}, not {min(transcript.object_types)!r}.")
    properties = cast("dict[str, Any]", parameters["properties"])
    if padded := [key for key, value in properties.items() if value is None]:
        report("padded_nulls", f"the parameters {', '.join(padded)} of {name} are null, padded by a loader.")
    plain: Any = _plain(parameters, transcript.object_types)
    try:
        return jsonschema_rs.Draft202012Validator(plain)
    except (ValueError, TypeError) as error:
        report("tool_schema", f"the parameters of {name} are no JSON Schema: {str(error).splitlines()[0]}")
        return None


def _call(speech: Speech, call: Call, offered: dict[str, Any], failed: bool, report: Report) -> None:
    name = call.name
    if not TOOL_NAME.match(name):
        report("call_name", f"{speech.where}: {name!r} can be no tool's name.")
    if name not in offered:
        severity = "warning" if failed else "error"
        report("tool_unknown", f"{speech.where}: calls {name!r}, which is not offered at that point.", severity)
    if not isinstance(call.arguments, dict):
        report("arguments_type", f"{speech.where}: the arguments of {name} are no object.")
        return
    given = cast("dict[str, Any]", call.arguments)  # pyright: ignore[reportUnknownMemberType]
    if _has_large_number(given):
        report("number_size", f"{speech.where}: a whole number in the arguments of {name} does not fit 64 bits.")
        return
    validator = offered.get(name)
    if validator is None:
        return
    if error := next(validator.iter_errors(given), None):
        severity = "warning" if failed else "error"
        report(
            "arguments_schema",
            f"{speech.where}: the arguments of {name} are not valid: {error.message[:300]}",
            severity,
        )


def _plain(schema: Any, object_types: frozenset[str]) -> Any:
    """The schema with other words for objects spelled as JSON Schema does, as far as its own keys go."""
    if isinstance(schema, list):
        return [_plain(item, object_types) for item in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    return {
        key: "object"
        if key == "type" and isinstance(value, str) and value in object_types
        else value
        if key in ("default", "enum", "const", "examples")
        else _plain(value, object_types)
        for key, value in schema.items()  # pyright: ignore[reportUnknownVariableType]
    }


def _has_large_number(value: Any) -> bool:
    match value:
        case bool():
            return False
        case int():
            return not _SMALLEST <= value <= _LARGEST
        case dict():
            return any(_has_large_number(item) for item in value.values())  # pyright: ignore[reportUnknownVariableType]
        case list():
            return any(_has_large_number(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
        case _:
            return False


def _function(tool: Any) -> Any:
    return tool.get("function", tool) if isinstance(tool, dict) else tool  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
