"""Reading the formats whose messages are those of chat endpoints: OpenAI, TRL, Axolotl, and TRL's preference pairs.

Belongs here: a reader for each, and what only that format asks for. Does not belong
here: formats that say calls inside the text (``sharegpt``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from toolace_dagster.dataset.checking.openai_schema import openai_shape_faults
from toolace_dagster.dataset.checking.reading import Example, functions, items_of, name_of, objects
from toolace_dagster.dataset.checking.transcript import Answer, Call, Report, Severity, Speech, Transcript
from toolace_dagster.dataset.checking.values import lenient_json, strict_json

_READ_BY_TEMPLATES = frozenset(
    {
        *("role", "name", "tool_calls", "tool_call_id", "tool_responses", "tool_plan", "recipient", "end_turn"),
        *("reasoning", "reasoning_content", "thinking", "citations"),
    }
)
"""Keys of a message that chat templates look for, often only by whether they are there. Others, such as the ``refusal``
and ``audio`` that OpenAI's client writes as null, change nothing."""


def read_openai_example(example: Example, report: Report) -> list[Transcript]:
    """OpenAI fine-tuning: what the schema asks for, arguments that are JSON, weights on the assistant's turns."""
    for check, words in openai_shape_faults(example):
        report(check, words)

    def beyond_the_schema(check: str, message: str, severity: Severity = "error") -> None:
        if check == "arguments_json":
            report(check, message, severity)

    return [_messages(example, beyond_the_schema, arguments_as_text=True, weight="weight")]


def read_trl_example(example: Example, report: Report) -> list[Transcript]:
    """TRL: arguments are objects; null content and empty ``tool_calls`` break chat templates."""
    if "messages" not in example and {"chosen", "rejected"} <= example.keys():
        report("preference_pair", "the example is a preference pair: check it with --format preferences.")
        return []
    _templates_break(example.get("messages"), "message", report)
    for where, message in objects(example.get("messages"), "message", report, quiet=True):
        # True and 1.0 are equal to 1, and are none of what a collator compares with.
        if "weight" in message and (type(message["weight"]) is not int or message["weight"] not in (0, 1)):
            report("weight", f"{where}: weight is {message['weight']!r}, not 0 or 1; leave it out where there is none.")
    return [_messages(example, report, arguments_as_text=False, weight="weight")]


def read_axolotl_example(example: Example, report: Report) -> list[Transcript]:
    """Axolotl: both spellings of arguments and tools come out right there; ``train`` is true or false."""
    for where, message in objects(example.get("messages"), "message", report):
        if not isinstance(message.get("train", True), bool):
            report("weight", f"{where}: train is {message['train']!r}, not true or false.")
        _padded(message, where, report)
    return [_messages(example, report, arguments_as_text=None, weight="train")]


def read_preference_pair(example: Example, report: Report) -> list[Transcript]:
    """TRL's preference form: what is chosen and what is rejected, each after the prompt.

    What is rejected may call wrongly; a turn at the end may call whatever came before.
    """
    for name in ("prompt", "chosen", "rejected"):
        if not isinstance(example.get(name), list):
            report("pair_shape", f"{name} is no list of messages.")
        _templates_break(example.get(name), f"{name}, message", report)
    transcripts: list[Transcript] = []
    for side in ("chosen", "rejected"):
        said = {f"{name}, message": example.get(name) for name in ("prompt", side)}
        transcript = _messages(example, report, arguments_as_text=False, weight="weight", said=said)
        transcript.is_cut = True
        transcript.last_may_be_wrong = side == "rejected"
        transcripts.append(transcript)
    if example.get("chosen") == example.get("rejected"):
        report("pair_same", "what is chosen and what is rejected are the same.")
    return transcripts


def _templates_break(messages: Any, what: str, report: Report) -> None:
    for place, message in objects(messages, what, report):
        if "content" in message and message["content"] is None:
            report("content_null", f"{place}: the content is null, on which chat templates break. Write an empty text.")
        if "tool_calls" in message and not message["tool_calls"]:
            report("tool_calls_null", f"{place}: tool_calls is {message['tool_calls']!r}; leave the key out.")
        _padded(message, place, report, but=("content", "tool_calls"))


def _padded(message: Example, where: str, report: Report, but: tuple[str, ...] = ("content", "train")) -> None:
    padded = [key for key, value in message.items() if value is None and key not in but]
    if read := [key for key in padded if key in _READ_BY_TEMPLATES]:
        report("padded_nulls", f"{where}: {', '.join(read)} is null, padded by a loader; chat templates read it.")
    if unread := [key for key in padded if key not in _READ_BY_TEMPLATES]:
        words = "no chat template that we know reads it, but leave it out"
        report("padded_nulls", f"{where}: {', '.join(unread)} is null; {words}.", "warning")


