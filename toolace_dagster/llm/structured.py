"""Structured output: how a schema is asked for, and how a reply is parsed.

Belongs here: response formats, repairs of malformed JSON, validation messages a
model can act on. Does not belong here: making calls (``gateway``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic

from pydantic import ValidationError

from toolace_dagster.entities import canonical_json
from toolace_dagster.llm.protocol import CallError, ModelRequest, ReplyT
from toolace_dagster.llm.schema import may_be_strict_form

FORMATS: Final = ("strict", "bare", "wide", "json_schema", "object_schema", "json_object", "prompt")
"""Ways to ask for structured output, best first. An endpoint that refuses one is asked by the next that applies.

``strict`` sends the schema in the strict subset; ``bare`` the same without patterns, formats and bounds, which
fine-tuned models and several servers refuse; ``wide`` the request's wider schema, bare as well; ``json_schema``
the schema as it is, unenforced by OpenAI's own models. Below that the schema is put into the prompt in words;
``object_schema`` sends it along with the JSON object too, as ``llama-cpp-python`` and some hosts take it.
"""
STRICT: Final = range(3)
"""Positions of the ways that send a strict schema."""
LOOSE: Final = "json_schema"
"""The way that sends a schema as it is."""
WORDED: Final = "object_schema"
"""The first way that puts the schema into words."""

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_STRING_OR_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+")|,(?=\s*[}\]])', re.DOTALL)
_HALF_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_THOUGHTS_END = "</think>"
_MAX_FAULTS = 5
_MAX_FAULT_CHARS = 300
_MAX_CHECK_CHARS = 2_000


@dataclass(frozen=True)
class Parsed(Generic[ReplyT]):
    """A reply as parsed: either ``reply`` or ``error`` is set.

    Attributes:
        reply: The reply.
        error: Why there is none.
        repairs: What was mended to parse it.
        faulty: The reply all the same, where the error is only that the stage's own check found a fault.
    """

    reply: ReplyT | None
    error: CallError | None = None
    repairs: tuple[str, ...] = ()
    faulty: Parsed[ReplyT] | None = None


def applies(request: ModelRequest[Any], way: str) -> bool:
    """Whether a way of asking is there for a request, and is another than the ones before it."""
    if way == "strict":
        return request.strict() is not None
    if way == "bare":
        full, bare = request.strict(), request.strict(bare=True)
        return full is not None and bare is not None and bare.schema != full.schema
    return way != "wide" or (request.wide_schema is not None and request.strict(wide=True) is not None)


def response_format(request: ModelRequest[Any], way: str) -> dict[str, Any] | None:
    """The ``response_format`` parameter for one way of asking; None leaves it out."""
    if way == "prompt":
        return None
    if way in ("object_schema", "json_object"):
        # The wider schema: what constrains the decoding of such servers is slow or fails with large ones.
        wide = {"schema": request.wide_schema or request.schema} if way == "object_schema" else {}
        return {"type": "json_object", **wide}
    schema = request.schema
    if way != LOOSE:
        strict = request.strict(bare=way != "strict", wide=way == "wide")
        assert strict is not None, "asked only where it applies"
        schema = strict.schema
    named = {"name": request.purpose.task, "schema": schema, "strict": way != LOOSE}
    return {"type": "json_schema", "json_schema": named}


def chat_messages(request: ModelRequest[Any], way: str) -> list[dict[str, Any]]:
    """The prompt as chat messages; below ``json_schema`` the last one carries the schema in words."""
    messages: list[dict[str, Any]] = [{"role": m.role, "content": m.content} for m in request.messages]
    if FORMATS.index(way) >= FORMATS.index(WORDED):
        # The wider one: a tool's parameters are in the prompt already.
        schema = canonical_json(request.wide_schema or request.schema).replace("<", "\\u003c")
        messages[-1]["content"] += (
            f"\n\nAnswer with one JSON object that follows this JSON Schema named {request.purpose.task}:\n{schema}"
        )
    return messages


def parse_reply(
    text: str | None,
    reply_type: type[ReplyT],
    finish_reason: str | None,
    restore: Callable[[Any], Any] | None = None,
) -> Parsed[ReplyT]:
    """Parse a reply, mending what can be mended without guessing.

    Args:
        text: The reply's text.
        reply_type: Model it must fit.
        finish_reason: Why the endpoint stopped; ``length`` means the text is cut, and cut JSON is never completed.
        restore: Undoes the strict form, and leaves alone what is not of it.

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
            value = loaded(candidate)
        except (ValueError, RecursionError) as fault:
            error = error or CallError(kind="malformed", message=f"The reply is not JSON: {fault}.")
            continue
        try:
            return Parsed(
                reply_type.model_validate(restore(value) if restore and may_be_strict_form(candidate) else value),
                repairs=repairs,
            )
        except ValidationError as fault:
            return Parsed(None, CallError(kind="schema", message=_faults(fault)), repairs)
        except Exception as fault:
            # A validator of the reply type choked; the reply is paid for and is kept like any unusable one.
            message = f"It does not fit the schema: {type(fault).__name__}: {fault}"[:_MAX_FAULT_CHARS]
            return Parsed(None, CallError(kind="schema", message=f"{message}."), repairs)
    return Parsed(None, error)


