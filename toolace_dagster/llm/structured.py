"""Structured output: how a schema is asked for, and how a reply is parsed.

Belongs here: response formats, repairs of malformed JSON, validation messages a
model can act on. Does not belong here: making calls (``gateway``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Generic

from pydantic import ValidationError

from toolace_dagster.entities import canonical_json
from toolace_dagster.llm.protocol import CallError, ModelRequest, ReplyT

FORMATS = ("json_schema", "json_object", "prompt")
"""Ways to ask for structured output, best first. An endpoint that refuses one is asked by the next."""

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MAX_FAULTS = 5


@dataclass(frozen=True)
class Parsed(Generic[ReplyT]):
    """A reply as parsed: either ``reply`` or ``error`` is set."""

    reply: ReplyT | None
    error: CallError | None = None
    repairs: tuple[str, ...] = ()


def response_format(request: ModelRequest[Any], way: str) -> dict[str, Any] | None:
    """The ``response_format`` parameter for one way of asking; None leaves it out."""
    if way == "json_schema":
        schema = {"name": request.purpose.task, "schema": request.schema, "strict": False}
        return {"type": "json_schema", "json_schema": schema}
    return {"type": "json_object"} if way == "json_object" else None


def chat_messages(request: ModelRequest[Any], way: str) -> list[dict[str, Any]]:
    """The prompt as chat messages; below ``json_schema`` the last one carries the schema in words."""
    messages: list[dict[str, Any]] = [{"role": m.role, "content": m.content} for m in request.messages]
    if way != "json_schema":
        schema = canonical_json(request.schema).replace("<", "\\u003c")
        messages[-1]["content"] += (
            f"\n\nAnswer with one JSON object that follows this JSON Schema named {request.purpose.task}:\n{schema}"
        )
    return messages


def parse_reply(text: str | None, reply_type: type[ReplyT], finish_reason: str | None) -> Parsed[ReplyT]:
    """Parse a reply, mending what can be mended without guessing.

    Args:
        text: The reply's text.
        reply_type: Model it must fit.
        finish_reason: Why the endpoint stopped; ``length`` means the text is cut, and cut JSON is never completed.

    Returns:
        The reply with the repairs it took, or the error.
    """
    if finish_reason == "content_filter":
        return Parsed(None, CallError(kind="filtered", message="The endpoint's content filter withheld the reply."))
    if text is None or not text.strip():
        return Parsed(None, CallError(kind="empty", message="The reply is empty."))
    if finish_reason == "length":
        message = "The reply was cut at the token limit; raise max_tokens."
        return Parsed(None, CallError(kind="truncated", message=message))
    error: CallError | None = None
    for candidate, repairs in _candidates(text):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError) as fault:
            error = error or CallError(kind="malformed", message=f"The reply is not JSON: {fault}.")
            continue
        try:
            return Parsed(reply_type.model_validate(value), repairs=repairs)
        except ValidationError as fault:
            return Parsed(None, CallError(kind="schema", message=_faults(fault)), repairs)
    return Parsed(None, error)


def correction(error: CallError) -> str:
    """What a model is told about its unusable reply."""
    return (
        f"That reply can't be used. {error.message} "
        "Answer again with the whole JSON object, corrected, and nothing else."
    )


def _candidates(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The text itself, then ever more mended versions of it."""
    found: list[tuple[str, tuple[str, ...]]] = [(text, ())]
    fenced = _FENCE.search(text)
    if fenced:
        found.append((fenced.group(1), ("taken out of a code fence",)))
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        inner = text[start : end + 1]
        found.append((inner, ("text around the JSON object dropped",)))
        found.append((_TRAILING_COMMA.sub(r"\1", inner), ("trailing commas dropped",)))
    return found


def _faults(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'the object'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f" and {len(faults) - _MAX_FAULTS} more" if len(faults) > _MAX_FAULTS else ""
    return f"It does not fit the schema: {'; '.join(faults[:_MAX_FAULTS])}{more}."