def _messages(
    example: Example,
    report: Report,
    *,
    arguments_as_text: bool | None,
    weight: str,
    said: Mapping[str, Any] | None = None,
) -> Transcript:
    """Messages as OpenAI has them.

    Args:
        example: The example, for its tools and messages.
        report: Told of faults.
        arguments_as_text: None takes arguments in both spellings.
        weight: The key that says whether a turn is learned.
        said: Lists of messages by where they stand; the example's messages if left out.
    """
    tools: Any = example.get("tools")
    if isinstance(tools, str):
        if arguments_as_text is True:
            report("tools_shape", "tools is a text, not a list.")
        tools = lenient_json(tools)
        if tools is None:
            report("tools_shape", "tools is no JSON.")
    if tools is not None and not isinstance(tools, list):
        report("tools_shape", "tools is no list.")
        tools = None
    transcript = Transcript(tools=functions(tools, report, wrapped=True))
    lists = said or {"message": example.get("messages")}
    placed = [each for what, messages in lists.items() for each in objects(messages, what, report, quiet=True)]
    for where, message in placed:
        role = message.get("role")
        text = _content(message, where, report)
        match role:
            case "tool":
                call_id = str(message["tool_call_id"]) if message.get("tool_call_id") else None
                answer = Answer(text, call_id, name_of(message))
                if answer.call_id is None:
                    report("id_missing", f"{where}: has no tool_call_id.")
                if transcript.speeches and transcript.speeches[-1].role == "tool":
                    transcript.speeches[-1].answers.append(answer)
                else:
                    transcript.speeches.append(Speech("tool", where, answers=[answer]))
            case "assistant":
                calls = _calls(message, where, arguments_as_text, report)
                # False is equal to 0, so this reads `train` as well.
                learned = message.get(weight) != 0
                transcript.speeches.append(Speech("assistant", where, text, calls, learned=learned))
            case "system" | "developer" | "user":
                transcript.speeches.append(Speech("user" if role == "user" else "system", where, text))
            case _:
                report("role_unknown", f"{where}: {role!r} is no role of this format.")
    return transcript


def _content(message: Example, where: str, report: Report) -> str:
    """What a message says: a text, or the texts among its parts."""
    content: Any = message.get("content")
    match content:
        case str():
            return content
        case None:
            if message.get("role") == "tool":
                report("content_type", f"{where}: the answer is no text.")
            return ""
        case list() if content and all(isinstance(part, dict) and "type" in part for part in _any(content)):
            return "\n".join(str(part.get("text", f"[{part['type']}]")) for part in _any(content))
        case _:
            report("content_type", f"{where}: the content is neither a text nor a list of parts with a type.")
            return json.dumps(content)


def _any(items: Any) -> list[Any]:
    return items


def _calls(message: Example, where: str, arguments_as_text: bool | None, report: Report) -> list[Call]:
    calls: Any = message.get("tool_calls")
    if calls and not isinstance(calls, list):
        report("call_shape", f"{where}: tool_calls is no list.")
    return [made for call in items_of(calls) for made in _call(call, where, arguments_as_text, report)]


def _call(call: Any, where: str, arguments_as_text: bool | None, report: Report) -> list[Call]:
    function: Any = call.get("function") if isinstance(call, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):  # pyright: ignore[reportUnknownMemberType]
        report("call_shape", f"{where}: a call has no function with a name.")
        return []
    given = cast("Example", call)
    made = cast("Example", function)
    if not isinstance(given.get("id"), str) or not given["id"]:
        report("id_missing", f"{where}: the call of {made['name']} has no id.")
    if given.get("type") != "function":
        report("call_shape", f"{where}: the call of {made['name']} does not say that its type is function.")
    arguments: Any = made.get("arguments")
    if isinstance(arguments, str):
        if arguments_as_text is False:
            report(
                "arguments_text",
                f"{where}: the arguments of {made['name']} are a text; TRL would teach the model an escaped string.",
            )
        try:
            arguments = strict_json(arguments)
        except ValueError as error:
            report("arguments_json", f"{where}: the arguments of {made['name']} are not JSON: {error}.")
            arguments = {}
    elif arguments_as_text is True:
        report("arguments_not_text", f"{where}: the arguments of {made['name']} are not JSON text.")
    return [Call(made["name"], arguments, given["id"] if isinstance(given.get("id"), str) else None)]
