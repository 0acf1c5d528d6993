"""Local endpoints in a thread, each on a port of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from aiohttp import web

from toolace_dagster.llm.offline import OfflineModel, make_app

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextmanager
def served(app: web.Application) -> Generator[str]:
    """Serve an application; gives the base URL that a client of an OpenAI-compatible endpoint takes."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    ports: list[int] = []
    runner = web.AppRunner(app)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
        ready.set()

    def work() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{ports[0]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def offline_app(*, error_rate: float = 0.0, refuse: Callable[[str], bool] | None = None) -> web.Application:
    """The offline model over HTTP; requests whose body `refuse` picks are answered with status 400."""
    app = make_app(OfflineModel(error_rate))

    @web.middleware
    async def refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refuse is not None and refuse(await request.text()):
            return web.json_response({"error": {"message": "this prompt is refused", "type": "x"}}, status=400)
        return await handler(request)

    app.middlewares.append(refusing)
    return app


def answering(status: int, body: dict[str, object]) -> web.Application:
    """An endpoint that has one answer to everything."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app
