"""An OpenAI-compatible server on 127.0.0.1 that misbehaves as told.

Belongs here: serving, counting and misbehaving. Does not belong here: what a test
makes of it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Body = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        body: JSON body, or a text that is sent as it is.
        status: HTTP status.
        headers: More headers.
        delay: Seconds before anything is sent.
        cut: Close the connection instead.
        trickle: Seconds during which only spaces are sent.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    cut: bool = False
    trickle: float = 0.0


Behaviour = Callable[[int, Body], Answer]
"""Given the number of the request, from 1, and its body."""

CUT = Answer(cut=True)


def prompt_of(body: Body) -> str:
    """The first line of the row's own message."""
    return str(next(m["content"] for m in body["messages"] if m["role"] == "user")).partition("\n")[0]


def says(content: Any, *, finish_reason: str = "stop", delay: float = 0.0, **message: Any) -> Answer:
    """A chat completion with this content."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    said = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": said, "finish_reason": finish_reason}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return Answer(body, delay=delay)


def echo(body: Body, delay: float = 0.0) -> Answer:
    """A good reply: the row's own prompt."""
    return says(json.dumps({"value": prompt_of(body)}), delay=delay)


def refuses(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    """An error as OpenAI words it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    error = {"message": message, "type": "error", "code": code, "param": None}
    return Answer({"error": error}, status=status, headers=named)


class FlakyServer:
    """Serves in a thread of its own; a context manager.

    Attributes:
        url: Base URL.
        bodies: Bodies of all requests, in order of arrival.
        headers: Their headers, names in lower case.
        paths: Their paths, with the query.
        arrivals: When they came, by the monotonic clock.
        most_in_flight: How many there were at once.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.url = ""
        self.bodies: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.arrivals: list[float] = []
        self.most_in_flight = 0
        self._in_flight = 0
        self._behaviour = behaviour
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def prompts(self) -> Counter[str]:
        """How often each prompt came."""
        return Counter(prompt_of(body) for body in list(self.bodies))

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def stop(self) -> None:
        """Refuse connections from now on."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.arrivals.append(time.monotonic())
        self.bodies.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.paths.append(request.path_qs)
        answer = self._behaviour(len(self.bodies), body)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            await asyncio.sleep(answer.delay)
            return await self._answer(request, answer)
        finally:
            self._in_flight -= 1

    async def _answer(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        if answer.cut:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if answer.trickle:
            response = web.StreamResponse()
            await response.prepare(request)
            until = time.monotonic() + answer.trickle
            while time.monotonic() < until and request.transport and not request.transport.is_closing():
                await response.write(b" ")
                await asyncio.sleep(0.05)
            return response
        if isinstance(answer.body, str):
            return web.Response(text=answer.body, status=answer.status, headers=answer.headers)
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)
