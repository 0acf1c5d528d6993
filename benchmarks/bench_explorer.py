"""How long `toolace why` and the explorer take over 100,000 dialogues.

    python benchmarks/bench_explorer.py [--home HOME] [--dialogues 100000] [--keep FOLDER]

Copies the rows of a real run by SQL, under new ids and with their payloads, until
there are so many dialogues; prompts and replies are left out, as `toolace cache
prune` leaves them. Times are measured inside one process, beyond Python's start,
each over several draws. Without --home a run of the offline model comes first.

Belongs here: measuring. Does not belong here: what is right (``tests``).
"""

from __future__ import annotations

import random
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from big_home import big_home

from toolace_dagster.explorer.catalogue import Catalogue, Filters
from toolace_dagster.explorer.pages import dialogue_page, dialogues_page, failures_page
from toolace_dagster.reporting.story import read_story
from toolace_dagster.reporting.why import tell
from toolace_dagster.warehouse import Warehouse

DIALOGUE_TABLES = (
    "stage_rows edits findings first_causes expert_answers argument_sources outcome_log export_lines call_uses "
    "model_calls".split()
)
OTHER_TABLES = "domain_tools borrowed_tools domain_facts stage_runs".split()


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
                connection.execute(_copying(connection, origin, table, copies))


def _copying(connection: duckdb.DuckDBPyConnection, origin: str, table: str, copies: int) -> str:
    columns = [row[0] for row in connection.execute(f"DESCRIBE {origin}.{table}").fetchall()]
    changed: list[str] = []
    # An id is the domain, the slot and a hash; the copy's number goes in front of the hash.
    new_id = "regexp_replace(dialogue_id, '-(\\d+)-', '-' || printf('%03d', n) || '\\1-')"
    for column in columns:
        if column == "dialogue_id":
            changed.append(f"{new_id} AS dialogue_id")
        elif column == "edit_id":
            changed.append(f"replace(edit_id, dialogue_id, {new_id}) AS edit_id")
        elif column == "payload":
            changed.append(f"replace(payload, dialogue_id, {new_id}) AS payload")
        elif column == "slot":
            changed.append("slot + 1000 * n AS slot")
        elif column == "call_id":
            changed.append("call_id || '-' || n AS call_id")
        elif column == "call_ids":
            changed.append("list_transform(call_ids, lambda id: id || '-' || n) AS call_ids")
        elif column in ("messages", "response"):
            empty = "NULL" if column == "response" else "'[]'"
            changed.append(f"{empty} AS {column}")
        else:
            changed.append(column)
    chosen = ", ".join(changed)
    return f"INSERT INTO {table} BY NAME SELECT {chosen} FROM {origin}.{table}, range({copies}) AS r(n) ORDER BY n"  # noqa: S608


def timed(name: str, limit: float | None, tries: int, work: Callable[[int], object]) -> None:
    """Measure a piece of work several times and print its median and worst."""
    taken: list[float] = []
    used: list[float] = []
    for number in range(tries):
        started, before = time.perf_counter(), time.process_time()
        work(number)
        taken.append(time.perf_counter() - started)
        used.append(time.process_time() - before)
    wanted = f", wanted under {limit} s" if limit else ""
    wall = f"median {statistics.median(taken):6.3f} s, worst {max(taken):6.3f} s"
    print(f"{name:44} {wall}; processor {statistics.median(used):6.3f} s{wanted}", flush=True)


def measure(home: Path) -> None:
    """Measure stories and pages over a home."""
    warehouse = Warehouse(home)
    rng = random.Random(0)  # noqa: S311 - a draw, not a secret
    found = {
        name: warehouse.domain(name).read(
            "SELECT dialogue_id FROM stage_rows WHERE state = 'rejected' ORDER BY hash(dialogue_id) LIMIT 1"
        )
        for name in warehouse.domains()
    }
    # A domain may have rejected nothing at all.
    some = [rng.choice([name for name, ids in found.items() if ids]) for _ in range(12)]
    rejected = [found[name][0]["dialogue_id"] for name in some]
    timed("toolace why ID, first of the process", 0.5, 1, lambda n: tell(read_story(warehouse, rejected[n])))
    timed("toolace why ID", 0.5, 12, lambda n: tell(read_story(warehouse, rejected[n])))
    timed("toolace why, beginning of an id", 0.5, 6, lambda n: tell(read_story(warehouse, rejected[n][:-2])))
    catalogue = Catalogue(warehouse)
    filters = Filters()
    started = time.perf_counter()
    total = catalogue.page(filters).total
    print(
        f"{'reading the catalogue of all domains, once':44} {time.perf_counter() - started:6.3f} s, {total:,} dialogues"
    )
    timed("list, no filter", 0.3, 8, lambda n: dialogues_page(catalogue, home, filters, 1 + n * 200, "id"))
    tight = Filters(state="rejected", check="rule.grounding", injection="clarification")
    timed("list, three filters", 0.3, 8, lambda n: dialogues_page(catalogue, home, tight, 1 + n, "tokens"))
    words = Filters(words="mask-and-fill rewrote")
    timed("list, words searched for", 0.3, 8, lambda n: dialogues_page(catalogue, home, words, 1 + n, "id"))
    timed("failures", None, 5, lambda _: failures_page(catalogue, home, filters))
    timed(
        "dialogue",
        None,
        8,
        lambda n: dialogue_page(catalogue, home, read_story(warehouse, rejected[n]), None, filters),
    )

    def change(number: int) -> None:
        with warehouse.domain(some[number]).write() as connection:
            connection.execute("UPDATE stage_runs SET seconds = seconds + 1")
        time.sleep(1.1)

    for number in range(4):
        change(number)
        timed(
            "list right after a domain was written", 0.3, 1, lambda _: dialogues_page(catalogue, home, filters, 1, "id")
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    with big_home(__doc__, build) as big:
        measure(big)


if __name__ == "__main__":
    main()
