"""What it costs a call to be let through: CPU time of admission and end, nobody waiting.

Alone, with limits per minute, sharing a file with nobody, and with seven other
processes; beside taking and giving back an ``asyncio.Semaphore``, which knows none of
that. Times are CPU microseconds a call; what counts is how they compare within one run.

Run: ``python benchmarks/bench_limits.py [CALLS]``
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from toolace_dagster.llm.limits import Limiter, Limits

PLAIN = Limits(64)
RATES = Limits(64, requests_per_minute=10**9, tokens_per_minute=10**12)


async def through_semaphore(count: int) -> float:
    """CPU seconds of so many calls."""
    slots = asyncio.Semaphore(64)
    begun = time.process_time()
    for _ in range(count):
        async with slots:
            pass
    return time.process_time() - begun


async def through_limiter(limiter: Limiter, count: int) -> float:
    """CPU seconds of so many calls."""
    begun = time.process_time()
    for _ in range(count):
        permit = await limiter.admit(1000)
        permit.answered(900)
    return time.process_time() - begun


def stay(folder: Path) -> int:
    """Fork a process that takes part and has a call in flight."""
    child = os.fork()
    if child:
        return child

    async def hold() -> None:
        permit = await Limiter(RATES, folder).admit()
        await asyncio.sleep(600)
        permit.answered()

    try:
        asyncio.run(hold())
    finally:
        os._exit(0)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = {
            "asyncio.Semaphore": asyncio.run(through_semaphore(count)),
            "alone": asyncio.run(through_limiter(Limiter(PLAIN), count)),
            "alone, limits per minute": asyncio.run(through_limiter(Limiter(RATES), count)),
        }
        with Limiter(RATES, folder) as limiter:
            seconds["sharing with nobody"] = asyncio.run(through_limiter(limiter, count))
        children = [stay(folder) for _ in range(7)]
        time.sleep(1.0)
        with Limiter(RATES, folder) as limiter:
            seconds["sharing with 7 others"] = asyncio.run(through_limiter(limiter, count))
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    for what, spent in seconds.items():
        print(f"{what:26s} {spent / count * 1e6:6.2f} us CPU a call")


if __name__ == "__main__":
    main()
