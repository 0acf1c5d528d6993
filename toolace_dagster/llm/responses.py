"""What an endpoint's answer says, whatever its dialect.

Belongs here: reading the JSON body of a chat completion, live or from a line of a
batch. Does not belong here: parsing the reply's text (``structured``), or faults
told by status and exception (``faults``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from toolace_dagster.llm.asking import Manner
from toolace_dagster.llm.faults import ErrorInAnswer, StrangeAnswer
from toolace_dagster.llm.protocol import CallError, ModelRequest, ReplyT, Usage
from toolace_dagster.llm.structured import Parsed, parse_reply
from toolace_dagster.llm.transport import redact, redact_reply

_MOST_TOKENS = 2**31 - 1
REFUSED = "The model refused: "
"""How the message of a refusal begins."""
_NOTHING: dict[str, Any] = {}


@dataclass(frozen=True)
class Response:
    """What one call gave: a text, or a transport fault that outlasted all tries.

    Attributes:
        text: The reply's text, free of the API key.
        finish_reason: Why the endpoint stopped.
        refusal: The model's refusal, where the endpoint has a field for it.
        usage: Tokens as the endpoint counted them.
        manner: How it was asked.
        latency: Seconds from sending to the whole reply, retries left out.
        retries: Tries that ended in a transport fault before this one.
        error: The fault, when there is no reply.
        batch_id: The batch it came by; None when live.
        kept: Whether the journal has it already: a restarted run comes by its batches' answers again.
    """

    text: str | None
    finish_reason: str | None
    refusal: str | None
    usage: Usage
    manner: Manner
    latency: float = 0.0
    retries: int = 0
    error: CallError | None = None
    batch_id: str | None = None
    kept: bool = False

    @classmethod
    def fault(cls, error: CallError, manner: Manner, *, latency: float, retries: int) -> Response:
        """A response that is none."""
        return cls(None, None, None, Usage(), manner, latency, retries, error)

    def parsed(self, request: ModelRequest[ReplyT]) -> Parsed[ReplyT]:
        """The reply as the request's type, or why it can't be used."""
        if self.error is not None:
            return Parsed(None, self.error)
        if self.refusal:
            return Parsed(None, CallError(kind="refused", message=f"{REFUSED}{self.refusal[:300]}"))
        return parse_reply(self.text, request.reply_type, self.finish_reason, request.restore)


def read_response(body: Any, manner: Manner, *, latency: float = 0.0, retries: int = 0) -> Response:
    """Read a completion as it came: endpoints differ, so no field is taken for granted.

    Args:
        body: The JSON value of the answer.
        manner: How it was asked.
        latency: Seconds it took.
        retries: Tries before it.

    Raises:
        StrangeAnswer: If it is no chat completion.
        ErrorInAnswer: If it tells of an error instead.
    """
    if not isinstance(body, dict):
        raise StrangeAnswer(f"a {type(body).__name__}: {redact(str(body))[:100]}")
    answer = cast("dict[str, Any]", body)
    choices, error = answer.get("choices"), answer.get("error")
    choice = _object(cast("list[Any]", choices)[0]) if isinstance(choices, list) and choices else _NOTHING
    message = _object(choice.get("message"))
    # Routers tell of an error beside the choices, or in the one that it spoiled.
    if (error and not choice) or ((error := choice.get("error")) and not message.get("content")):
        raise ErrorInAnswer(_said(error))
    if not isinstance(choices, list):
        raise StrangeAnswer("no choices")
    return Response(
        text=_text(message.get("content")),
        finish_reason=_text(choice.get("finish_reason")),
        refusal=_text(message.get("refusal")),
        usage=_usage(_object(answer.get("usage"))),
        manner=manner,
        latency=latency,
        retries=retries,
    )


def _usage(usage: dict[str, Any]) -> Usage:
    """Tokens as they are charged for.

    With OpenAI, hidden reasoning is part of the completion. Others leave it out there, and only the total tells.
    """
    prompt, output = _object(usage.get("prompt_tokens_details")), _object(usage.get("completion_tokens_details"))
    prompt_tokens, completion_tokens = _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens")
    reasoning_tokens = _tokens(output, "reasoning_tokens")
    if reasoning_tokens and _tokens(usage, "total_tokens") >= prompt_tokens + completion_tokens + reasoning_tokens:
        completion_tokens += reasoning_tokens
    return Usage(
        prompt_tokens=prompt_tokens,
        cached_tokens=_tokens(prompt, "cached_tokens"),
        cache_write_tokens=_tokens(prompt, "cache_write_tokens"),
        completion_tokens=completion_tokens,
        reasoning_tokens=reasoning_tokens,
    )


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else _NOTHING


def _said(error: Any) -> str:
    message = _object(error).get("message")
    return message if isinstance(message, str) else str(error)


def _text(value: Any) -> str | None:
    """A text field, free of what UTF-8 can't hold and of the API key; parts of a content are joined."""
    if isinstance(value, list):
        parts = cast("list[dict[str, Any]]", [part for part in cast("list[Any]", value) if isinstance(part, dict)])
        value = "".join(str(part.get("text") or "") for part in parts)
    if not isinstance(value, str):
        return None
    return redact_reply(value if value.isascii() else value.encode(errors="replace").decode())


def _tokens(usage: dict[str, Any], name: str) -> int:
    count = usage.get(name)
    return min(count, _MOST_TOKENS) if isinstance(count, int) and count > 0 else 0
