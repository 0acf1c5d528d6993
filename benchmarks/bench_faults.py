"""A server that misbehaves: does every row come out, and how long does it take?

Every tenth reply is a 500, a 429 with ``Retry-After: 1``, a hang, a cut connection, or
broken JSON; 500 rows go through the gateway, 32 in flight. For each, the script prints
how many rows came out and how long it took beside a time that no client can beat under
the server's rules. It fails when a row is lost, and when the first two take more than
1.5 times that.

Run: ``python benchmarks/bench_faults.py [ROWS]``
"""

from __future__ import annotations

import math
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
BOUNDED = ("500", "429")
MOST = 1.5


def least_possible(rows: int, fault: str) -> float:
    """Seconds that any client needs under the server's rules, in whatever order it sends.

    Three bounds, the largest counts: all requests have to pass through the slots; a reply beyond the rows' number is
    one to a request sent again, for which another had to fail and be waited for; and so does the last that fails.

    Args:
        rows: Rows to make.
        fault: What every tenth reply is.
    """
    # Of so many replies all but every tenth make a row.
    replies = rows if fault == "none" else rows + (rows - 1) // 9
    failing = replies - rows
    failed = TIMEOUT if fault == "hang" else LATENCY
    # From a reply to the one to the same request sent again.
    later = failed + WAITS.get(fault, 0.0)
    at = [0.0]
    for number in range(1, replies + 1):
        by_slots = math.ceil(number / IN_FLIGHT) * LATENCY
        at.append(max(by_slots, at[10 * (number - rows)] + later) if number > rows else by_slots)
    through_the_slots = (rows * LATENCY + failing * failed) / IN_FLIGHT
    return max(through_the_slots, at[replies], at[10 * failing] + later if failing else 0.0)


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
    lost = slow = 0
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
        best = least_possible(rows, fault)
        slow += fault in BOUNDED and seconds > MOST * best
        took = f"{seconds:6.2f} s  least possible {best:5.2f} s  x{seconds / best:.2f}"
        print(f"every tenth {fault:7s} {made:4d} rows  {took}")
    return int(lost > 0 or slow > 0)


if __name__ == "__main__":
    sys.exit(main())
