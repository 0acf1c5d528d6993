"""An endpoint as the gateway uses it: one model, one client, one manner of asking, one limiter.

Belongs here: one call, with its tries after transport faults. Does not belong here:
what a reply is good for (``gateway``), when a call may start (``limits``), what is
sent (``asking``), what the endpoint takes (``terms``).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from openai import APIStatusError, AsyncOpenAI
from pydantic_core import to_json

from toolace_dagster.llm.faults import StrangeAnswer, is_overload, read_fault
from toolace_dagster.llm.limits import Limiter, Limits
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.progress import Meter
from toolace_dagster.llm.protocol import EndpointBusy, ModelRequest
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
from toolace_dagster.llm.tries import Health, Tries
from toolace_dagster.llm.wire import Wire
from toolace_dagster.settings import ModelSettings

_FIRST_GUESS = 400.0
_SHORTEST_CAP = 120.0
"""Seconds for which everybody may be held back where an endpoint refuses all and asks for no wait."""
_CHARACTERS_A_TOKEN = 4

KeptT = TypeVar("KeptT")


def account_of(settings: ModelSettings) -> str:
    """What calls in flight are counted by, whichever model they ask: address and key."""
    return f"{shown_url(settings)} {settings.api_key_env}"


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
            EndpointBusy: If the endpoint asks to wait for longer than the run does.
        """
        ...


class Endpoint(CallsModel):
    """One model at one endpoint, for the life of a gateway.

    Attributes:
        settings: Model and calling settings.
        host: Host of the endpoint, for records.
        terms: What it takes.
        slots: Calls in flight that this model shares with others at its address; None where there are no others.
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
            Limits(
                settings.concurrency,
                settings.requests_per_minute,
                settings.tokens_per_minute,
                max(_SHORTEST_CAP, settings.longest_retry_after),
            ),
            None if settings.endpoint_kind == "offline" else limits,
            f"{account_of(settings)} {settings.model}",
            on_note=on_warning,
        )
        self.slots: Limiter | None = None
        self._reply_tokens = _FIRST_GUESS
        self.terms = Terms(settings, memory)
        self._health = Health()
        self._closing = asyncio.Event()

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
        settings, now, health = self.settings, self._meter.now, self._health
        tries = Tries(settings, shown_url(settings), health)
        while True:
            permit = await self._limiter.admit(self._guess(request, exchange), again=tries.retries > 0)
            place = None
            try:
                if self.slots is not None:
                    place = await self.slots.admit()
                if health.closed is not None:
                    raise health.closed
                check()
                manner = self.terms.manner
                started = time.monotonic()
                tries.sends(started)
                now.in_flight += 1
                self._meter.tell()
                try:
                    body = await self._send(manner.body(settings, request, exchange, attempt))
                    latency = time.monotonic() - started
                    response = read_response(body, manner, latency=latency, retries=tries.retries)
                except Exception as raised:
                    failure, wait = raised, tries.wait(raised)
                    if is_overload(failure) and wait <= settings.longest_retry_after:
                        permit.refused(wait)
                else:
                    health.answered(started)
                    kept = await keep(response)
                    permit.answered(self._tokens_used(response))
                    return kept
                finally:
                    now.in_flight -= 1
            finally:
                # Counts only if the call has not ended in another way.
                permit.failed()
                if place is not None:
                    place.failed()
            if self.terms.refused(failure, manner, request):
                continue
            error = read_fault(failure, settings, shown_url(settings))
            if error is None:
                raise failure
            try:
                given_up = tries.after(failure, error)
            except EndpointBusy as busy:
                health.closed = busy
                self._closing.set()
                raise
            if given_up is not None:
                latency = time.monotonic() - started
                return await keep(Response.fault(given_up, manner, latency=latency, retries=tries.retries))
            now.retried += 1
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than the endpoint is asked anything."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

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
