"""The gateway: one typed request in, one typed result out, whatever happens in between.

It bounds concurrency, tries again after transport faults, shows a model what was
wrong with its reply, and has every response on disk before it is used.

Belongs here: the life of one request. Does not belong here: rows (``driver``),
durability (``journal``), what is sent (``asking``), when (``pace``), parsing
(``structured``).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Generic, Self, cast
from weakref import WeakValueDictionary

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from toolace_dagster.llm.asking import Manner
from toolace_dagster.llm.faults import (
    ErrorInAnswer,
    StrangeAnswer,
    is_transport_fault,
    is_unreachable,
    read_fault,
    retry_after,
)
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.pace import Pace
from toolace_dagster.llm.protocol import CallError, EndpointUnusable, ModelRequest, ModelResult, ReplyT, Usage
from toolace_dagster.llm.records import CallRecord, CallUse
from toolace_dagster.llm.structured import Parsed, correction, parse_reply
from toolace_dagster.llm.transport import endpoint_host, make_client, redact_reply, shown_url
from toolace_dagster.settings import ModelSettings

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_LONGEST_ASKED_WAIT = 120.0
_TRIES_TO_REACH = 2
_TOLD_EVERY = 0.2
_MOST_TOKENS = 2**31 - 1


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
    manner: Manner
    latency: float = 0.0
    retries: int = 0
    error: CallError | None = None


@dataclass(frozen=True)
class _Asked(Generic[ReplyT]):
    """One try at a request."""

    request: ModelRequest[ReplyT]
    key: str
    call_id: str
    exchange: list[dict[str, Any]]
    attempt: int


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
        self._manner = Manner()
        self._pace = Pace()
        self._answered_at = 0.0
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def concurrency(self) -> int:
        """Calls in flight at most."""
        return self._settings.concurrency

    async def __aenter__(self) -> Self:
        """Open journal and client.

        Raises:
            EndpointUnusable: If the settings name no usable endpoint.
            JournalInUse: If another process makes calls for the same domain.
        """
        self._client = self._given_client or make_client(self._settings)
        try:
            self._journal.open()
        except BaseException:
            await self._close_client()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what was paid for, then close."""
        try:
            if kind is None:
                self._journal.close()
            elif issubclass(kind, Exception):
                # The error that ends the run is the one to tell; what can't be folded now is folded by the next run.
                with suppress(Exception):
                    self._journal.close()
            else:
                # Interrupted: folding may take longer than the patience of whoever interrupts.
                self._journal.keep()
        finally:
            await self._close_client()
            self._tell(force=True)

    async def _close_client(self) -> None:
        if self._given_client is None:
            await self._client.close()

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
        key = request.key(self._settings.model, self._settings.endpoint_kind)
        call_id = f"c-{key[:16]}"
        # Rows that ask the same at the same time pay once: the second finds the first one's response.
        lock = self._asking.get(key)
        if lock is None:
            lock = self._asking[key] = asyncio.Lock()
        async with lock:
            stored = await self._journal.lookup(key)
            if stored is not None:
                parsed = parse_reply(stored, request.reply_type, None)
                if parsed.reply is not None:
                    return ModelResult(call_id, parsed.reply, cached=True, tries=0, repairs=parsed.repairs)
            return await self._pay(request, key, call_id)

    async def _pay(self, request: ModelRequest[ReplyT], key: str, call_id: str) -> ModelResult[ReplyT]:
        """Call until a reply can be used, each time showing the model what was wrong with the one before."""
        last = self._settings.repair_tries
        exchange: list[dict[str, Any]] = []
        usage = Usage()
        tries = 0
        while True:
            response, parsed = await self._call(_Asked(request, key, call_id, exchange, attempt=tries))
            tries += 1
            usage = _added(usage, response.usage)
            if parsed.error is None or response.error is not None or tries > last:
                break
            # Without a text there is nothing to show, and some endpoints refuse an empty message.
            exchange = _exchange(response.text, parsed.error) if response.text and not response.refusal else []
            self._count(retried=1)
        return ModelResult(call_id, parsed.reply, error=parsed.error, usage=usage, tries=tries, repairs=parsed.repairs)

    async def _call(self, asked: _Asked[ReplyT]) -> tuple[_Response, Parsed[ReplyT]]:
        """Make one call, trying again after transport faults; the slot is free while waiting."""
        settings = self._settings
        begun = since = 0.0
        retries = spent = 0
        while True:
            async with self._slots:
                await self._pace.turn()
                self._journal.check()
                manner = self._manner
                started = time.monotonic()
                begun, since = begun or started, since or started
                self._count(in_flight=1)
                try:
                    completion = await self._send(
                        manner.body(settings.model, asked.request, asked.exchange, asked.attempt)
                    )
                    response = _response(completion, manner)
                except Exception as raised:
                    failure = raised
                else:
                    self._answered_at = time.monotonic()
                    self._pace.answered()
                    response = replace(response, latency=self._answered_at - started, retries=retries)
                    # In the slot, so that never more than fill the slots are paid for and not yet on disk.
                    return response, await self._keep(asked, response)
                finally:
                    self._count(in_flight=-1)
            if self._adapt(failure, manner):
                continue
            error = read_fault(failure, settings.model, shown_url(settings))
            if error is None:
                raise failure
            self._stop_if_lost(failure, error, spent, begun)
            wait = _wait(failure, retries)
            if error.kind == "rate_limit":
                self._pace.refused(started, wait)
            # While others are answered, the endpoint is only busy: waiting for a turn costs no try.
            if error.kind != "rate_limit" or self._answered_at <= since:
                spent += 1
            since = time.monotonic()
            if not is_transport_fault(error) or spent > settings.transport_retries:
                response = _Response(None, None, None, Usage(), manner, since - started, retries, error)
                return response, await self._keep(asked, response)
            retries += 1
            self._count(retried=1)
            await asyncio.sleep(wait)

    async def _keep(self, asked: _Asked[ReplyT], response: _Response) -> Parsed[ReplyT]:
        """Parse a response; returns once it is on disk.

        A reply that came at a second try is kept under the first try's key: the row asked once.
        """
        parsed = _read(response, asked.request)
        used = response.usage
        self._count(prompt_tokens=used.prompt_tokens, completion_tokens=used.completion_tokens)
        await self._journal.append(self._record(asked, response, parsed))
        return parsed

    async def _send(self, body: dict[str, Any]) -> Any:
        create: Any = self._client.chat.completions.create
        # The client's own timeout is for the gap between two packets, and a keep-alive may fill that for ever.
        async with asyncio.timeout(self._settings.timeout):
            # As extra_body it is sent as it is; typed parameters are walked through one by one at a third of the
            # cost of a call.
            return await create(model=body["model"], messages=[], extra_body=body)

    def _adapt(self, failure: Exception, manner: Manner) -> bool:
        """Step down when the endpoint refuses a parameter; remembered for the gateway's life.

        Args:
            failure: What the call raised.
            manner: How it was asked. Of calls that are refused together only the first steps down.

        Returns:
            Whether something changed since, so that the call is worth sending again.
        """
        lower = manner.stepped_down(failure)
        if lower is None:
            return False
        if self._manner == manner:
            self._manner = lower
        return True

    def _stop_if_lost(self, failure: Exception, error: CallError, spent: int, begun: float) -> None:
        """Give up on the endpoint after a permanent fault, or when it is gone.

        Raises:
            EndpointUnusable: With the mend.
        """
        tries = self._settings.transport_retries
        if not self._answered_at:
            tries = min(tries, _TRIES_TO_REACH)
        gone = is_unreachable(failure) and spent >= tries and self._answered_at <= begun
        if error.permanent or gone:
            raise EndpointUnusable(error.message) from None

    def _record(self, asked: _Asked[Any], response: _Response, parsed: Parsed[Any]) -> CallRecord:
        request = asked.request
        purpose = request.purpose
        error = parsed.error
        return CallRecord(
            key=asked.key,
            call_id=asked.call_id,
            stage=purpose.stage,
            task=purpose.task,
            role=purpose.role,
            domain=purpose.domain,
            dialogue_id=purpose.dialogue_id,
            round=purpose.round,
            turn_ids=purpose.turn_ids,
            model=self._settings.model,
            endpoint=endpoint_host(self._settings),
            messages=response.manner.messages(request, asked.exchange),
            sampling=request.sampling.model_dump(),
            response=response.text,
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
            try:
                self._on_progress(self._progress)
            except Exception:
                # Rows must not fail because nobody listens any more.
                self._on_progress = None


def _wait(failure: Exception, retries: int) -> float:
    """Seconds to wait before the next try: as long as the endpoint asks, else ever longer."""
    asked_for = retry_after(failure)
    if asked_for is not None:
        return min(_LONGEST_ASKED_WAIT, asked_for) * (1 + random.random() / 10)  # noqa: S311 - jitter, not a secret
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(retries, 10)) * (0.5 + random.random())  # noqa: S311 - jitter


