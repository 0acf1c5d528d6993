"""How a request is put to an endpoint, and how that is stepped down when the endpoint refuses it.

Belongs here: the body of a chat-completions request, what an endpoint may not take
of it, and what a refusal is about. Does not belong here: sending it (``endpoint``),
remembering it (``terms``), or formats and parsing (``structured``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import openai

from toolace_dagster.llm.faults import is_too_long
from toolace_dagster.llm.protocol import ModelRequest
from toolace_dagster.llm.structured import FORMATS, LOOSE, STRICT, WORDED, applies, chat_messages, response_format
from toolace_dagster.settings import ModelSettings

_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "guided", "grammar", "json schema")
_PARAMETERS = ("max_tokens", "temperature", "top_p", "reasoning_effort", "seed", "max_completion_tokens")
_REFUSING = (400, 422, 500, 501)
_FAILING = 500
_UNREAD = re.compile(r"validation error.{0,200}response_format|not supported|unsupported|grammar", re.DOTALL)
"""Words of a server that failed over what it was asked, and would fail again."""
_NEAR = 60
_REFUSAL = re.compile(
    r"unsupported|not supported|not compatible|unknown|unrecogni[sz]ed|unexpected|invalid|deprecated|instead"
    r"|not (permitted|allowed|available)|(does not|doesn't|cannot|can't|must not) (support|accept|allow|be)"
    r"|only the default|forbidden|extra (inputs|fields)|\bno\b"
)
_OF_THE_SCHEMA = re.compile(
    r"invalid (json[ _]?)?schema|invalid_json_schema|in context=|first keys|\$ref|too many states"
    r"|schema (contains|conversion)"
    r"|(fail|unable|could not|cannot|error)\w*\b.{0,20}\b(parse|compil|convert|build)\w*\b.{0,30}(schema|grammar)"
    r"|(schema|grammar)\b.{0,40}\b(too (large|complex|long|deep|many)|exceed)"
    r"|(nesting|object properties|enum values)\b.{0,40}\bexceed"
)
"""Words of a refusal that is about this schema, and not about schemas."""


@dataclass(frozen=True)
class Manner:
    """What an endpoint is asked for, until it refuses.

    Attributes:
        format: Position in ``FORMATS`` of the best way of asking that it takes.
        dropped: Parameters the endpoint takes no more.
        schemas: By hash, schemas that it refuses, with the position in ``FORMATS`` they are asked by instead.
    """

    format: int = 0
    dropped: frozenset[str] = frozenset()
    schemas: Mapping[str, int] = field(default_factory=dict[str, int])

    def way(self, request: ModelRequest[Any]) -> str:
        """The way this request is asked: the best one that the endpoint takes and that its schema allows."""
        position = self.format
        if self.schemas:
            position = max(position, self.schemas.get(request.schema_hash, 0))
        return next(way for way in FORMATS[position:] if applies(request, way))

    def of(self, request: ModelRequest[Any]) -> Manner:
        """What of this manner concerns one request: the same, without the schemas of others."""
        held = self.schemas.get(request.schema_hash) if self.schemas else None
        return replace(self, schemas={} if held is None else {request.schema_hash: held})

    def messages(self, request: ModelRequest[Any], exchange: list[dict[str, Any]]) -> list[Any]:
        """The prompt as sent, with the unusable reply and its correction at the end."""
        return [*chat_messages(request, self.way(request)), *exchange]

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
        sampling, way = request.sampling, self.way(request)
        body: dict[str, Any] = {
            **model.extra_body,
            "model": model.model,
            "messages": [*chat_messages(request, way), *exchange],
            "response_format": response_format(request, way),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "reasoning_effort": sampling.reasoning_effort,
            "seed": (sampling.seed + 2 * attempt) % 2**31,
        }
        body["max_completion_tokens" if "max_tokens" in self.dropped else "max_tokens"] = sampling.max_tokens
        return {name: value for name, value in body.items() if value is not None and name not in self.dropped}

    def stepped_down(self, raised: Exception, request: ModelRequest[Any]) -> Manner | None:
        """The next lower manner after a refusal; None when the refusal is about something else.

        Args:
            raised: What the call raised.
            request: What was asked.
        """
        if not isinstance(raised, openai.APIStatusError) or raised.status_code not in _REFUSING:
            return None
        if is_too_long(raised):
            # It names max_tokens, but without it the reply would only be cut elsewhere.
            return None
        words = f"{raised.param} {raised.code} {raised}".lower()
        way = self.way(request)
        of_the_schema = _OF_THE_SCHEMA.search(words) is not None
        if raised.status_code == _FAILING and not _UNREAD.search(words):
            return None
        if (of_the_schema or any(word in words for word in _FORMAT_WORDS)) and way != FORMATS[-1]:
            position = FORMATS.index(way)
            if of_the_schema and position <= FORMATS.index(WORDED):
                return replace(self, schemas={**self.schemas, request.schema_hash: position + 1})
            return replace(self, format=_after(position, words))
        for name in _PARAMETERS:
            if name not in self.dropped and (raised.param == name or _refuses_parameter(words, name)):
                return replace(self, dropped=self.dropped | {name})
        return None

    def without(self, what: str, value: str, instead: str) -> Manner:
        """The manner after a refusal that is remembered; as it is where that makes no sense."""
        if what == "parameter" and value in _PARAMETERS:
            return replace(self, dropped=self.dropped | {value})
        if instead not in FORMATS:
            return self
        position = FORMATS.index(instead)
        if what == "format":
            return replace(self, format=max(self.format, position))
        return replace(self, schemas={**self.schemas, value: max(position, self.schemas.get(value, 0))})


def _refuses_parameter(words: str, name: str) -> bool:
    """Whether words of refusal stand near a parameter's name.

    The name alone says nothing: an error may quote a prompt that asks for the temperature in Oslo.
    """
    places = re.finditer(rf"(?<![a-z_]){name}(?![a-z_])", words)
    return any(_REFUSAL.search(words[max(0, at.start() - _NEAR) : at.end() + _NEAR]) for at in places)


def _after(position: int, words: str) -> int:
    """The way to ask after one that is refused for all schemas.

    An endpoint that only stumbles over strictness still takes a schema; any other takes none.
    """
    if position in STRICT and "strict" in words:
        return FORMATS.index(LOOSE)
    return max(position + 1, FORMATS.index(WORDED))
