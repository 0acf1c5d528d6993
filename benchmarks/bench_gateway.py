"""What the gateway adds to a call: typed parsing, accounting, a journal on disk.

The same requests go to the same in-process model twice: through the ``openai``
client alone, and through the gateway. A second pass through the gateway finds
every response in the cache. Times are CPU and wall seconds; what counts is the
ratio within one run, since machines differ and are busy.

Run: ``python benchmarks/bench_gateway.py [REQUESTS]``
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.protocol import Answer, Message, ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.llm.structured import chat_messages, response_format
from toolace_dagster.llm.transport import make_client
from toolace_dagster.settings import ModelSettings
from toolace_dagster.warehouse import Store, sql

SETTINGS = ModelSettings(error_rate=0)


class Note(BaseModel):
    """A small reply, so that the model's own work weighs little."""

    text: str
    stars: int


def request(number: int) -> ModelRequest[Note]:
    """One of many different requests with a prompt of about 8,000 characters."""
    return ModelRequest(
        messages=(Message(role="user", content=f"Request {number}. " + "A line of context. " * 400),),
        reply_type=Note,
        sampling=Sampling(seed=number),
        purpose=Purpose(stage="bench", task="note", role="generator", domain="bench", dialogue_id=f"bench-{number}"),
    )


async def plain(count: int) -> None:
    """All requests through the openai client, 64 at a time."""
    client = make_client(SETTINGS)
    create: Any = client.chat.completions.create
    slots = asyncio.Semaphore(SETTINGS.concurrency)

    async def call(number: int) -> None:
        asked = request(number)
        body = {
            "messages": chat_messages(asked, "json_schema"),
            "response_format": response_format(asked, "json_schema"),
        }
        async with slots:
            await create(model="offline", seed=number, **body)

    await asyncio.gather(*(call(number) for number in range(count)))
    await client.close()


def through_gateway(count: int, folder: Path) -> None:
    """All requests as row programs over the gateway, with journal and cache."""

    def program(number: int) -> Program[Answer[Note]]:
        return (yield from ask(request(number)))

    journal = CallJournal(Store(folder / "bench.duckdb", sql("calls/tables")), folder / "bench.jsonl", "bench")
    outcomes = run_programs(Gateway(SETTINGS, journal), {str(number): program(number) for number in range(count)})
    assert all(outcome.row is not None for outcome in outcomes.values())


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds of some work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    asyncio.run(plain(20))
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            "openai client alone": measured(lambda: asyncio.run(plain(count))),
            "gateway, new calls": measured(lambda: through_gateway(count, Path(folder))),
            "gateway, all cached": measured(lambda: through_gateway(count, Path(folder))),
        }
    base_wall, base_cpu = rows["openai client alone"]
    print(f"{count} requests, {SETTINGS.concurrency} in flight")
    for name, (wall, cpu) in rows.items():
        each = f"{1000 * cpu / count:.2f} ms CPU a request"
        print(f"{name:22s} {wall:6.2f} s wall (x{wall / base_wall:.2f})  {each} (x{cpu / base_cpu:.2f})")


if __name__ == "__main__":
    main()
