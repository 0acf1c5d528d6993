"""How long `toolace metrics` takes over 100,000 dialogues, and how much memory.

    python benchmarks/bench_metrics.py [--home HOME] [--dialogues 100000] [--keep FOLDER]

Copies the last rows of a real run by SQL, under new ids, with words in every turn and a value in every call that no
other copy has, so that n-grams and values grow as they would. The measurement runs in a process of its own; its peak
memory is the kernel's figure, where it has one of a process alone. Without --home a run of the offline model comes
first.

Belongs here: measuring. Does not belong here: what is right (``tests``).
"""

from __future__ import annotations

import resource
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
from big_home import big_home

from toolace_dagster.metrics import figure, measure_home
from toolace_dagster.warehouse import Warehouse

DIALOGUE_TABLES = "findings expert_answers model_calls".split()
OTHER_TABLES = "domain_tools stage_runs".split()
COMMON = ("the", "and", "to", "a", "in", "for", "of", "is")
# An id is the domain, the slot and a hash; the copy's number goes in front of the hash.
NEW_ID = "regexp_replace(dialogue_id, '-(\\d+)-', '-' || printf('%04d', n) || '\\1-')"


def build(source: Warehouse, target: Warehouse, dialogues: int) -> None:
    """Fill a home with copies of another's dialogues, domain by domain."""
    domains = source.domains()
    for number, name in enumerate(domains):
        origin = f"source_{number}"
        (held,) = source.domain(name).read("SELECT count(DISTINCT dialogue_id) AS n FROM stage_rows")
        copies = -(-dialogues // (len(domains) * held["n"]))
        with target.domain(name).write() as connection:
            path = str(source.domain(name).path).replace("'", "''")
            connection.execute(f"ATTACH '{path}' AS {origin} (READ_ONLY)")
            for table in OTHER_TABLES:
                connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {origin}.{table}")  # noqa: S608
            for table in DIALOGUE_TABLES:
                rows = f"FROM {origin}.{table}, range({copies}) AS r(n) ORDER BY n"
                connection.execute(_copying(connection, origin, table, rows))
            # Of the rounds the last alone is read.
            for stage in ("task_specs", "refinement", "verification", "verified_dialogues"):
                rows = (
                    f"FROM {origin}.stage_rows, range({copies}) AS r(n) WHERE starts_with(stage, '{stage}') "
                    f"QUALIFY stage_index = max(stage_index) OVER (PARTITION BY dialogue_id, n) ORDER BY n"
                )
                connection.execute(_copying(connection, origin, "stage_rows", rows))


def _copying(connection: duckdb.DuckDBPyConnection, origin: str, table: str, rows: str) -> str:
    payload = f"replace(payload::VARCHAR, dialogue_id, {NEW_ID})"
    for word in COMMON:
        payload = f"replace({payload}, ' {word} ', ' {word}' || n || ' ')"
    payload = f"""regexp_replace({payload}, '("arguments":{{"[a-z_]+":")', '\\1' || n, 'g')::JSON"""
    changes = {
        "dialogue_id": NEW_ID,
        "payload": payload,
        "slot": "slot + 1000 * n",
        "call_id": "call_id || '-' || n",
        "call_ids": "list_transform(call_ids, lambda id: id || '-' || n)",
        "messages": "'[]'",
        "response": "NULL",
    }
    columns = [row[0] for row in connection.execute(f"DESCRIBE {origin}.{table}").fetchall()]
    chosen = ", ".join(f"{changes[name]} AS {name}" if name in changes else name for name in columns)
    return f"INSERT INTO {table} BY NAME SELECT {chosen} {rows}"


def measured(home: Path) -> dict[str, Any]:
    """Seconds, peak memory in MB and some figures of a measurement in a process of its own."""
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(home, sender))
    process.start()
    sender.close()
    found = receiver.recv()
    process.join()
    return found


def _measure(home: Path, sender: Any) -> None:
    began = time.monotonic()
    rows = measure_home(Warehouse(home))
    seconds = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    names = (
        "dialogues",
        "turns",
        "token_entropy",
        "distinct_1",
        "distinct_3",
        "self_bleu",
        "shapes",
        "value_diversity",
    )
    tokens = next(
        row.count for row in rows if row.metric == "distinct_1" and row.domain is None and row.over == "accepted"
    )
    sender.send(
        {
            "seconds": seconds,
            "processor": usage.ru_utime + usage.ru_stime,
            "memory": _peak_memory(),
            "rows": len(rows),
            "figures": {name: figure(rows, name) for name in names} | {"tokens": tokens},
        }
    )


def _peak_memory() -> float:
    """Peak memory of this process in MB, without what its parent held when it was started."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak) / 1024


def main() -> None:
    with big_home(__doc__, build) as big:
        found = measured(big)
        print(
            f"{found['seconds']:.1f} s ({found['processor']:.1f} s of processor), peak memory "
            f"{found['memory']:.0f} MB, {found['rows']:,} figures; wanted under 120 s and 2,048 MB"
        )
        for name, value in found["figures"].items():
            print(f"  {name:16} {value:,.4f}")


if __name__ == "__main__":
    main()