def _read(response: _Response, request: ModelRequest[ReplyT]) -> Parsed[ReplyT]:
    if response.error is not None:
        return Parsed(None, response.error)
    if response.refusal:
        return Parsed(None, CallError(kind="refused", message=f"The model refused: {response.refusal[:300]}"))
    return parse_reply(response.text, request.reply_type, response.finish_reason)


def _response(completion: Any, manner: Manner) -> _Response:
    """Read a completion as it came: the client checks no types, and endpoints differ.

    Raises:
        StrangeAnswer: If it is no chat completion.
        ErrorInAnswer: If it tells of an error instead.
    """
    if not isinstance(completion, ChatCompletion):
        raise StrangeAnswer(f"a {type(completion).__name__}: {str(completion)[:100]}")
    choices = cast("list[Any] | None", completion.choices)
    if not isinstance(choices, list):
        error = getattr(completion, "error", None)
        raise ErrorInAnswer(str(error)) if error else StrangeAnswer("no choices")
    usage = completion.usage
    prompt = getattr(usage, "prompt_tokens_details", None)
    output = getattr(usage, "completion_tokens_details", None)
    counted = Usage(
        prompt_tokens=_tokens(usage, "prompt_tokens"),
        cached_tokens=_tokens(prompt, "cached_tokens"),
        completion_tokens=_tokens(usage, "completion_tokens"),
        reasoning_tokens=_tokens(output, "reasoning_tokens"),
    )
    choice = choices[0] if choices else None
    message = getattr(choice, "message", None)
    finish_reason = _text(getattr(choice, "finish_reason", None))
    return _Response(
        _text(getattr(message, "content", None)),
        finish_reason,
        _text(getattr(message, "refusal", None)),
        counted,
        manner,
    )


def _text(value: Any) -> str | None:
    """A text field, free of what UTF-8 can't hold and of the API key; parts of a content are joined."""
    if isinstance(value, list):
        parts = cast("list[dict[str, Any]]", [part for part in cast("list[Any]", value) if isinstance(part, dict)])
        value = "".join(str(part.get("text") or "") for part in parts)
    if not isinstance(value, str):
        return None
    return redact_reply(value if value.isascii() else value.encode(errors="replace").decode())


def _tokens(usage: Any, name: str) -> int:
    count = getattr(usage, name, None)
    return min(count, _MOST_TOKENS) if isinstance(count, int) and count > 0 else 0


def _exchange(text: str, error: CallError) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}, {"role": "user", "content": correction(error)}]


def _added(one: Usage, other: Usage) -> Usage:
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in Usage.model_fields})
