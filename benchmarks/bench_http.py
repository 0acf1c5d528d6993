"""What the gateway costs over the network, beside raw aiohttp and the plain ``openai`` client.

The same requests go, 64 in flight, to a local server that answers after 50 ms: by raw
aiohttp (a POST and nothing else), by the ``openai`` client on its default transport and
over aiohttp (neither parses into a type or keeps anything), and by the gateway that a
stage of `toolace run` has: typed parsing, a journal on disk, accounting, shared limits,
prices, progress. A second pass through the gateway
finds everything in the cache. What counts is the ratio within one run.

Run: ``python benchmarks/bench_http.py [REQUESTS] [LATENCY_MS]``
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from bench_gateway import Note, measured, request
from latency_server import serving
from openai import AsyncOpenAI, DefaultAioHttpClient

from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.protocol import Answer, Program, ask
from toolace_dagster.llm.structured import chat_messages, response_format
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.progress import StageProgress, listening
from toolace_dagster.pipeline.stage_run import stage_gateway
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.warehouse import Warehouse

IN_FLIGHT = 64
WARM_UP = 64


def body(number: int) -> dict[str, Any]:
    """The body the gateway would send."""
    asked = request(number)
    return {
        "model": "bench",
        "seed": number,
        "messages": chat_messages(asked, "json_schema"),
        "response_format": response_format(asked, "json_schema"),
    }


async def in_flight(count: int, call: Callable[[int], Awaitable[Any]]) -> None:
    """All calls, a set number at a time."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        async with slots:
            await call(number)

    await asyncio.gather(*(one(number) for number in range(count)))


async def raw_aiohttp(count: int, url: str) -> None:
    """A POST, and the JSON of its answer."""
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call(number: int) -> None:
            async with session.post(f"{url}/chat/completions", json=body(number)) as answer:
                await answer.json()

        await in_flight(count, call)


async def openai_client(count: int, url: str, *, over_aiohttp: bool) -> None:
    """The client's own typed method."""
    http = DefaultAioHttpClient() if over_aiohttp else None
    async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0, http_client=http) as client:
        create: Any = client.chat.completions.create
        await in_flight(count, lambda number: create(**body(number)))


def gateway(count: int, url: str, folder: Path) -> None:
    """Row programs over the gateway as a stage of a run has it.

    With journal and cache, shared limits, price table, what is known of the endpoint, and someone told of progress.
    """

    def program(number: int) -> Program[Answer[Note]]:
        return (yield from ask(request(number)))

    settings = Settings(llm=ModelSettings(model="bench", base_url=url, concurrency=IN_FLIGHT))
    context = StageContext(domain="bench", settings=settings, warehouse=Warehouse(folder), run_id="bench")
    begun = StageProgress(domain="bench", stage="bench", rows=count)
    told: list[StageProgress] = []
    with listening(told.append):
        programs = {str(number): program(number) for number in range(count)}
        outcomes = run_programs(stage_gateway(context, begun, print), programs)
    assert all(outcome.row is not None for outcome in outcomes.values())
    assert told


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    latency = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.05
    os.environ.setdefault("OPENAI_API_KEY", "none")
    with serving(latency) as url, tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Callable[[int, Path], None]] = {
            "raw aiohttp": lambda n, _: asyncio.run(raw_aiohttp(n, url)),
            "openai, default transport": lambda n, _: asyncio.run(openai_client(n, url, over_aiohttp=False)),
            "openai, over aiohttp": lambda n, _: asyncio.run(openai_client(n, url, over_aiohttp=True)),
            "gateway, new calls": lambda n, path: gateway(n, url, path),
        }
        print(f"{count} requests, {IN_FLIGHT} in flight, {1000 * latency:.0f} ms", end="")
        print(f" (ideal {latency * -(-count // IN_FLIGHT):.2f} s)")
        base = (0.0, 0.0)
        for name, way in ways.items():
            way(WARM_UP, Path(folder) / "warm")
            wall, cpu = measured(lambda way=way: way(count, Path(folder)))
            base = base if base[0] else (wall, cpu)
            report(name, count, wall, cpu, base)
        wall, cpu = measured(lambda: gateway(count, url, Path(folder)))
        report("gateway, all cached", count, wall, cpu, base)


def report(name: str, count: int, wall: float, cpu: float, base: tuple[float, float]) -> None:
    """One line of figures."""
    each = f"{1000 * cpu / count:5.2f} ms CPU a request"
    print(f"{name:26s} {wall:6.2f} s wall (x{wall / base[0]:5.2f})  {each} (x{cpu / base[1]:5.2f})")


if __name__ == "__main__":
    main()
