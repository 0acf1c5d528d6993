"""How a request is put to an endpoint, and how that is stepped down when the endpoint refuses it.

Belongs here: the body of a chat-completions request and what an endpoint may not
take of it. Does not belong here: sending it (``gateway``), or formats and parsing
(``structured``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import openai

from toolace_dagster.llm.faults import is_too_long
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.llm.structured import FORMATS, chat_messages, response_format
from toolace_dagster.settings import ModelSettings

_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "guided", "grammar")
_PARAMETERS = ("max_tokens", "temperature", "top_p", "reasoning_effort", "seed", "max_completion_tokens")


@dataclass(frozen=True)
class Manner:
    """What an endpoint is asked for, until it refuses.

    Attributes:
        format: Position in ``FORMATS``.
        dropped: Parameters the endpoint takes no more.
    """

    format: int = 0
    dropped: frozenset[str] = frozenset()

    def messages(self, request: ModelRequest[Any], exchange: list[dict[str, Any]]) -> list[Any]:
        """The prompt as sent, with the unusable reply and its correction at the end."""
        return [*chat_messages(request, FORMATS[self.format]), *exchange]

    def body(
        self, model: ModelSettings, request: ModelRequest[Any], exchange: list[dict[str, Any]], attempt: int
    ) -> dict[str, Any]:
        """The body of the call.

        Args:
            model: Model name, and fields every request to it carries.
            request: The request.
            exchange: An unusable reply and its correction.
            attempt: 0 at first, then one more after each unusable reply; gives each a seed of its own.
        """
        sampling = request.sampling
        body: dict[str, Any] = {
            **model.extra_body,
            "model": model.model,
            "messages": self.messages(request, exchange),
            "response_format": response_format(request, FORMATS[self.format]),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "reasoning_effort": sampling.reasoning_effort,
            "seed": (sampling.seed + 2 * attempt) % 2**31,
        }
        body["max_completion_tokens" if "max_tokens" in self.dropped else "max_tokens"] = sampling.max_tokens
        return {name: value for name, value in body.items() if value is not None and name not in self.dropped}

    def stepped_down(self, raised: Exception) -> Manner | None:
        """The next lower manner after a refusal; None when the refusal is about something else."""
        if not isinstance(raised, openai.APIStatusError) or raised.status_code not in (400, 422, 501):
            return None
        if is_too_long(raised):
            # It names max_tokens, but without it the reply would only be cut elsewhere.
            return None
        words = f"{raised.param} {raised}".lower()
        if any(word in words for word in _FORMAT_WORDS) and self.format < len(FORMATS) - 1:
            return replace(self, format=self.format + 1)
        for name in _PARAMETERS:
            if name in words and name not in self.dropped:
                return replace(self, dropped=self.dropped | {name})
        return None
