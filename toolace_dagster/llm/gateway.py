"""The gateway: one typed request in, one typed result out, whatever happens in between.

It knows which model answers which role, shows a model what was wrong with its
reply, and has every response on disk before it is used.

Belongs here: the life of one request. Does not belong here: rows (``driver``),
durability (``journal``), a single call and its tries (``endpoint``), parsing
(``structured``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self
from weakref import WeakValueDictionary

from pydantic_core import to_json

from toolace_dagster.llm.batch.office import BatchOffice
from toolace_dagster.llm.chain import NO_TRIES, Chain
from toolace_dagster.llm.endpoint import CallsModel, Endpoint, account_of
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.limits import Limiter, Limits
from toolace_dagster.llm.memory import EndpointMemory
from toolace_dagster.llm.money.budget import Admission, Bound, Budget
from toolace_dagster.llm.progress import Meter, Progress
from toolace_dagster.llm.protocol import NO_USAGE, ModelRequest, ModelResult, ReplyT, Usage
from toolace_dagster.llm.records import CallRecord, CallUse
from toolace_dagster.llm.responses import Response
from toolace_dagster.llm.structured import Parsed, parse_reply
from toolace_dagster.settings import ROLES, ModelRole, ModelSettings


@dataclass(frozen=True)
class _Asked(Generic[ReplyT]):
    """One try at a request."""

    request: ModelRequest[ReplyT]
    endpoint: CallsModel
    key: str
    call_id: str
    chain: Chain[ReplyT]


class Gateway:
    """Makes the calls of one stage of one domain; an async context manager."""

    def __init__(
        self,
        models: ModelSettings | Mapping[ModelRole, ModelSettings],
        journal: CallJournal,
        *,
        budget: Budget | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
        limits: Path | None = None,
        memory: EndpointMemory | None = None,
    ) -> None:
        """Prepare; clients are made when the gateway is entered.

        Args:
            models: Model and calling settings of each role, or of all.
            journal: Where responses are kept.
            budget: Prices, and what may be spent; None knows neither.
            on_progress: Told of progress a few times a second.
            on_warning: Told when the limits of an endpoint can't be shared; by default it is a warning of Python's.
            limits: Folder through which processes that ask the same endpoint share its limits.
            memory: What endpoints refused before; without it each gateway has to find out.
        """
        self._models = dict.fromkeys(ROLES, models) if isinstance(models, ModelSettings) else dict(models)
        self._journal = journal
        self._on_warning = on_warning
        self._limits = limits
        self._budget = budget or Budget()
        self._meter = Meter(on_progress)
        self._memory = memory or EndpointMemory(None)
        self._endpoints: dict[ModelRole, CallsModel] = {}
        self._slots: list[Limiter] = []
        self._live_calls = 0
        self._batches = BatchOffice(journal, self._meter, others_busy=lambda: self._live_calls > 0, memory=self._memory)
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def concurrency(self) -> int:
        """Calls in flight at most, over all endpoints; a batch takes as many as there are."""
        return sum({model.connection: model.most_in_flight for model in self._models.values()}.values())

    async def __aenter__(self) -> Self:
        """Open journal and clients.

        Raises:
            EndpointUnusable: If the settings name no usable endpoint.
            JournalInUse: If another process makes calls for the same domain.
        """
        try:
            self._connect()
            await self._journal.open_in_turn(self._on_warning)
        except BaseException:
            await self._disconnect()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what was paid for, then close."""
        try:
            if kind is None:
                self._batches.settle()
                self._journal.close()
            elif issubclass(kind, Exception):
                # The error that ends the run is the one to tell; what can't be folded now is folded by the next run.
                with suppress(Exception):
                    self._journal.close()
            else:
                # Interrupted: folding may take longer than the patience of whoever interrupts.
                self._journal.keep()
        finally:
            await self._disconnect()
            self._meter.tell(force=True)

    def _connect(self) -> None:
        """Connect each role; roles that differ only in how they sample share an endpoint."""
        made: dict[str, CallsModel] = {}
        for role, model in self._models.items():
            if model.connection not in made:
                made[model.connection] = self._connection(model)
            self._endpoints[role] = made[model.connection]
        self._share_slots(made.values())

    def _connection(self, model: ModelSettings) -> CallsModel:
        if model.mode == "batch":
            return self._batches.endpoint(model)
        return Endpoint(model, self._meter, self._memory, self._limits, self._on_warning)

    def _share_slots(self, endpoints: Iterable[CallsModel]) -> None:
        """Have models at one address count their calls in flight together; one alone counts them itself.

        Limits per minute are each model's own, but how many calls an endpoint takes at once hangs on all of them.
        """
        together: dict[str, list[Endpoint]] = {}
        for endpoint in endpoints:
            if isinstance(endpoint, Endpoint) and endpoint.settings.endpoint_kind != "offline":
                together.setdefault(account_of(endpoint.settings), []).append(endpoint)
        for account, sharing in together.items():
            if len(sharing) > 1:
                most = Limits(max(endpoint.settings.concurrency for endpoint in sharing))
                slots = Limiter(most, self._limits, f"{account} in flight", on_note=self._on_warning)
                self._slots.append(slots)
                for endpoint in sharing:
                    endpoint.slots = slots

    async def _disconnect(self) -> None:
        slots, self._slots = self._slots, []
        for limiter in slots:
            limiter.close()
        endpoints, self._endpoints = set(self._endpoints.values()), {}
        for endpoint in endpoints:
            await endpoint.close()
        await self._batches.close()

    def row_ended(self) -> None:
        """Count a row that has ended."""
        self._meter.now.rows += 1
        self._meter.tell()

    async def complete(self, request: ModelRequest[ReplyT]) -> ModelResult[ReplyT]:
        """Answer a request, from the cache or by calling the model.

        Args:
            request: The typed request.

        Returns:
            The result; its error says why when there is no reply.

        Raises:
            EndpointUnusable: If no call can succeed: wrong key, unknown model, nobody there.
            BudgetReached: If a call would have to be paid for and a limit is reached.
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
        now = self._meter.now
        now.done += 1
        now.failed += result.reply is None
        now.cached += result.cached
        self._meter.tell()
        return result

    async def _answer(self, request: ModelRequest[ReplyT]) -> ModelResult[ReplyT]:
        endpoint = self._endpoints[request.purpose.role]
        key = request.key(endpoint.settings)
        call_id = f"c-{key[:16]}"
        stored = await self._journal.lookup(key)
        if (known := self._known_reply(stored, request, key, call_id)) is not None:
            return known
        # Rows that ask the same at the same time pay once: the second finds the first one's response.
        lock = self._asking.get(key)
        if lock is None:
            lock = self._asking[key] = asyncio.Lock()
        async with lock:
            stored = self._journal.lookup_fresh(key)
            if (known := self._known_reply(stored, request, key, call_id)) is not None:
                return known
            return await self._pay(request, endpoint, key, call_id)

    def _known_reply(
        self, stored: str | None, request: ModelRequest[ReplyT], key: str, call_id: str
    ) -> ModelResult[ReplyT] | None:
        if stored is None:
            return None
        parsed = parse_reply(stored, request.reply_type, None, request.restore)
        if parsed.reply is None:
            return None
        self._journal.note_borrowed(key, request)
        return ModelResult(call_id, parsed.reply, cached=True, tries=0, repairs=parsed.repairs)

    async def _pay(
        self, request: ModelRequest[ReplyT], endpoint: CallsModel, key: str, call_id: str
    ) -> ModelResult[ReplyT]:
        """Call until a reply can be used, each time showing the model what was wrong with the one before."""
        usage = NO_USAGE
        is_live = endpoint.settings.mode == "live"
        # Batches bring the answers to earlier tries again by themselves.
        stored = await self._journal.stored_tries(key) if is_live else NO_TRIES
        chain, ended = stored.taken_up(request, endpoint.settings.repair_tries, endpoint.terms.manner)
        if ended is not None:
            return ModelResult(call_id, ended.reply, error=ended.error, cached=True, tries=0, repairs=ended.repairs)
        while True:
            asked = _Asked(request, endpoint, key, call_id, chain)
            admission = await self._budget.admit(None if is_live else self._most(asked))
            self._live_calls += is_live
            try:
                response, parsed = await endpoint.call(
                    request,
                    chain.exchange,
                    chain.tries,
                    check=self._journal.check,
                    keep=partial(self._keep, asked, admission),
                )
            finally:
                self._live_calls -= is_live
                self._budget.leave(admission)
            usage = _added(usage, response.usage)
            if not chain.goes_on(response, parsed):
                break
            self._meter.now.retried += 1
        parsed = chain.end(response, parsed)
        return ModelResult(
            call_id, parsed.reply, error=parsed.error, usage=usage, tries=chain.tries, repairs=parsed.repairs
        )

    def _most(self, asked: _Asked[Any]) -> Bound:
        """The most that a call by a batch may take; its prompt is sent with a schema."""
        if not self._budget.limits:
            return Bound()
        request, endpoint = asked.request, asked.endpoint
        sent = to_json([request.schema, *endpoint.terms.manner.messages(request, asked.chain.exchange)])
        return self._budget.bound(len(sent), request.sampling.max_tokens, endpoint.settings.model, endpoint.host)

    async def _keep(
        self, asked: _Asked[ReplyT], admission: Admission, response: Response
    ) -> tuple[Response, Parsed[ReplyT]]:
        """Parse a response; returns once it is on disk.

        A reply that came at a second try is kept under the first try's key: the row asked once.
        """
        parsed = asked.chain.parsed(response)
        if response.kept:
            return response, parsed
        asked.endpoint.terms.replied(response.manner, asked.request, response.text, parsed)
        now, used = self._meter.now, response.usage
        now.prompt_tokens += used.prompt_tokens
        now.completion_tokens += used.completion_tokens
        # A fault that outlasted all tries came with no bill.
        model, host, mode = asked.endpoint.settings.model, asked.endpoint.host, asked.endpoint.settings.mode
        if response.error is None:
            cost, price = self._budget.spend(used, model, host, mode, admission)
        else:
            cost, price = self._budget.price(used, model, host, mode)
        now.cost += cost or 0.0
        now.unpriced += cost is None
        await self._journal.append(self._record(asked, response, parsed, cost, price))
        return response, parsed

    def _record(
        self, asked: _Asked[Any], response: Response, parsed: Parsed[Any], cost: float | None, price: str | None
    ) -> CallRecord:
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
            model=asked.endpoint.settings.model,
            endpoint=asked.endpoint.host,
            messages=response.manner.messages(request, asked.chain.exchange),
            sampling=request.sampling.model_dump(exclude_none=True),
            response=response.text,
            usable=parsed.reply is not None,
            error_kind=error.kind if error else None,
            error_message=error.message if error else None,
            finish_reason=response.finish_reason,
            prompt_tokens=response.usage.prompt_tokens,
            cached_tokens=response.usage.cached_tokens,
            cache_write_tokens=response.usage.cache_write_tokens,
            completion_tokens=response.usage.completion_tokens,
            reasoning_tokens=response.usage.reasoning_tokens,
            latency_ms=round(response.latency * 1000, 3),
            retries=response.retries,
            repairs=parsed.repairs,
            run_id=self._journal.run_id,
            created_at=datetime.now(UTC).isoformat(),
            mode=asked.endpoint.settings.mode,
            batch_id=response.batch_id,
            cost=cost,
            price=price,
        )


def _added(one: Usage, other: Usage) -> Usage:
    if one == NO_USAGE:
        return other
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in Usage.model_fields})
