"""The gateway: one typed request in, one typed result out, whatever happens in between.

It bounds concurrency, tries again after transport faults, steps down in how
structured output is asked for, shows a model what was wrong with its reply, and
has every response on disk before it is used.

Belongs here: the life of one request. Does not belong here: rows (``driver``),
durability (``journal``), parsing (``structured``).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import openai
from openai import AsyncOpenAI

from toolace_dagster.llm.faults import is_transport_fault, read_fault, retry_after
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.protocol import CallError, EndpointUnusable, ModelRequest, ModelResult, ReplyT, Usage
from toolace_dagster.llm.records import CallRecord, CallUse
from toolace_dagster.llm.structured import FORMATS, Parsed, chat_messages, correction, parse_reply, response_format
from toolace_dagster.llm.transport import base_url, endpoint_host, make_client, redact
from toolace_dagster.settings import ModelSettings

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_TOLD_EVERY = 0.2
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "guided", "grammar")


@dataclass(frozen=True)
class Progress:
    """How far the calls of a stage are.

    Attributes:
        done: Requests answered, from the cache or not.
        in_flight: Calls under way.
        retried: Tries after transport faults and unusable replies.
        failed: Requests without a usable reply.
        cached: Requests answered from the cache.
        prompt_tokens: Paid for so far.
        completion_tokens: Paid for so far.
    """

    done: int = 0
    in_flight: int = 0
    retried: int = 0
    failed: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class _Response:
    """What one call gave: a text, or a transport fault that outlasted all tries."""

    text: str | None
    finish_reason: str | None
    refusal: str | None
    usage: Usage
    latency: float
    retries: int
    error: CallError | None = None


class Gateway:
    """Makes the calls of one stage of one domain; an async context manager."""

    def __init__(
        self,
        settings: ModelSettings,
        journal: CallJournal,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        client: AsyncOpenAI | None = None,
    ) -> None:
        """Prepare; the client is made when the gateway is entered.

        Args:
            settings: Model and calling settings.
            journal: Where responses are kept.
            on_progress: Told of progress a few times a second.
            client: A client to use instead of one made from the settings.
        """
        self._settings = settings
        self._journal = journal
        self._on_progress = on_progress
        self._given_client = client
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._progress = Progress()
        self._told = 0.0
        self._way = 0
        self._dropped: set[str] = set()
        self._reached = False

    @property
    def concurrency(self) -> int:
        """Calls in flight at most."""
        return self._settings.concurrency

    async def __aenter__(self) -> Self:
        """Open journal and client.

        Raises:
            EndpointUnusable: If the settings name no usable endpoint.
        """
        self._client = self._given_client or make_client(self._settings)
        self._journal.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what was paid for, then close."""
        try:
            self._journal.close()
        finally:
            if self._given_client is None:
                await self._client.close()
            self._tell(force=True)

    async def complete(self, request: ModelRequest[ReplyT]) -> ModelResult[ReplyT]:
        """Answer a request, from the cache or by calling the model.

        Args:
            request: The typed request.

        Returns:
            The result; its error says why when there is no reply.

        Raises:
            EndpointUnusable: If no call can succeed: wrong key, unknown model, nobody there.
        """
        result = await self._answer(request)
        purpose = request.purpose
        self._journal.note_use(
            CallUse(
                call_id=result.call_id,
                run_id=self._journal.run_id,
                stage=purpose.stage,
                domain=purpose.domain,
                dialogue_id=purpose.dialogue_id,
                round=purpose.round,
                turn_ids=purpose.turn_ids,
                cached=result.cached,
            )
        )
        self._count(done=1, failed=int(result.reply is None), cached=int(result.cached))
        return result

    async def _answer(self, request: ModelRequest[ReplyT]) -> ModelResult[ReplyT]:
        settings = self._settings
        key = request.key(settings.model, settings.endpoint_kind)
        call_id = f"c-{key[:16]}"
        stored = await self._journal.lookup(key)
        if stored is not None:
            parsed = parse_reply(stored, request.reply_type, None)
            if parsed.reply is not None:
                return ModelResult(call_id, parsed.reply, cached=True, tries=0, repairs=parsed.repairs)
        exchange: list[dict[str, Any]] = []
        usage = Usage()
        parsed: Parsed[ReplyT] = Parsed(None)
        tries = 0
        for attempt in range(1 + settings.repair_tries):
            response = await self._call(request, exchange)
            tries += 1
            usage = _added(usage, response.usage)
            parsed = self._read(response, request)
            # A reply that came at a second try is kept under the first try's key: the row asked once.
            await self._journal.append(self._record(request, key, call_id, exchange, response, parsed))
            if parsed.reply is not None or response.error is not None or attempt == settings.repair_tries:
                break
            assert parsed.error is not None
            exchange = [
                {"role": "assistant", "content": response.text or ""},
                {"role": "user", "content": correction(parsed.error)},
            ]
            self._count(retried=1)
        return ModelResult(
            call_id, parsed.reply, error=parsed.error, usage=usage, tries=tries, repairs=parsed.repairs
        )

    def _read(self, response: _Response, request: ModelRequest[ReplyT]) -> Parsed[ReplyT]:
        if response.error is not None:
            return Parsed(None, response.error)
        if response.refusal:
            return Parsed(None, CallError(kind="refused", message=f"The model refused: {response.refusal[:300]}"))
        return parse_reply(response.text, request.reply_type, response.finish_reason)

    async def _call(self, request: ModelRequest[Any], exchange: list[dict[str, Any]]) -> _Response:
        """Make one call, trying again after transport faults; the slot is free while waiting."""
        retries = 0
        while True:
            started = time.monotonic()
            try:
                async with self._slots:
                    self._count(in_flight=1)
                    try:
                        started = time.monotonic()
                        completion = await self._send(request, exchange)
                    finally:
                        self._count(in_flight=-1)
                self._reached = True
                return _response(completion, time.monotonic() - started, retries)
            except openai.OpenAIError as raised:
                if self._adapt(raised):
                    continue
                error = read_fault(raised, self._settings.model, base_url(self._settings))
                asked_for = retry_after(raised)
            if error.permanent or (error.kind == "connection" and not self._reached and retries >= 2):
                raise EndpointUnusable(error.message)
            if not is_transport_fault(error) or retries >= self._settings.transport_retries:
                elapsed = time.monotonic() - started
                return _Response(None, None, None, Usage(), elapsed, retries, error=error)
            retries += 1
            self._count(retried=1)
            backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (retries - 1)) * (0.5 + random.random())  # noqa: S311
            await asyncio.sleep(asked_for if asked_for is not None else backoff)

    async def _send(self, request: ModelRequest[Any], exchange: list[dict[str, Any]]) -> Any:
        way = FORMATS[self._way]
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._settings.model,
            "messages": [*chat_messages(request, way), *exchange],
            "response_format": response_format(request, way),
            "temperature": sampling.temperature,
            "seed": (sampling.seed + len(exchange)) % 2**31,
        }
        limit = "max_completion_tokens" if "max_tokens" in self._dropped else "max_tokens"
        body[limit] = sampling.max_tokens
        sent = {name: value for name, value in body.items() if value is not None and name not in self._dropped}
        create: Any = self._client.chat.completions.create
        return await create(**sent)

    def _adapt(self, error: openai.OpenAIError) -> bool:
        """Step down when the endpoint refuses a parameter; remembered for the gateway's life.

        Returns:
            Whether something changed, so that the call is worth sending again.
        """
        if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 422, 501):
            return False
        words = str(error).lower()
        if any(word in words for word in _FORMAT_WORDS) and self._way < len(FORMATS) - 1:
            self._way += 1
            return True
        for name in ("max_tokens", "temperature", "seed", "max_completion_tokens"):
            if name in words and name not in self._dropped:
                self._dropped.add(name)
                return True
        return False

    def _record(
        self,
        request: ModelRequest[Any],
        key: str,
        call_id: str,
        exchange: list[dict[str, Any]],
        response: _Response,
        parsed: Parsed[Any],
    ) -> CallRecord:
        purpose = request.purpose
        error = parsed.error
        return CallRecord(
            key=key,
            call_id=call_id,
            stage=purpose.stage,
            task=purpose.task,
            role=purpose.role,
            domain=purpose.domain,
            dialogue_id=purpose.dialogue_id,
            round=purpose.round,
            turn_ids=purpose.turn_ids,
            model=self._settings.model,
            endpoint=endpoint_host(self._settings),
            messages=[*chat_messages(request, FORMATS[self._way]), *exchange],
            sampling=request.sampling.model_dump(),
            response=redact(response.text) if response.text is not None else None,
            usable=parsed.reply is not None,
            error_kind=error.kind if error else None,
            error_message=error.message if error else None,
            finish_reason=response.finish_reason,
            prompt_tokens=response.usage.prompt_tokens,
            cached_tokens=response.usage.cached_tokens,
            completion_tokens=response.usage.completion_tokens,
            reasoning_tokens=response.usage.reasoning_tokens,
            latency_ms=round(response.latency * 1000, 3),
            retries=response.retries,
            repairs=parsed.repairs,
            run_id=self._journal.run_id,
            created_at=datetime.now(UTC).isoformat(),
        )

    def _count(self, **changes: int) -> None:
        now = {name: getattr(self._progress, name) + change for name, change in changes.items()}
        self._progress = replace(self._progress, **now)
        self._tell()

    def _tell(self, *, force: bool = False) -> None:
        if self._on_progress and (force or time.monotonic() - self._told >= _TOLD_EVERY):
            self._told = time.monotonic()
            self._on_progress(self._progress)


def _response(completion: Any, latency: float, retries: int) -> _Response:
    usage = completion.usage
    prompt = getattr(usage, "prompt_tokens_details", None)
    output = getattr(usage, "completion_tokens_details", None)
    counted = Usage(
        prompt_tokens=getattr(usage, "prompt_tokens", 0) or 0,
        cached_tokens=getattr(prompt, "cached_tokens", 0) or 0,
        completion_tokens=getattr(usage, "completion_tokens", 0) or 0,
        reasoning_tokens=getattr(output, "reasoning_tokens", 0) or 0,
    )
    if not completion.choices:
        return _Response(None, None, None, counted, latency, retries)
    choice = completion.choices[0]
    refusal = getattr(choice.message, "refusal", None)
    return _Response(choice.message.content, choice.finish_reason, refusal, counted, latency, retries)


def _added(one: Usage, other: Usage) -> Usage:
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in Usage.model_fields})
