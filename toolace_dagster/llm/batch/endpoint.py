"""An endpoint whose calls go through batches; the gateway can't tell it from a live one.

Belongs here: one call, with its tries in later batches. Does not belong here:
batches themselves (``desk``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from toolace_dagster.llm.batch.desk import BatchDesk
from toolace_dagster.llm.batch.lines import Line, LineLost
from toolace_dagster.llm.endpoint import CallsModel, KeptT
from toolace_dagster.llm.faults import is_transport_fault, read_fault
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.progress import Meter
from toolace_dagster.llm.protocol import CallError, EndpointUnusable, ModelRequest
from toolace_dagster.llm.responses import Response, read_response
from toolace_dagster.llm.terms import Terms
from toolace_dagster.llm.transport import endpoint_host, shown_url
from toolace_dagster.settings import ModelSettings


class BatchEndpoint(CallsModel):
    """One model at one endpoint, asked in batches, for the life of a gateway.

    Attributes:
        settings: Model and calling settings.
        host: Host of the endpoint, for records.
        terms: What it takes.
    """

    def __init__(self, settings: ModelSettings, meter: Meter, desk: BatchDesk, memory: EndpointMemory) -> None:
        """Name what it works with.

        Args:
            settings: Model and calling settings.
            meter: Counts tries.
            desk: Takes its lines.
            memory: What endpoints refused before.
        """
        self.settings = settings
        self.host = endpoint_host(settings)
        self._meter = meter
        self._desk = desk
        self.terms = Terms(settings, memory)

    async def close(self) -> None:
        """Do nothing: the desk is its office's to close, since other endpoints may share it."""

    async def call(
        self,
        request: ModelRequest[Any],
        exchange: list[dict[str, Any]],
        attempt: int,
        *,
        check: Callable[[], None],
        keep: Callable[[Response], Awaitable[KeptT]],
    ) -> KeptT:
        """See :class:`CallsModel`: by a line of a batch, and by lines of later batches after faults of the moment."""
        key = request.key(self.settings)
        sent = retries = 0
        while True:
            check()
            manner = self.terms.manner.of(request)
            body = manner.body(self.settings, request, exchange, attempt)
            answer = await self._desk.ask(Line(f"{key}-{attempt}-{sent}", key, body, manner, request.purpose.stage))
            sent += 1
            try:
                response = read_response(answer.body, answer.manner, latency=answer.seconds, retries=retries)
            except Exception as raised:
                failure = raised
            else:
                return await keep(replace(response, batch_id=answer.batch_id, kept=answer.kept))
            if self.terms.refused(failure, answer.manner, request):
                continue
            error = self._read(failure)
            if error.permanent:
                raise EndpointUnusable(error.message) from None
            if not is_transport_fault(error) or retries >= self.settings.transport_retries:
                fault = Response.fault(error, answer.manner, latency=answer.seconds, retries=retries)
                return await keep(replace(fault, batch_id=answer.batch_id, kept=answer.kept))
            retries += 1
            self._meter.now.retried += 1

    def _read(self, failure: Exception) -> CallError:
        if isinstance(failure, LineLost):
            return failure.error
        error = read_fault(failure, self.settings, shown_url(self.settings))
        if error is None:
            raise failure
        return error
