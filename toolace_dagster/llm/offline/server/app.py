"""The application: all routes behind one key, and serving it.

Belongs here: putting the routes together, completions, artificial latency. Does
not belong here: files and batches (modules of their own), answers (``model``).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from aiohttp import web

from toolace_dagster.llm.offline.model import CREATED, MODEL_NAME, OfflineModel
from toolace_dagster.llm.offline.server.batches import MOST_LINES, Batches, Fate
from toolace_dagster.llm.offline.server.body import read_json
from toolace_dagster.llm.offline.server.completions import complete
from toolace_dagster.llm.offline.server.files import MOST_BYTES, Files
from toolace_dagster.llm.offline.server.refusals import Refusal

_MAX_BODY = 32 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    model: OfflineModel | None = None,
    *,
    latency: float = 0.0,
    jitter: float = 0.0,
    api_key: str | None = None,
    batch_fate: Fate | Callable[[int], Fate] | None = None,
    most_lines: int = MOST_LINES,
    most_bytes: int = MOST_BYTES,
    batches: bool = True,
) -> web.Application:
    """The application.

    Args:
        model: Model that answers; one at its documented error rates by default.
        latency: Seconds every live completion waits.
        jitter: Up to this many seconds more, evenly spread.
        api_key: When given, requests need it as a bearer token.
        batch_fate: What becomes of batches: the same for all, or by their number, from 1. Done at once by default.
        most_lines: Requests a batch may hold.
        most_bytes: Size a batch's input may have, in bytes.
        batches: Whether there are files and batches at all; many endpoints have neither.

    Returns:
        An aiohttp application with ``/v1/chat/completions``, ``/v1/models``, ``/v1/files`` and ``/v1/batches``.
    """
    answering = model or OfflineModel()
    waits = random.Random(0)  # noqa: S311

    async def completions(request: web.Request) -> web.Response:
        body = await read_json(request)
        if latency or jitter:
            await asyncio.sleep(latency + waits.random() * jitter)
        return web.json_response(complete(answering, body))

    async def models(_: web.Request) -> web.Response:
        listed = [{"id": MODEL_NAME, "object": "model", "created": CREATED, "owned_by": "toolace-dagster"}]
        return web.json_response({"object": "list", "data": listed})

    async def unknown(request: web.Request) -> web.Response:
        raise Refusal(404, f"Unknown request URL: {request.method} {request.path}.", code="unknown_url")

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if api_key is not None and request.headers.get("Authorization") != f"Bearer {api_key}":
                raise Refusal(401, "Incorrect API key provided.", code="invalid_api_key")
            return await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.envelope, status=refusal.status)

    app = web.Application(client_max_size=_MAX_BODY, middlewares=[guard])
    app.router.add_post("/v1/chat/completions", completions)
    app.router.add_get("/v1/models", models)
    if batches:
        files = Files(most_bytes)
        files.add_routes(app.router)
        Batches(answering, files, batch_fate, most_lines).add_routes(app)
    app.router.add_route("*", "/{path:.*}", unknown)
    return app


def serve(
    host: str = "127.0.0.1",
    port: int = 8089,
    *,
    error_rate: float = 1.0,
    latency: float = 0.0,
    jitter: float = 0.0,
    api_key: str | None = None,
    batch_seconds: float = 0.0,
    batch_failing: float = 0.0,
) -> None:
    """Serve until interrupted.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        error_rate: Multiplies the documented error rates.
        latency: Seconds every live completion waits.
        jitter: Up to this many seconds more.
        api_key: When given, requests need it.
        batch_seconds: Seconds a batch takes.
        batch_failing: Share of a batch's lines that fail.
    """
    fate = Fate(seconds=batch_seconds, failing_share=batch_failing)
    app = make_app(OfflineModel(error_rate), latency=latency, jitter=jitter, api_key=api_key, batch_fate=fate)
    web.run_app(app, host=host, port=port, print=None)
