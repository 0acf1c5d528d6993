"""Processes that ask one endpoint, as a program of its own: forks them and writes down each call.

Belongs here: the processes. Does not belong here: what is expected of them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from toolace_dagster.llm.limits import Limiter, Limits


def work(folder: Path, concurrency: int, seconds: float) -> None:
    """Call as often as it goes; a line for each start and each end."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    pid = os.getpid()
    until = time.monotonic() + seconds

    async def caller(limiter: Limiter) -> None:
        while time.monotonic() < until:
            permit = await limiter.admit()
            os.write(log, f"{time.monotonic_ns()} {pid} 1\n".encode())
            await asyncio.sleep(0.02)
            os.write(log, f"{time.monotonic_ns()} {pid} -1\n".encode())
            permit.answered()

    async def all_callers() -> None:
        with Limiter(Limits(concurrency), folder / "limits", "endpoint") as limiter:
            await asyncio.gather(*(caller(limiter) for _ in range(2 * concurrency)))

    asyncio.run(all_callers())


def main(folder: str, count: str, concurrency: str, seconds: str) -> None:
    """Fork, print the process ids, wait."""
    children: list[int] = []
    for _ in range(int(count)):
        child = os.fork()
        if not child:
            status = 1
            try:
                work(Path(folder), int(concurrency), float(seconds))
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    sys.stdout.write(f"{' '.join(map(str, children))}\n")
    sys.stdout.flush()
    for _ in children:
        os.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
