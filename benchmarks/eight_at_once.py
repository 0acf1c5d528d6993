"""Eight domains made by eight processes at once, twice, while others read: locks met, and whether counts are exact.

Each process runs Dagster's job `generate` for one domain of one home, all started together, as queued runs are. All the
time two readers poll ``toolace status``, and a third asks the UI over the same home for what its pages show. Then the
same is done again with another number of rounds, so that rows are replaced while they are read. Each time the rows of
each domain must be those of a home in which the domains were made one after the other.

Run: ``python -m benchmarks.eight_at_once [DIALOGUES]``
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.ui_server import Ui, serving
from toolace_dagster.orchestration.launch import run_domains
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

DOMAINS = 8
READERS = 2
_COUNTS = """
SELECT stage, state, count(*) AS n, count(DISTINCT dialogue_id) AS dialogues, string_agg(content_hash, ',' ORDER BY
dialogue_id) AS content FROM stage_rows GROUP BY ALL ORDER BY ALL
"""
_SIGNS = ("could not set lock", "database is locked", "io error", "conflicting lock", "traceback")
_PAGES = """
{ assetNodes { assetKey { path } partitionStats { numMaterialized numFailed }
    assetMaterializations(limit: 3) { runId metadataEntries { label } }
    assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status } } } } }
  runsOrError(limit: 25) { ... on Runs { results { runId status stepStats { stepKey status } } } } }
"""


@dataclass
class Seen:
    """What processes that ran at the same time said and how they ended.

    Attributes:
        ended: Exit codes, by what was run; the last that was not 0.
        locks: Lines that speak of a lock or a crash.
        polls: Times a reader looked, by reader.
        seconds: From the first start to the last end.
    """

    ended: dict[str, int] = field(default_factory=dict[str, int])
    locks: list[str] = field(default_factory=list[str])
    polls: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    def take_down(self, name: str, code: int, words: str) -> None:
        """Take down how something ended, and each line of it that speaks of a lock."""
        if code or name not in self.ended:
            self.ended[name] = code
        self.locks += [f"{name}: {line}" for line in words.splitlines() if any(s in line.lower() for s in _SIGNS)]


def settings(dialogues: int, rounds: int) -> Settings:
    """Settings of the runs: the offline model over the shipped pool."""
    return Settings(dialogues=dialogues, rounds=rounds)


def make(home: Path, domains: list[str], dialogues: int, rounds: int) -> int:
    """Make domains in a home, one after the other; 1 when one failed."""
    ends = run_domains(
        domains,
        settings(dialogues, rounds),
        Warehouse(home),
        launch=f"launch-{os.getpid()}",
        parallel=1,
        listener=lambda _: None,
    )
    for end in ends:
        if end.error:
            print(end.name, end.error)
    return int(any(end.error for end in ends))


def in_a_process(*words: object) -> subprocess.CompletedProcess[str]:
    """Run Python with words after it."""
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)


def makes(home: Path, domains: list[str], dialogues: int, rounds: int) -> subprocess.CompletedProcess[str]:
    """Make domains in a process of their own."""
    return in_a_process("-m", "benchmarks.eight_at_once", "--make", home, ",".join(domains), dialogues, rounds)


def at_once(home: Path, ui: Ui, domains: list[str], dialogues: int, rounds: int) -> Seen:
    """Make each domain in a process of its own, all at once, while others read."""
    seen, over, began = Seen(), threading.Event(), time.monotonic()

    def write(domain: str) -> None:
        done = makes(home, [domain], dialogues, rounds)
        seen.take_down(domain, done.returncode, done.stdout + done.stderr)

    def read(name: str) -> None:
        while not over.is_set():
            done = in_a_process("-c", "from toolace_dagster.cli import main; main()", "status", "--home", home)
            seen.take_down(name, done.returncode, done.stdout + done.stderr)
            seen.polls[name] += 1

    def ask() -> None:
        while not over.is_set():
            try:
                told = ui.ask(_PAGES)
                seen.take_down("the UI", 0 if told["assetNodes"] else 1, "")
            except (OSError, RuntimeError) as error:
                seen.take_down("the UI", 1, f"traceback: {error}")
            seen.polls["the UI"] += 1

    writers = [threading.Thread(target=write, args=(domain,)) for domain in domains]
    readers = [threading.Thread(target=read, args=(f"reader {number}",)) for number in range(READERS)]
    readers.append(threading.Thread(target=ask))
    for thread in [*writers, *readers]:
        thread.start()
    for thread in writers:
        thread.join()
    seen.seconds = time.monotonic() - began
    over.set()
    for thread in readers:
        thread.join()
    return seen


def held(home: Path) -> dict[str, str]:
    """What a home holds of each domain: rows by stage and state, with their content."""
    warehouse = Warehouse(home)
    return {name: json.dumps(warehouse.domain(name).read(_COUNTS)) for name in warehouse.domains()}


def main() -> int:
    """Run it; 1 when a lock surfaced, a process failed or a count is off."""
    if sys.argv[1:2] == ["--make"]:
        folder, names, dialogues, rounds = sys.argv[2:6]
        return make(Path(folder), names.split(","), int(dialogues), int(rounds))
    dialogues = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    faults = 0
    with tempfile.TemporaryDirectory() as scratch:
        home, calm, log = Path(scratch) / "home", Path(scratch) / "calm", Path(scratch) / "ui.log"
        domains = [domain.name for domain in configured_pool(settings(dialogues, 1)).domains][:DOMAINS]
        # A home that holds nothing yet has no status to tell.
        makes(home, domains[:1], 1, 1)
        with serving(home, log) as ui:
            for rounds in (1, 2):
                seen = at_once(home, ui, domains, dialogues, rounds)
                faults += makes(calm, domains, dialogues, rounds).returncode
                here, there = held(home), held(calm)
                same = sum(here.get(domain) == there[domain] for domain in domains)
                failed = {name: code for name, code in seen.ended.items() if code}
                polls = ", ".join(f"{name} {count}" for name, count in sorted(seen.polls.items()))
                print(f"{rounds} round{'s' * (rounds > 1)}: {len(domains)} processes at once, {seen.seconds:.0f} s")
                print(f"  lock errors: {len(seen.locks)}; failed: {failed or 'none'}; polls: {polls}")
                print(f"  domains with exactly the rows of a run one after the other: {same} of {len(domains)}")
                for line in seen.locks[:10]:
                    print(f"    {line}")
                faults += bool(seen.locks or failed or same < len(domains))
        surfaced = [line for line in log.read_text().splitlines() if any(sign in line.lower() for sign in _SIGNS)]
        print(f"lines of the UI's own log that speak of a lock or a crash: {len(surfaced)}")
        faults += len(surfaced)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
