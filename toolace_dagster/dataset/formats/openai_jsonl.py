"""JSON lines for OpenAI fine-tuning.

Belongs here: the form of one training example, writing it, and the checks that the
published schema of a line misses. Does not belong here: how a dialogue becomes
messages (``messages``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

import jsonschema_rs

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.formats.lines import LineFormat
from toolace_dagster.dataset.messages import ChatMessage, listed_tools, weighed_messages
from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.entities import TOOL_NAME, Tool
from toolace_dagster.settings import MaskedTurn

LEAST_EXAMPLES = 10
"""OpenAI refuses a training file with fewer."""

_KEYS = {
    "example": {"messages", "tools", "parallel_tool_calls"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "weight"},
    "tool": {"role", "content", "tool_call_id"},
    "call": {"id", "type", "function"},
    "function": {"name", "arguments"},
}


def openai_example(row: DatasetRow, mask: Collection[MaskedTurn] = ()) -> dict[str, Any]:
    """One training example: arguments as JSON text, ids on calls and answers.

    Args:
        row: The row.
        mask: Assistant turns to keep out of the loss; they get ``weight`` 0, and no other message gets a weight.

    Returns:
        ``messages``, ``tools`` and ``parallel_tool_calls``, which says whether any turn makes several calls at once.
    """
    return {
        "messages": [
            _message(message) | ({} if learned or message["role"] != "assistant" else {"weight": 0})
            for message, learned in weighed_messages(row, mask)
        ],
        "tools": listed_tools(row),
        "parallel_tool_calls": any(len(turn.tool_calls) > 1 for turn in row.dialogue.turns),
    }


def openai_faults(example: dict[str, Any], row: DatasetRow) -> Iterator[str]:
    """Check an example for what the published schema lets through.

    Args:
        example: A parsed line.
        row: The row it was made from: it knows the schemas of tools that arrive later, and which calls failed.

    Yields:
        Sentences: unknown keys, bad names, calls without an answer and answers without a call,
        arguments that are no object or not valid for the tool. A call that failed may have invalid ones.
    """
    yield from _unknown("example", example)
    for tool in example["tools"]:
        if not TOOL_NAME.match(tool["function"]["name"]):
            yield f"The tool name {tool['function']['name']!r} is not allowed."
    failed = {output.call_id for turn in row.dialogue.turns for output in turn.outputs if output.is_error}
    waiting: list[str] = []
    seen: set[str] = set()
    for position, message in enumerate(example["messages"]):
        yield from _unknown(message["role"], message, f"Message {position}")
        if message["role"] == "tool":
            if message["tool_call_id"] in waiting:
                waiting.remove(message["tool_call_id"])
            else:
                yield f"Message {position} answers {message['tool_call_id']!r}, which no call is waiting for."
        elif waiting:
            yield f"Calls {', '.join(waiting)} have no answer before message {position}."
            waiting = []
        for call in message.get("tool_calls", ()):
            if call["id"] in seen:
                yield f"Two calls have the id {call['id']!r}."
            seen.add(call["id"])
            waiting.append(call["id"])
            yield from _call_faults(call, row, spared=call["id"] in failed)
    # An example that was cut out of a dialogue may end with the calls that are to be learned.
    if waiting and (row.kind == "dialogue" or example["messages"][-1]["role"] == "tool"):
        yield f"Calls {', '.join(waiting)} have no answer."


_validators: dict[str, jsonschema_rs.Draft202012Validator] = {}


def validator_of(tool: Tool) -> jsonschema_rs.Draft202012Validator:
    """The validator of a tool's arguments, made once."""
    if tool.fingerprint not in _validators:
        _validators[tool.fingerprint] = jsonschema_rs.Draft202012Validator(tool.parameters)
    return _validators[tool.fingerprint]


def _checked(row: DatasetRow, line: str) -> Iterator[str]:
    # Checked on the text that is written, so that what is checked is what a reader parses.
    return openai_faults(json.loads(line), row)


def _message(message: ChatMessage) -> ChatMessage:
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": message["content"]}
    if "tool_calls" not in message:
        return message
    calls = [
        call | {"function": call["function"] | {"arguments": compact_json(call["function"]["arguments"])}}
        for call in message["tool_calls"]
    ]
    return message | {"tool_calls": calls}


def _unknown(kind: str, value: dict[str, Any], where: str = "The example") -> Iterator[str]:
    if unknown := sorted(value.keys() - _KEYS.get(kind, set[str]())):
        yield f"{where} has unknown keys: {', '.join(unknown)}."


def _call_faults(call: dict[str, Any], row: DatasetRow, *, spared: bool) -> Iterator[str]:
    yield from _unknown("call", call, f"Call {call['id']}")
    function = call["function"]
    yield from _unknown("function", function, f"The function of call {call['id']}")
    try:
        arguments: Any = json.loads(function["arguments"])
    except ValueError:
        yield f"The arguments of call {call['id']} are not JSON."
        return
    if not isinstance(arguments, dict):
        yield f"The arguments of call {call['id']} are not an object."
    if spared:
        return
    tool = row.tools.get(function["name"])
    if tool is None:
        yield f"Call {call['id']} names the tool {function['name']!r}, which does not exist."
    elif error := next(validator_of(tool).iter_errors(arguments), None):
        yield f"The arguments of call {call['id']} are not valid for {tool.name}: {error.message}"


OPENAI = LineFormat(
    name="openai",
    title="OpenAI fine-tuning",
    example=openai_example,
    faults=_checked,
    has_weights=True,
    least_examples=LEAST_EXAMPLES,
)
