"""An endpoint as the gateway uses it: one model, one client, one manner of asking, one limiter.

Belongs here: one call, with its tries after transport faults. Does not belong here:
what a reply is good for (``gateway``), when a call may start (``limits``), what is
sent (``asking``), what the endpoint takes (``terms``).
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from openai import APIStatusError, AsyncOpenAI
from pydantic_core import to_json

from toolace_dagster.llm.faults import (
    StrangeAnswer,
    is_overload,
    is_transport_fault,
    is_unreachable,
    read_fault,
    retry_after,
)
from toolace_dagster.llm.limits import Limiter, Limits
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.progress import Meter
from toolace_dagster.llm.protocol import CallError, EndpointUnusable, ModelRequest
from toolace_dagster.llm.responses import Response, read_response
from toolace_dagster.llm.terms import Terms
from toolace_dagster.llm.transport import (
    endpoint_host,
    make_client,
    make_http_client,
    redact,
    request_options,
    shown_url,
)
from toolace_dagster.llm.wire import Wire
from toolace_dagster.settings import ModelSettings

_FIRST_WAIT = 0.1
_WAIT_FACTOR = 3
_LONGEST_WAIT = 60.0
_LONGEST_ASKED_WAIT = 120.0
_TRIES_TO_REACH = 2
_FIRST_GUESS = 400.0
_CHARACTERS_A_TOKEN = 4

KeptT = TypeVar("KeptT")


class CallsModel(Protocol):
    """What the gateway needs of a model: one call, live (:class:`Endpoint`) or by a batch.

    Attributes:
        settings: Model and calling settings.
        host: Host of the endpoint, for records.
        terms: What it takes.
    """

    settings: ModelSettings
    host: str
    terms: Terms

    async def close(self) -> None:
        """Let go of the connections."""
        ...

    async def call(
        self,
        request: ModelRequest[Any],
        exchange: list[dict[str, Any]],
        attempt: int,
        *,
        check: Callable[[], None],
        keep: Callable[[Response], Awaitable[KeptT]],
    ) -> KeptT:
        """Make one call, trying again after faults of the moment.

        Args:
            request: The request.
            exchange: An unusable reply and its correction, to go with it.
            attempt: How many replies to this request were unusable so far.
            check: Called before anything is paid for; raises when it must not be.
            keep: Puts the response on disk. Called before a live call's slot is free again, so that never more than
                fill the slots are paid for and not yet on disk.

        Returns:
            What ``keep`` returned.

        Raises:
            EndpointUnusable: If no call can succeed.
        """
        ...


class Endpoint(CallsModel):
    """One model at one endpoint, for the life of a gateway.

    Attributes:
        settings: Model and calling settings.
        host: Host of the endpoint, for records.
        terms: What it takes.
    """

    def __init__(
        self,
        settings: ModelSettings,
        meter: Meter,
        memory: EndpointMemory,
        limits: Path | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        """Make the client; nothing is sent yet.

        Args:
            settings: Model and calling settings.
            meter: Counts calls in flight and tries.
            memory: What endpoints refused before.
            limits: Folder through which processes that ask the same endpoint share its limits; None for this one
                alone. The offline model shares nothing.
            on_warning: Told once when limits can't be shared.

        Raises:
            EndpointUnusable: If the settings name no usable endpoint.
        """
        self.settings = settings
        http = make_http_client(settings)
        self._client: AsyncOpenAI = make_client(settings, http)
        url = f"{str(self._client.base_url).rstrip('/')}/chat/completions"
        self._wire = Wire(self._client, http, url, request_options(settings))
        self.host = endpoint_host(settings)
        self._meter = meter
        self._limiter = Limiter(
            Limits(settings.concurrency, settings.requests_per_minute, settings.tokens_per_minute),
            None if settings.endpoint_kind == "offline" else limits,
            f"{shown_url(settings)} {settings.model} {settings.api_key_env}",
            on_note=on_warning,
        )
        self._reply_tokens = _FIRST_GUESS
        self.terms = Terms(settings, memory)
        self._answered_at = 0.0

    async def close(self) -> None:
        """Let go of the connections."""
        self._limiter.close()
        await self._client.close()

    async def call(
        self,
        request: ModelRequest[Any],
        exchange: list[dict[str, Any]],
        attempt: int,
        *,
        check: Callable[[], None],
        keep: Callable[[Response], Awaitable[KeptT]],
    ) -> KeptT:
        """See :class:`CallsModel`; the slot is free while waiting for another try."""
        settings, now = self.settings, self._meter.now
        begun = since = 0.0
        retries = spent = 0
        while True:
            permit = await self._limiter.admit(self._guess(request, exchange))
            try:
                check()
                manner = self.terms.manner
                started = time.monotonic()
                begun, since = begun or started, since or started
                now.in_flight += 1
                self._meter.tell()
                try:
                    body = await self._send(manner.body(settings, request, exchange, attempt))
                    latency = time.monotonic() - started
                    response = read_response(body, manner, latency=latency, retries=retries)
                except Exception as raised:
                    failure, wait = raised, _wait(raised, retries)
                    if is_overload(failure):
                        permit.refused(wait)
                else:
                    self._answered_at = time.monotonic()
                    kept = await keep(response)
                    permit.answered(self._tokens_used(response))
                    return kept
                finally:
                    now.in_flight -= 1
            finally:
                # Counts only if the call has not ended in another way.
                permit.failed()
            if self.terms.refused(failure, manner, request):
                continue
            error = read_fault(failure, settings, shown_url(settings))
            if error is None:
                raise failure
            self._stop_if_lost(failure, error, spent, begun)
            # While others are answered, the endpoint is only busy: waiting for a turn costs no try.
            if error.kind != "rate_limit" or self._answered_at <= since:
                spent += 1
            since = time.monotonic()
            if not is_transport_fault(error) or spent > settings.transport_retries:
                return await keep(Response.fault(error, manner, latency=since - started, retries=retries))
            retries += 1
            now.retried += 1
            await asyncio.sleep(wait)

    async def _send(self, body: dict[str, Any]) -> Any:
        # The client's own timeout is for the gap between two packets, and a keep-alive may fill that for ever.
        async with asyncio.timeout(self.settings.timeout):
            # Encoded here, where it is a third as dear as in the client.
            try:
                answer = await self._wire.post(to_json(body))
            except APIStatusError as refusal:
                self._limiter.note_headers(refusal.response.headers)
                raise
        self._limiter.note_headers(answer.headers)
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise StrangeAnswer(f"{redact(answer.content.decode(errors='replace'))[:100]!r}: {error}") from error

    def _guess(self, request: ModelRequest[Any], exchange: list[dict[str, Any]]) -> int:
        """Tokens that a call will probably use."""
        if self.settings.endpoint_kind == "offline":
            return 0
        characters = sum([len(message.content) for message in request.messages])
        characters += sum([len(str(message["content"])) for message in exchange])
        return characters // _CHARACTERS_A_TOKEN + int(self._reply_tokens)

    def _tokens_used(self, response: Response) -> int | None:
        usage = response.usage
        if not usage.prompt_tokens:
            return None
        self._reply_tokens += (usage.completion_tokens - self._reply_tokens) / 8
        return usage.prompt_tokens + usage.completion_tokens

    def _stop_if_lost(self, failure: Exception, error: CallError, spent: int, begun: float) -> None:
        """Give up on the endpoint after a permanent fault, or when it is gone.

        Raises:
            EndpointUnusable: With the mend.
        """
        tries = self.settings.transport_retries
        if not self._answered_at:
            tries = min(tries, _TRIES_TO_REACH)
        gone = is_unreachable(failure) and spent >= tries and self._answered_at <= begun
        if error.permanent or gone:
            raise EndpointUnusable(error.message) from None


def _wait(failure: Exception, retries: int) -> float:
    """Seconds to wait before the next try: as long as the endpoint asks, else ever longer."""
    asked_for = retry_after(failure)
    if asked_for is not None:
        return min(_LONGEST_ASKED_WAIT, asked_for) * (1 + random.random() / 10)  # noqa: S311 - jitter, not a secret
    return min(_LONGEST_WAIT, _FIRST_WAIT * _WAIT_FACTOR ** min(retries, 10)) * (0.5 + random.random())  # noqa: S311 - jitter