def checked(parsed: Parsed[ReplyT], check: Callable[[ReplyT], str | None] | None) -> Parsed[ReplyT]:
    """Put a usable reply to the stage's own check.

    Args:
        parsed: The reply.
        check: Says what is wrong with it, or None.
    """
    if parsed.reply is None or check is None:
        return parsed
    fault = check(parsed.reply)
    if fault is None:
        return parsed
    message = fault if len(fault) <= _MAX_CHECK_CHARS else f"{fault[:_MAX_CHECK_CHARS]} ..."
    kept = Parsed(parsed.reply, repairs=(*parsed.repairs, "kept with a fault that asking again did not mend"))
    return Parsed(None, CallError(kind="check", message=message), parsed.repairs, kept)


def correction(error: CallError) -> str:
    """What a model is told about its unusable reply."""
    return (
        f"That reply can't be used. {error.message} "
        "Answer again with the whole JSON object, corrected, and nothing else."
    )


def _candidates(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The text itself, then ever more mended versions of it, made only when they are asked for."""
    yield text, ()
    _, end_of_thoughts, rest = text.rpartition(_THOUGHTS_END)
    if end_of_thoughts and not text.lstrip().startswith(("{", "```")):
        for part, repairs in _candidates(rest):
            yield part, ("reasoning before the reply dropped", *repairs)
    fenced = _FENCE.search(text)
    if fenced:
        yield fenced.group(1), ("taken out of a code fence",)
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        inner = text[start : end + 1]
        yield inner, ("text around the JSON object dropped",)
        mended = _STRING_OR_TRAILING_COMMA.sub(lambda match: match.group(1) or "", inner)
        yield mended, ("trailing commas dropped",)


def loaded(text: str) -> Any:
    """Parse JSON, and only what JSON files and UTF-8 can hold.

    Raises:
        ValueError: Also for NaN, numbers beyond all bounds, and halves of surrogate pairs: one of them in one
            row would keep a whole stage from being stored.
    """
    value = _decoded(text)
    try:
        # Only an escape of such a half can hide what the text itself does not show.
        (canonical_json(value) if _HALF_ESCAPED.search(text) else text).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no character") from None
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_number(digits)


def _refuse_number(digits: str) -> float:
    raise ValueError(f"{digits[:40]} is no number JSON can hold")


def _faults(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'the object'}: {fault['msg']}"[:_MAX_FAULT_CHARS]
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f" and {len(faults) - _MAX_FAULTS} more" if len(faults) > _MAX_FAULTS else ""
    return f"It does not fit the schema: {'; '.join(faults[:_MAX_FAULTS])}{more}."


# Made once: `json.loads` would make one for each text.
_decoded = json.JSONDecoder(parse_constant=_refuse_number, parse_float=_finite).decode
