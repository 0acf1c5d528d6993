"""The shape of a line for OpenAI fine-tuning, as a JSON Schema, and its faults by the names of our checks.

Belongs here: running `schemas/openai_chat.json` and wording what it finds. Does not
belong here: what no schema can say (``messages``, ``checklist``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

_WORDS = {"messages": "message", "tools": "tool", "tool_calls": "call", "content": "part"}
_LONGEST = 200
_OF_MESSAGES = {"role": "role_unknown", "weight": "weight", "content": "content_type", "tool_call_id": "id_missing"}
_OF_CALLS = {"id": "id_missing", "arguments": "arguments_not_text"}


@cache
def openai_schema() -> jsonschema_rs.Draft202012Validator:
    """The schema, ready to use."""
    text = files("toolace_dagster.dataset.checking").joinpath("schemas/openai_chat.json").read_text(encoding="utf-8")
    return jsonschema_rs.Draft202012Validator(json.loads(text), offline=True)


def openai_shape_faults(example: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the schema refuses.

    Args:
        example: A parsed line.

    Yields:
        Id of the check and a sentence, for each fault.
    """
    for error in openai_schema().iter_errors(example):
        path = [*error.instance_path]
        keyword = str(error.schema_path[-1]) if error.schema_path else ""
        yield _check(path, keyword, error.message), f"{_where(path)}: {_said(path, keyword, error.message)}."


def _check(path: list[str | int], keyword: str, message: str) -> str:
    """The id of the check. A path is such as messages, 3, tool_calls, 0, function, arguments."""
    if keyword == "additionalProperties":
        return "key_unknown"
    if keyword == "required" and message.startswith(('"id"', '"tool_call_id"')):
        return "id_missing"
    match path:
        case [] | ["messages"]:
            return "empty" if path or '"messages"' in message else "openai_shape"
        case ["messages", int()]:
            return "message_shape" if keyword == "type" else "openai_shape"
        case ["messages", int(), str() as key]:
            return _OF_MESSAGES.get(key, "openai_shape")
        case ["messages", int(), "tool_calls", *inside]:
            return _OF_CALLS.get(str(inside[-1]), "call_shape")
        case ["messages", int(), "content", *_]:
            return "content_type"
        case ["tools"]:
            return "tools_shape"
        case ["tools", *_]:
            return "tool_shape"
        case _:
            return "openai_shape"


def _said(path: list[str | int], keyword: str, message: str) -> str:
    if path and path[-1] == "role" and '"developer"' in message:
        return "fine-tuning files know no role 'developer'; write 'system'"
    short = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
    if keyword == "additionalProperties":
        return f"keys that OpenAI does not know: {short}"
    return short


def _where(path: list[str | int]) -> str:
    """A place as people count: ``message 2, call 1, function.name``."""
    parts: list[str] = []
    for before, step in zip([None, *path], path, strict=False):
        if isinstance(step, int):
            parts[-1] = f"{_WORDS.get(str(before), str(before))} {step + 1}"
        elif parts and not isinstance(before, int) and before is not None:
            parts[-1] += f".{step}"
        else:
            parts.append(step)
    return ", ".join(parts) or "the example"
