"""The offline model over HTTP, for load tests and for clients that want a port.

Belongs here: routes, errors in OpenAI's shape, artificial latency. Does not
belong here: answers (``model``).
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aiohttp import web

from toolace_dagster.llm.offline.model import CREATED, MODEL_NAME, OfflineModel
from toolace_dagster.llm.offline.shapes import as_list, as_object

_MAX_BODY = 32 * 1024 * 1024


def make_app(
    model: OfflineModel | None = None, *, latency: float = 0.0, jitter: float = 0.0, api_key: str | None = None
) -> web.Application:
    """The application.

    Args:
        model: Model that answers; one at its documented error rates by default.
        latency: Seconds every completion waits.
        jitter: Up to this many seconds more, evenly spread.
        api_key: When given, requests need it as a bearer token.

    Returns:
        An aiohttp application with ``POST /v1/chat/completions`` and ``GET /v1/models``.
    """
    answering = model or OfflineModel()
    waits = random.Random(0)  # noqa: S311

    def refused(request: web.Request) -> web.Response | None:
        if api_key is None or request.headers.get("Authorization") == f"Bearer {api_key}":
            return None
        return _error(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")

    async def complete(request: web.Request) -> web.Response:
        denied = refused(request)
        if denied is not None:
            return denied
        try:
            body: Any = await request.json()
        except ValueError:
            return _error(400, "The body of the request is not valid JSON.", "invalid_request_error", None)
        asked = as_object(body)
        if not as_list(asked.get("messages")):
            return _error(400, "'messages' is missing or empty.", "invalid_request_error", None)
        # `toolace run --model offline` means the embedded model, so a served one is called offline-something.
        if not str(asked.get("model")).startswith(MODEL_NAME):
            return _error(
                404, f"The model {body.get('model')!r} does not exist.", "invalid_request_error", "model_not_found"
            )
        if latency or jitter:
            await asyncio.sleep(latency + waits.random() * jitter)
        return web.json_response(answering.chat_completion(asked))

    async def models(request: web.Request) -> web.Response:
        denied = refused(request)
        if denied is not None:
            return denied
        listed = [{"id": MODEL_NAME, "object": "model", "created": CREATED, "owned_by": "toolace-dagster"}]
        return web.json_response({"object": "list", "data": listed})

    async def unknown(request: web.Request) -> web.Response:
        return _error(
            404, f"Unknown request URL: {request.method} {request.path}.", "invalid_request_error", "unknown_url"
        )

    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
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
) -> None:
    """Serve until interrupted.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        error_rate: Multiplies the documented error rates.
        latency: Seconds every completion waits.
        jitter: Up to this many seconds more.
        api_key: When given, requests need it.
    """
    app = make_app(OfflineModel(error_rate), latency=latency, jitter=jitter, api_key=api_key)
    web.run_app(app, host=host, port=port, print=None)


def _error(status: int, message: str, kind: str, code: str | None) -> web.Response:
    return web.json_response({"error": {"message": message, "type": kind, "param": None, "code": code}}, status=status)
