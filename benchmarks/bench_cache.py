"""What stored responses cost: a cached rerun, and lookups as more and more are stored.

First 1,000 requests that were all answered before go through the gateway: journal
opened, keys reckoned, looked up, parsed, uses written down and folded into DuckDB; writing
the prompts is not counted. The wall time
is set against that of asking the embedded offline model, which answers at once.

Then, for each size, a process of its own opens a journal over that many stored
calls, looks up 1,000 of them at once and 1,000 that are not there, again and again,
and tells how much memory it holds then beside what it held before: after it had looked
up in an equal file of 1,000 calls, so that what starting takes hides nothing. The same
is done for a shared cache.

Run: ``python benchmarks/bench_cache.py [SIZE ...]``
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from toolace_dagster.llm.cache import CachedResponse, ResponseCache
from toolace_dagster.llm.cache.shared import SharedCache
from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.protocol import Answer, Message, ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.settings import ModelSettings
from toolace_dagster.warehouse import Store, Warehouse, sql

SIZES = (0, 10_000, 100_000, 300_000)
BATCH = 1_000
ROUNDS = 5
DOMAIN = "bench"
_FILL = """
INSERT INTO model_calls BY NAME
SELECT md5('key ' || i) AS key, 'c-' || left(md5('key ' || i), 16) AS call_id, 'skeletons' AS stage, 'note' AS task,
       'generator' AS role, 'bench' AS domain, 'bench-' || (i // 20) AS dialogue_id, 0 AS round,
       []::VARCHAR[] AS turn_ids, 'm' AS model, 'e' AS endpoint,
       json_array((SELECT string_agg(md5(i || ' prompt ' || j), ' ') FROM range(20) AS t(j))) AS messages,
       '{}' AS sampling, (SELECT string_agg(md5(i || ' reply ' || j), ' ') FROM range(30) AS t(j)) AS response,
       true AS usable, 'stop' AS finish_reason, 1000 AS prompt_tokens, 0 AS cached_tokens, 300 AS completion_tokens,
       0 AS reasoning_tokens, 100.0 AS latency_ms, 0 AS retries, []::VARCHAR[] AS repairs, 'run' AS run_id,
       '2026-01-01T00:00:00+00:00' AS created_at, 'live' AS mode
FROM range($first, $last) AS s(i)
"""


class Note(BaseModel):
    """A small reply."""

    text: str
    stars: int


def request(number: int) -> ModelRequest[Note]:
    """A request with a prompt of about 8,000 characters."""
    content = f"Request {number}. " + "A line of context. " * 400
    purpose = Purpose(stage="bench", task="note", role="generator", domain=DOMAIN, dialogue_id=f"bench-{number}")
    return ModelRequest(
        messages=(Message(role="user", content=content),),
        reply_type=Note,
        sampling=Sampling(seed=number),
        purpose=purpose,
    )


def program(request: ModelRequest[Note]) -> Program[Answer[Note]]:
    """A row that asks once."""
    return (yield from ask(request))


def through_gateway(home: Path, run_id: str) -> float:
    """Answer all requests; gives the wall seconds."""
    warehouse = Warehouse(home)
    journal = CallJournal(warehouse.domain(DOMAIN), warehouse.journal(DOMAIN), run_id)
    gateway = Gateway(ModelSettings(error_rate=0), journal)
    requests = [request(number) for number in range(BATCH)]
    started = time.perf_counter()
    outcomes = run_programs(gateway, {str(number): program(asked) for number, asked in enumerate(requests)})
    taken = time.perf_counter() - started
    assert all(outcome.row is not None for outcome in outcomes.values())
    return taken


def rerun(home: Path) -> None:
    """Measure cached reruns."""
    first = through_gateway(home, "run-0")
    again = [(through_gateway(home, f"run-{number}"), time.process_time()) for number in range(1, 6)]
    best = min(wall for wall, _ in again)
    cpu = (again[-1][1] - again[0][1]) / (len(again) - 1)
    print(f"{BATCH:,} requests, all asked of the offline model: {first:.3f} s")
    print(f"{BATCH:,} requests, all stored:                     {best:.3f} s (x{best / first:.2f}), {cpu:.3f} s CPU")


def key(number: int) -> str:
    """The key of a stored call."""
    return hashlib.md5(f"key {number}".encode(), usedforsecurity=False).hexdigest()


def fill(folder: Path, size: int) -> None:
    """Store calls in a domain's file and in a shared cache."""
    store = Warehouse(folder).domain(DOMAIN)
    with store.write() as connection:
        for first in range(0, size, 20_000):
            connection.execute(_FILL, {"first": first, "last": min(size, first + 20_000)})
    shared = SharedCache(folder / "cache")
    for first in range(0, size, 20_000):
        rows = store.read(
            "SELECT * FROM model_calls WHERE rowid >= $first AND rowid < $first + 20000", {"first": first}
        )
        shared.add([response for row in rows if (response := CachedResponse.of(row)) is not None])
    shared.close()


def look(folder: Path, size: int, where: str) -> dict[str, float]:
    """Look up stored and unknown keys; gives seconds, and how much more memory is in use than with few calls, in MB."""
    small = folder / "small"
    fill(small, BATCH)
    for _ in range(ROUNDS):
        _look_once(small, BATCH, where)
    before = _in_use()
    took = [_look_once(folder, size, where) for _ in range(ROUNDS)]
    best = {part: min(each[part] for each in took) for part in ("open", "stored", "unknown")}
    return best | {"MB": max(each["MB"] for each in took) - before, "later MB": took[-1]["MB"] - took[0]["MB"]}


def _look_once(folder: Path, size: int, where: str) -> dict[str, float]:
    step = max(1, size // BATCH)
    stored = [key(number * step) for number in range(min(size, BATCH))]
    unknown = [key(-1 - number) for number in range(BATCH)]
    warehouse = Warehouse(folder)
    if where == "home":
        journal = CallJournal(warehouse.domain(DOMAIN), warehouse.journal(DOMAIN), "bench")
    else:
        empty = Store(folder / "empty.duckdb", sql("calls/tables"))
        journal = CallJournal(empty, folder / "empty.jsonl", "bench", ResponseCache(folder / "cache"))
    took: dict[str, float] = {}
    took["open"] = _timed(journal.open)
    took["stored"] = asyncio.run(_lookups(journal, stored, len(stored)))
    took["unknown"] = asyncio.run(_lookups(journal, unknown, 0))
    took["MB"] = _in_use()
    journal.close()
    return took


async def _lookups(journal: CallJournal, keys: Sequence[str], expected: int) -> float:
    started = time.perf_counter()
    found = await asyncio.gather(*(journal.lookup(wanted) for wanted in keys))
    taken = time.perf_counter() - started
    assert sum(text is not None for text in found) == expected
    return taken


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _in_use() -> float:
    """Memory of this process alone in MB: pages of files that the system may drop at any time are left out."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1000


def main(sizes: Sequence[int]) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        rerun(Path(folder))
    print(f"lookups of {BATCH:,} at once, best of {ROUNDS}; memory while open beside that with {BATCH:,} stored,")
    print("and of the last lookups beside the first")
    names = f"{'stored':>8s} {'where':>7s} {'open':>7s} {'found':>7s} {'unknown':>8s}"
    print(f"{names} {'MB':>6s} {'later':>6s} {'on disk':>9s}")
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fill(folder, size)
            for where, pattern in (("home", "warehouse/*.duckdb"), ("shared", "cache/*")):
                command = [sys.executable, __file__, "--look", name, str(size), where]
                took = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                disk = sum(path.stat().st_size for path in folder.glob(pattern)) / 1e6
                print(
                    f"{size:8,d} {where:>7s} {took['open']:7.3f} {took['stored']:7.3f} {took['unknown']:8.3f} "
                    f"{took['MB']:6.1f} {took['later MB']:6.1f} {disk:6.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--look"]:
        print(json.dumps(look(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
    else:
        main([int(size) for size in sys.argv[1:]] or SIZES)
