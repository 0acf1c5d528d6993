"""kill -9 at random moments of a run: what is lost, and what is paid for again.

A real ``toolace run`` makes one domain against the offline model, which is served
over HTTP with latency and counts every request. It is killed with all of its
processes at a random moment, and the same command is run again. The rows of both
runs together must be those of a run that nobody disturbed, each once; and what
was asked for twice must be no more than may be in flight.

Run: ``python benchmarks/kill_resume.py [MOMENTS] [SEED]``
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.warm_start import Started, start_warm
from toolace_dagster.llm.offline import OfflineModel, make_app
from toolace_dagster.warehouse import Warehouse

DOMAIN = "library_lending"
LATENCY = 0.02
IN_FLIGHT = 8
_ROWS = {
    "stage_rows": "SELECT * EXCLUDE (run_id) FROM stage_rows ORDER BY stage_index, dialogue_id",
    "edits": "SELECT * FROM edits ORDER BY edit_id",
    "findings": "SELECT * FROM findings ORDER BY dialogue_id, position",
    "expert_answers": "SELECT * FROM expert_answers ORDER BY dialogue_id, question",
}


@dataclass(frozen=True)
class Moment:
    """What one kill came to.

    Attributes:
        wanted: Requests after which it was to come.
        asked: Requests that had come by then.
        calls: Calls that were on disk by then.
        repeated: Requests that were asked for again.
        same: Whether the rows are those of the undisturbed run.
        doubles: Usable responses that are stored twice.
    """

    wanted: int
    asked: int
    calls: int
    repeated: int
    same: bool
    doubles: int


@contextmanager
def counting_server() -> Generator[tuple[str, Counter[str]]]:
    """The offline model over HTTP; gives its base URL and the requests that came, by content."""
    seen: Counter[str] = Counter()
    app = make_app(OfflineModel(), latency=LATENCY)

    @web.middleware
    async def count(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.method == "POST":
            seen[hashlib.sha256(await request.read()).hexdigest()] += 1
        return await handler(request)

    app.middlewares.append(count)
    with serving(app) as url:
        yield url, seen


@contextmanager
def serving(app: web.Application) -> Generator[str]:
    """Serve an application in a thread; gives its base URL."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/v1"

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def start(home: Path, url: str, dialogues: int, *more: str) -> Started:
    """Start a run, with more options perhaps."""
    words = ["run", "--home", str(home), "--domain", DOMAIN, "--dialogues", str(dialogues), "--rounds", "1"]
    words += ["--model", "offline-served", "--base-url", url, "--concurrency", str(IN_FLIGHT), *more]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "TOOLACE_", "DAGSTER"))
    }
    return start_warm(words, kept | {"OPENAI_API_KEY": "none-needed"})


def finish(run: Started) -> None:
    """Wait for a run that must reach its end."""
    code, words = run.wait(), run.said("err")
    if code not in (0, 1) or "error:" in words:
        raise RuntimeError(f"the run ended with exit code {code}: {words}")


def kill(run: Started) -> None:
    """Kill -9 for a run and all that it started."""
    family = [run.pid]
    for pid in family:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        family += [int(child) for child in children.read_text().split()] if children.exists() else []
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    run.wait()


def rows(home: Path) -> dict[str, list[dict[str, Any]]]:
    """All that a run wrote about dialogues."""
    store = Warehouse(home).domain(DOMAIN)
    return {name: store.read(query) for name, query in _ROWS.items()}


def calls_on_disk(home: Path) -> int:
    """Calls in journal and tables."""
    journal = Warehouse(home).journal(DOMAIN)
    waiting = journal.read_bytes().count(b'["call",') if journal.exists() else 0
    stored = Warehouse(home).domain(DOMAIN)
    return waiting + (stored.read("SELECT count(*) AS n FROM model_calls")[0]["n"] if stored.exists() else 0)


def trials(folder: Path, moments: int, seed: int, dialogues: int) -> Generator[Moment]:
    """Kill runs at random moments and let the same command go on."""
    generator = random.Random(seed)  # noqa: S311 - moments, no secret
    with counting_server() as (url, seen):
        finish(start(folder / "undisturbed", url, dialogues))
        expected, usual = rows(folder / "undisturbed"), Counter(seen)
        for number in range(moments):
            home = folder / f"home-{number}"
            seen.clear()
            # One after the other through the run, so that each part of it has its turn; by requests, since a busy
            # machine takes another time for each run.
            wanted = int(usual.total() * (number + generator.random()) / moments)
            run = start(home, url, dialogues)
            while seen.total() < wanted and run.poll() is None:
                time.sleep(0.001)
            time.sleep(generator.uniform(0, 2 * LATENCY))
            kill(run)
            asked, on_disk = seen.total(), calls_on_disk(home)
            finish(start(home, url, dialogues))
            doubles = (
                Warehouse(home)
                .domain(DOMAIN)
                .read("SELECT count(*) - count(DISTINCT key) AS n FROM model_calls WHERE usable")
            )
            yield Moment(wanted, asked, on_disk, (seen - usual).total(), rows(home) == expected, doubles[0]["n"])


def main() -> None:
    """Try and print."""
    moments = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    print(f"{moments} moments, seed {seed}, {IN_FLIGHT} calls in flight at most, {LATENCY * 1000:.0f} ms latency")
    print(f"{'killed after':>14s} {'asked':>6s} {'on disk':>8s} {'paid twice':>11s} {'rows':>10s}")
    results: list[Moment] = []
    with tempfile.TemporaryDirectory() as folder:
        for moment in trials(Path(folder), moments, seed, dialogues=3):
            results.append(moment)
            told = "as ever" if moment.same and not moment.doubles else "DIFFERENT"
            print(
                f"{moment.wanted:5d} requests {moment.asked:6d} {moment.calls:8d} {moment.repeated:11d} {told:>10s}",
                flush=True,
            )
    most = max(moment.repeated for moment in results)
    wrong = sum(not moment.same or moment.doubles > 0 for moment in results)
    print(json.dumps({"moments": moments, "most paid twice": most, "in flight": IN_FLIGHT, "wrong": wrong}))
    sys.exit(1 if wrong or most > IN_FLIGHT else 0)


if __name__ == "__main__":
    main()
