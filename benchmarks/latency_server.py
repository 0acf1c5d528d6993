"""A chat-completions server that does nothing but wait: what load tests measure clients against.

It answers every request with the same small completion after a set latency, and can
make every tenth reply a fault. It runs in a process of its own, so that its work is
not counted as the client's.

Belongs here: serving. Does not belong here: measuring (``bench_http``, ``bench_faults``).
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiohttp import web

FAULTS = ("none", "500", "429", "hang", "cut", "broken")


@contextmanager
def serving(latency: float, fault: str = "none", content: str = '{"text": "fine", "stars": 5}') -> Iterator[str]:
    """Serve until the block ends.

    Args:
        latency: Seconds each answer is held back.
        fault: What every tenth reply is: one of ``FAULTS``.
        content: The reply's text.

    Yields:
        The base URL.
    """
    fork = multiprocessing.get_context("spawn")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_serve, args=(sender, latency, fault, content), daemon=True)
    process.start()
    try:
        yield receiver.recv()
    finally:
        process.kill()
        process.join()


def _serve(sender: Connection, latency: float, fault: str, content: str) -> None:
    asyncio.run(_run(sender, latency, fault, content))


async def _run(sender: Connection, latency: float, fault: str, content: str) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    answer = json.dumps(completion | {"usage": usage}).encode()
    choice["message"] = message | {"content": content[: len(content) // 2]}
    broken = json.dumps(completion | {"usage": usage}).encode()
    replies = 0

    async def complete(request: web.Request) -> web.StreamResponse:
        nonlocal replies
        await request.read()
        await asyncio.sleep(latency)
        # Counted where nothing is awaited any more: a count that others raise meanwhile makes bursts of faults.
        replies += 1
        if fault != "none" and replies % 10 == 0:
            if fault == "500":
                return web.json_response({"error": {"message": "overworked"}}, status=500)
            if fault == "429":
                return web.json_response({"error": {"message": "slow"}}, status=429, headers={"Retry-After": "1"})
            if fault == "hang":
                await asyncio.sleep(3600)
            if fault == "cut":
                assert request.transport is not None
                request.transport.close()
            if fault == "broken":
                return web.Response(body=broken, content_type="application/json")
        return web.Response(body=answer, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    host, port = runner.addresses[0][:2]
    sender.send(f"http://{host}:{port}/v1")
    await asyncio.Event().wait()
