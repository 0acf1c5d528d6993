"""Splits and one export over many dialogues: time, memory, and that growth moves nothing.

A home is made from the verified dialogues of another one: copies with words and numbers of
their own, so that no two say nearly the same; many call nearly the same. Splits and the export then run in a process
each, as Dagster runs them. Their peak memory is the kernel's figure, of the process and
of the processes it starts, with what they share counted for each. Last, 1,000 dialogues
are added and the sides compared.

    toolace run --home toolace_data
    python benchmarks/bench_export.py --home toolace_data --dialogues 100000
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from toolace_dagster.entities import content_hash
from toolace_dagster.pipeline.dataset import make_splits
from toolace_dagster.pipeline.exports import make_export
from toolace_dagster.pipeline.in_order import processes_for
from toolace_dagster.settings import FORMAT_NAMES, Settings
from toolace_dagster.warehouse import Row, Warehouse, insert

_AT_ONCE = 500
ROWS = """
SELECT v.dialogue_id, v.payload AS dialogue, s.payload AS spec
FROM stage_rows v JOIN stage_rows s ON s.dialogue_id = v.dialogue_id AND s.stage = 'task_specs'
WHERE v.stage = 'verified_dialogues' AND v.state = 'accepted' ORDER BY v.slot
"""


def varied(text: str, mark: str, draw: random.Random) -> str:
    """The text with one word in three and all digits of its values changed; names of keys and tools stay."""

    def other(found: re.Match[str]) -> str:
        word = found.group()
        return f"{word}{draw.randrange(10**6):06d}" if draw.random() < 0.34 else word

    def content(found: re.Match[str]) -> str:
        return found.group(1) + re.sub(r"[A-Za-z]{4,}", other, found.group(2)) + '"'

    changed = re.sub(r'("(?:content|goal)": ?")((?:[^"\\]|\\.)+)"', content, text)
    return re.sub(r'("arguments": ?\{"[a-z_]+": ?")((?:[^"\\]|\\.)*)"', rf'\1\2 {mark}"', changed)


def fill(home: Path, source: Path, wanted: int, first: int) -> None:
    """Add copies to a home until so many were made."""
    theirs = Warehouse(source)
    found = {name: rows for name in theirs.domains() if (rows := theirs.domain(name).read(ROWS))}
    (home / "warehouse").mkdir(parents=True, exist_ok=True)
    with get_context("fork").Pool() as pool:
        tasks = [
            (home, source, name, rows, range(first + place, first + wanted, len(found)))
            for place, (name, rows) in enumerate(sorted(found.items()))
        ]
        pool.starmap(fill_domain, tasks, chunksize=1)


def fill_domain(home: Path, source: Path, name: str, rows: list[Row], numbers: range) -> None:
    file = home / "warehouse" / f"{name}.duckdb"
    store = Warehouse(home).domain(name)
    if not file.exists():
        shutil.copy(source / "warehouse" / file.name, file)
        with store.write() as connection:
            for (table,) in connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
            ).fetchall():
                if table not in ("domain_tools", "borrowed_tools", "domain_facts", "schema_stamp"):
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the file
    for start in range(0, len(numbers), _AT_ONCE):
        made = [row for number in numbers[start : start + _AT_ONCE] for row in copies(rows, name, number)]
        with store.write() as connection:
            insert(connection, "stage_rows", made)


def copies(rows: list[Row], domain: str, number: int) -> Iterator[Row]:
    draw = random.Random(number)  # noqa: S311 - variety, not a secret
    row = rows[number % len(rows)]
    dialogue_id = f"{domain}-{number:06d}-{content_hash(number, length=6)}"
    common = {
        "domain": domain,
        "dialogue_id": dialogue_id,
        "slot": number,
        "attempt": 0,
        "fingerprint": "bench",
        "run_id": "bench",
    }
    mark = f"{draw.randrange(10**9):09d}"
    for stage, index, state, payload in (
        ("task_specs", 1, "passed", row["spec"]),
        ("verified_dialogues", 99, "accepted", row["dialogue"]),
    ):
        text = varied(payload, mark, draw).replace(row["dialogue_id"], dialogue_id)
        value: Any = json.loads(text)
        yield common | {
            "stage": stage,
            "stage_index": index,
            "state": state,
            "payload": value,
            "content_hash": content_hash(dialogue_id, stage),
        }


def measured(work: Callable[[], Any]) -> tuple[float, float, float]:
    """Wall time and processor time in seconds, and peak memory in MB, of work in a process of its own."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def run() -> None:
        began = time.monotonic()
        work()
        seconds = time.monotonic() - began
        own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        # The kernel knows the largest of the others only.
        memory = own.ru_maxrss + others.ru_maxrss * (processes_for(10**6) if others.ru_maxrss else 0)
        busy = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
        sender.send((seconds, busy, memory / 1024))

    process = context.Process(target=run)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"the work ended with exit code {process.exitcode}")
    return receiver.recv()


def sides(home: Path) -> dict[str, str]:
    rows = Warehouse(home).shared.read("SELECT dialogue_id, split FROM splits")
    return {row["dialogue_id"]: row["split"] for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("toolace_data"), help="home with verified dialogues to copy")
    parser.add_argument("--dialogues", type=int, default=5000)
    parser.add_argument("--added", type=int, default=1000)
    parser.add_argument("--format", choices=FORMAT_NAMES, default="trl")
    parser.add_argument("--keep", type=Path, help="folder for the home that is made; used again where it is there")
    arguments = parser.parse_args()
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.keep or Path(folder) / "home"
        if not home.exists():
            fill(home, arguments.home, arguments.dialogues, 0)
        shutil.rmtree(home / "warehouse" / "shared", ignore_errors=True)
        warehouse = Warehouse(home)
        print(f"{arguments.dialogues:,} dialogues")
        total = 0.0
        for name, work in (
            ("splits", lambda: make_splits(warehouse, settings)),
            (f"{arguments.format} export", lambda: make_export(warehouse, settings, arguments.format)),
        ):
            seconds, busy, memory = measured(work)
            total += seconds
            print(f"{name:20} {seconds:7.1f} s {busy:7.1f} s of processors {memory:7.0f} MB", flush=True)
        print(f"{'together':20} {total:7.1f} s")
        if not arguments.added:
            return
        before = sides(home)
        fill(home, arguments.home, arguments.added, arguments.dialogues)
        seconds, _, memory = measured(lambda: make_splits(warehouse, settings))
        after = sides(home)
        moved = sum(after.get(name) != side for name, side in before.items())
        print(f"splits with {arguments.added:,} more: {seconds:.1f} s {memory:.0f} MB; {moved} of the old ones moved")
        print({split: list(after.values()).count(split) for split in sorted(set(after.values()), key=str)})


if __name__ == "__main__":
    main()
