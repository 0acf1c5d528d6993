"""Batches: created, worked off, looked at and cancelled.

A batch is ``validating`` until its file was read, then ``in_progress`` line by
line, ``finalizing`` while its files are written, and ends as ``completed``,
``failed`` (the file is wrong), ``expired`` or ``cancelled``.

Belongs here: ``/v1/batches`` and the life of a batch. Does not belong here: the
lines of its files (``batch_lines``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from toolace_dagster.llm.offline.model import OfflineModel
from toolace_dagster.llm.offline.server.batch_lines import Line, answered, fault, left_out, read_lines, to_file
from toolace_dagster.llm.offline.server.body import read_json
from toolace_dagster.llm.offline.server.completions import complete
from toolace_dagster.llm.offline.server.files import Files, StoredFile
from toolace_dagster.llm.offline.server.listing import page
from toolace_dagster.llm.offline.server.refusals import Refusal
from toolace_dagster.llm.offline.shapes import as_object

MOST_LINES: Final = 50_000
"""Requests of one batch at most; OpenAI's own limit."""

_ENDPOINT: Final = "/v1/chat/completions"
_WINDOW: Final = "24h"
_DAY: Final = 24 * 3600
_LISTED: Final = 20
_MOST_LISTED: Final = 100
_TICK: Final = 0.02
_STEPS: Final = {"validating": 0.1, "in_progress": 0.8, "finalizing": 0.1}
"""Share of a batch's time that it spends in each status."""

_NOT_RUN: Final = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "This request was not executed because the batch was cancelled."),
}


@dataclass(frozen=True)
class Fate:
    """What becomes of a batch.

    Attributes:
        seconds: How long it takes.
        failing_share: Share of its lines that end in an error 500, picked by their ids.
        expires_after: Share of its lines that are worked off before it expires; None lets it end.
        fails: Code of an error that fails it as a whole, such as ``token_limit_exceeded``.
        rejected: An error that refuses its creation.
    """

    seconds: float = 0.0
    failing_share: float = 0.0
    expires_after: float | None = None
    fails: str | None = None
    rejected: Refusal | None = None


@dataclass
class _Batch:
    """One batch and what was made of it so far."""

    input_file_id: str
    endpoint: str
    metadata: dict[str, str] | None
    fate: Fate
    id: str = field(default_factory=lambda: f"batch_{uuid4().hex}")
    status: str = "validating"
    model: str | None = None
    times: dict[str, int] = field(default_factory=dict[str, int])
    faults: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    lines: list[Line] = field(default_factory=list[Line])
    outputs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    output_file_id: str | None = None
    error_file_id: str | None = None

    def enter(self, status: str) -> None:
        self.status = status
        self.times[status] = int(time.time())

    @property
    def shape(self) -> dict[str, Any]:
        """The batch object."""
        created = self.times["created"]
        ends = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "model": self.model,
            "errors": {"object": "list", "data": self.faults} if self.faults else None,
            "input_file_id": self.input_file_id,
            "completion_window": _WINDOW,
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": created,
            "expires_at": created + _DAY,
            **{f"{status}_at": self.times.get(status) for status in ends},
            "request_counts": {
                "total": len(self.lines),
                "completed": len(self.outputs),
                "failed": len(self.errors),
            },
            "usage": self._usage(),
            "metadata": self.metadata,
        }

    def _usage(self) -> dict[str, Any]:
        asked = sum(line["response"]["body"]["usage"]["prompt_tokens"] for line in self.outputs)
        told = sum(line["response"]["body"]["usage"]["completion_tokens"] for line in self.outputs)
        return {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": told,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + told,
        }


