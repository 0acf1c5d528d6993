"""Batch mode beside live: the same rows, and kill -9 at random moments of it.

A real ``toolace run`` makes one domain against the served offline model, live and
with ``--mode batch``. Then runs in batch mode are killed with all their processes at
random moments, most of them between submitting and collecting, and run again. The
rows must be those of the live run each time, and no line may be paid for twice.

Run: ``python -m benchmarks.batch_resume [MOMENTS] [SEED]``
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.kill_resume import finish, kill, rows, start
from toolace_dagster.llm.offline import OfflineModel
from toolace_dagster.llm.offline.server import Fate, make_app

DIALOGUES = 3
BATCH_SECONDS = 0.5


class Counting(OfflineModel):
    """Counts how often each request is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.paid: Counter[str] = Counter()

    def chat_completion(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer, and count."""
        self.paid[json.dumps(body, sort_keys=True)] += 1
        return super().chat_completion(body)


@contextmanager
def serving(model: OfflineModel) -> Generator[str]:
    """The model over HTTP, with batches that take a while."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(make_app(model, batch_fate=Fate(seconds=BATCH_SECONDS)))

    async def begin() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/v1"

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(begin(), loop).result(20)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def begin_batch(home: Path, url: str) -> Any:
    """Start a run in batch mode that looks often."""
    return start(
        home, url, DIALOGUES, "--mode", "batch", "--set", "llm.batch.poll=0.1", "--set", "llm.batch.linger=0.2"
    )


def main(moments: int, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with serving(Counting()) as url:
            finish(start(home / "live", url, DIALOGUES))
        expected = rows(home / "live")
        model = Counting()
        with serving(model) as url:
            begun = time.monotonic()
            finish(begin_batch(home / "batch", url))
            whole = time.monotonic() - begun
        print(f"{sum(model.paid.values())} calls; undisturbed in batch mode {whole:.1f} s")
        print(f"same rows as live: {rows(home / 'batch') == expected}")
        for number in range(moments):
            model = Counting()
            with serving(model) as url:
                process = begin_batch(home / str(number), url)
                moment = draw.uniform(0.2, 0.95) * whole
                time.sleep(moment)
                kill(process)
                asked = sum(model.paid.values())
                finish(begin_batch(home / str(number), url))
            twice = sum(count - 1 for count in model.paid.values())
            same = rows(home / str(number)) == expected
            print(f"killed after {moment:5.1f} s, {asked:3} calls: {twice} paid twice, same rows: {same}", flush=True)


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    main(words[0] if words else 20, words[1] if len(words) > 1 else 0)
