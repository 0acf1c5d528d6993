"""A server that misbehaves: does every row come out, and how long does it take?

Every tenth reply is a 500, a 429 with ``Retry-After: 1``, a hang, a cut connection, or
broken JSON; 500 rows go through the gateway, 32 in flight. For each, the script prints
how many rows came out and how long it took beside the best possible: a simulated client
that has no work of its own and sends again the moment the server's rules let it.

Run: ``python benchmarks/bench_faults.py [ROWS]``
"""

from __future__ import annotations

import heapq
import os
import sys
import tempfile
import time
from pathlib import Path

from bench_gateway import Note, request
from latency_server import FAULTS, serving

from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal
from toolace_dagster.llm.protocol import Answer, Program, ask
from toolace_dagster.settings import ModelSettings
from toolace_dagster.warehouse import Store, sql

IN_FLIGHT = 32
LATENCY = 0.05
TIMEOUT = 2.0
WAITS = {"429": 1.0}


def best_possible(rows: int, fault: str) -> float:
    """Seconds a client without any work of its own needs under the server's rules.

    Args:
        rows: Rows to make.
        fault: What every tenth reply is.
    """
    slots = [0.0] * IN_FLIGHT
    waiting = [0.0] * rows
    heapq.heapify(slots)
    served, end = 0, 0.0
    while waiting:
        begin = max(heapq.heappop(slots), heapq.heappop(waiting))
        served += 1
        failed = fault != "none" and served % 10 == 0
        over = begin + (TIMEOUT if failed and fault == "hang" else LATENCY)
        heapq.heappush(slots, over)
        if failed:
            heapq.heappush(waiting, over + WAITS.get(fault, 0.0))
        end = max(end, over)
    return end


def program(number: int) -> Program[Answer[Note]]:
    """A row that asks once."""
    return (yield from ask(request(number)))


def run(settings: ModelSettings, folder: Path, rows: int) -> int:
    """Run rows over a gateway of their own; gives how many came out."""
    journal = CallJournal(Store(folder / "b.duckdb", sql("calls/tables")), folder / "b.jsonl", "bench")
    outcomes = run_programs(Gateway(settings, journal), {str(row): program(row) for row in range(rows)})
    return sum(outcome.row is not None for outcome in outcomes.values())


def main() -> int:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    os.environ.setdefault("OPENAI_API_KEY", "none")
    lost = 0
    print(f"{rows} rows, {IN_FLIGHT} in flight, {1000 * LATENCY:.0f} ms, time-out {TIMEOUT:.0f} s")
    for fault in FAULTS:
        with serving(LATENCY, fault) as url, tempfile.TemporaryDirectory() as place:
            settings = ModelSettings(model="bench", base_url=url, concurrency=IN_FLIGHT, timeout=TIMEOUT)
            if fault == "none":
                # What a process does once, such as imports, is no part of what a fault costs.
                run(settings, Path(place) / "warm", IN_FLIGHT)
            begun = time.perf_counter()
            made = run(settings, Path(place), rows)
            seconds = time.perf_counter() - begun
        lost += rows - made
        best = best_possible(rows, fault)
        took = f"{seconds:6.2f} s  best possible {best:5.2f} s  x{seconds / best:.2f}"
        print(f"every tenth {fault:7s} {made:4d} rows  {took}")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