class Batches:
    """All batches of one server, in memory.

    Args:
        model: Model that answers their lines.
        files: Where inputs are and outputs go.
        fate: What becomes of them: the same for all, or by their number, from 1; refused ones are counted too.
        most_lines: Requests one may hold.
    """

    def __init__(
        self,
        model: OfflineModel,
        files: Files,
        fate: Fate | Callable[[int], Fate] | None = None,
        most_lines: int = MOST_LINES,
    ) -> None:
        self._model = model
        self._files = files
        self._fate = fate or Fate()
        self._most_lines = most_lines
        self._batches: dict[str, _Batch] = {}
        self._asked = 0
        self._lives: set[asyncio.Task[None]] = set()

    def add_routes(self, app: web.Application) -> None:
        """Answer ``/v1/batches`` and what is below it, and end with the application."""
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{id}", self._retrieve)
        app.router.add_post("/v1/batches/{id}/cancel", self._cancel)
        app.cleanup_ctx.append(self._ending)

    async def _ending(self, _: web.Application) -> AsyncIterator[None]:
        yield
        for life in self._lives:
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)

    async def _create(self, request: web.Request) -> web.Response:
        batch = self._checked(as_object(await read_json(request)))
        batch.times["created"] = int(time.time())
        self._batches[batch.id] = batch
        life = asyncio.create_task(self._live(batch))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        return web.json_response(batch.shape)

    def _checked(self, asked: dict[str, Any]) -> _Batch:
        for name in ("input_file_id", "endpoint", "completion_window"):
            if not isinstance(asked.get(name), str):
                raise Refusal(
                    400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
                )
        if asked["endpoint"] != _ENDPOINT:
            told = f"Invalid value: {asked['endpoint']!r}. Supported values are: {_ENDPOINT!r}."
            raise Refusal(400, told, param="endpoint", code="invalid_value")
        if asked["completion_window"] != _WINDOW:
            told = f"Invalid value: {asked['completion_window']!r}. Supported values are: {_WINDOW!r}."
            raise Refusal(400, told, param="completion_window", code="invalid_value")
        metadata = _metadata(asked.get("metadata"))
        if self._files.get(asked["input_file_id"]).purpose != "batch":
            raise Refusal(400, "The input file's purpose is not 'batch'.", param="input_file_id")
        self._asked += 1
        fate = self._fate(self._asked) if callable(self._fate) else self._fate
        if fate.rejected is not None:
            raise fate.rejected
        return _Batch(asked["input_file_id"], _ENDPOINT, metadata, fate)

    def _get(self, request: web.Request) -> _Batch:
        batch = self._batches.get(request.match_info["id"])
        if batch is None:
            raise Refusal(404, f"No batch found with id '{request.match_info['id']}'.", param="batch_id")
        return batch

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(self._get(request).shape)

    async def _list(self, request: web.Request) -> web.Response:
        newest_first = [batch.shape for batch in reversed(self._batches.values())]
        return web.json_response(page(newest_first, request.query, limit=_LISTED, most=_MOST_LISTED))

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self._get(request)
        if batch.status not in (*_STEPS, "cancelling"):
            raise Refusal(409, f"Cannot cancel a batch with status '{batch.status}'.")
        if batch.status != "cancelling":
            batch.enter("cancelling")
        return web.json_response(batch.shape)

    async def _live(self, batch: _Batch) -> None:
        try:
            end = await self._work(batch)
        except Refusal as refusal:
            # Its input was deleted before it was read.
            batch.faults = [fault("invalid_input_file", refusal.message, param="input_file_id")]
            end = "failed"
        if end != "failed":
            code, message = _NOT_RUN.get(end, ("", ""))
            done = {line["custom_id"] for line in (*batch.outputs, *batch.errors)}
            batch.errors += [left_out(line, code, message) for line in batch.lines if line.custom_id not in done]
            batch.output_file_id = self._keep(batch, "output", batch.outputs)
            batch.error_file_id = self._keep(batch, "error", batch.errors)
        batch.enter(end)

    async def _work(self, batch: _Batch) -> str:
        """Bring a batch to its end; gives the status it ends with."""
        if await self._pass(batch, "validating"):
            return "cancelled"
        lines, batch.faults = read_lines(self._files.get(batch.input_file_id).content, batch.endpoint, self._most_lines)
        if batch.fate.fails and not batch.faults:
            batch.faults = [fault(batch.fate.fails, f"The batch failed as told: {batch.fate.fails}.")]
        if batch.faults:
            return "failed"
        batch.lines, batch.model = lines, str(lines[0].body.get("model"))
        batch.enter("in_progress")
        started = time.monotonic()
        worked_off = len(lines) if batch.fate.expires_after is None else int(batch.fate.expires_after * len(lines))
        for number, line in enumerate(lines[:worked_off], start=1):
            due = started + _STEPS["in_progress"] * batch.fate.seconds * number / len(lines)
            if await _cancelled_before(batch, due):
                return "cancelled"
            self._answer(batch, line)
        if worked_off < len(lines):
            return "expired"
        batch.enter("finalizing")
        return "cancelled" if await self._pass(batch, "finalizing") else "completed"

    async def _pass(self, batch: _Batch, status: str) -> bool:
        """Spend the time of a status; tells whether the batch was cancelled meanwhile."""
        return await _cancelled_before(batch, time.monotonic() + _STEPS[status] * batch.fate.seconds)

    def _answer(self, batch: _Batch, line: Line) -> None:
        try:
            if _unlucky(line.custom_id, batch.fate.failing_share):
                raise Refusal(500, "The server had an error while processing your request.", kind="server_error")
            batch.outputs.append(answered(line, 200, complete(self._model, line.body)))
        except Refusal as refusal:
            batch.errors.append(answered(line, refusal.status, refusal.envelope))

    def _keep(self, batch: _Batch, kind: str, lines: list[dict[str, Any]]) -> str | None:
        """Keep an output or error file, unless it would be empty."""
        if not lines:
            return None
        return self._files.add(StoredFile(to_file(lines), f"{batch.id}_{kind}.jsonl", "batch_output"))


async def _cancelled_before(batch: _Batch, due: float) -> bool:
    """Wait until a moment of the monotonic clock, or until the batch is cancelled."""
    while True:
        wait = due - time.monotonic()
        # At least one turn of the loop, so that others are answered while a long batch is worked off.
        await asyncio.sleep(min(max(wait, 0.0), _TICK))
        if batch.status == "cancelling":
            return True
        if wait <= _TICK:
            return False


def _unlucky(custom_id: str, share: float) -> bool:
    drawn = int.from_bytes(sha256(custom_id.encode()).digest()[:4], "big") / 2**32
    return drawn < share


def _metadata(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    metadata = as_object(value)
    if len(metadata) > 16 or not isinstance(value, dict):
        raise Refusal(400, "'metadata' must be an object of at most 16 pairs.", param="metadata")
    for key, text in metadata.items():
        if not isinstance(text, str) or len(key) > 64 or len(text) > 512:
            told = "Keys of 'metadata' have at most 64 characters, and values are texts of at most 512."
            raise Refusal(400, told, param=f"metadata.{key[:64]}")
    return metadata
