"""Many domains made fresh on the offline model, and made again with nothing stale: time, memory, size of what is kept.

The shipped domains are copied under other names until there are enough. Each domain is a Dagster run of the job
`generate`, as `toolace run` makes it, two at once. A step that grows quadratically shows in the CPU time that late runs
take beside early ones, or in a second call with other numbers. "Again" runs the same job once more in each of some
domains, start of Dagster excluded.

Run: ``python -m benchmarks.many_domains [DOMAINS] [DIALOGUES] [PRESET]``
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from toolace_dagster.orchestration.launch import build_dataset, run_domains
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.reporting.summary import summarize
from toolace_dagster.settings import SHIPPED_POOL, Settings
from toolace_dagster.warehouse import Warehouse

PARALLEL, PARTS = 2, 5
AGAIN = 5
_MB = 1e6


def copied_pool(folder: Path, count: int) -> Path:
    """A pool of so many domains, copies of the shipped ones under other names."""
    folder.mkdir()
    shipped = sorted(SHIPPED_POOL.glob("*.json"))
    for number in range(count):
        document = json.loads(shipped[number % len(shipped)].read_text())
        name = f"{shipped[number % len(shipped)].stem}_{number:03d}"
        document = document | ({"name": name} if "name" in document else {})
        document |= {"domain": name} if "domain" in document else {}
        (folder / f"{name}.json").write_text(json.dumps(document))
    return folder


class Meter:
    """How much memory processes took."""

    def __init__(self) -> None:
        """Watch from now on."""
        self.peak = 0.0
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self.peak = max(self.peak, _resident())

    def stop(self) -> None:
        """Stop watching."""
        self._over.set()
        self._watching.join()


def _resident() -> float:
    """Memory of this process and all below it, in MB; what they share is counted once a process."""
    pids = [str(os.getpid())]
    total = 0.0
    for pid in pids:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pss = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        pids += children
        total += next((int(line.split()[1]) / 1024 for line in pss.splitlines() if line.startswith("Pss:")), 0.0)
    return total


def size(path: Path) -> float:
    """Size of a file or folder in MB."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files) / _MB


def made_in_parts(names: Sequence[str], settings: Settings, warehouse: Warehouse) -> list[float]:
    """Make domains, and give the CPU seconds that a domain took in each fifth of them."""
    found: list[float] = []
    for number in range(PARTS):
        part = names[number * len(names) // PARTS : (number + 1) * len(names) // PARTS]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ends = run_domains(part, settings, warehouse, launch="first", parallel=PARALLEL, listener=lambda _: None)
        if faults := [end for end in ends if end.error]:
            raise RuntimeError(f"runs failed: {faults[:3]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / max(1, len(part)))
    return found


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    dialogues = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    preset = sys.argv[3] if len(sys.argv) > 3 else "default"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        chosen = {"preset": preset, "pool": str(copied_pool(folder / "pool", count)), "dialogues": dialogues}
        settings = Settings.model_validate(chosen)
        began = time.monotonic()
        names = [domain.name for domain in configured_pool(settings).domains]
        read = time.monotonic() - began
        print(f"{len(names)} domains, {dialogues} dialogues each, preset {preset}; pool read in {read:.1f} s")
        home, meter = folder / "home", Meter()
        warehouse = Warehouse(home)
        began = time.monotonic()
        parts = made_in_parts(names, settings, warehouse)
        made = time.monotonic() - began
        end = build_dataset(settings, warehouse)
        meter.stop()
        whole = time.monotonic() - began
        if end.error:
            raise RuntimeError(end.error)
        summaries = [summarize(warehouse, name) for name in names]
        attempted = sum(each.attempted for each in summaries)
        print(f"fresh: {made:.0f} s for domains, {whole - made:.0f} s for splits, exports and card")
        right, events = all(each.adds_up for each in summaries), size(warehouse.dagster_home)
        print(f"  {attempted:,} dialogues, {attempted / made:.2f} a second; all sums add up: {right}")
        told = " ".join(f"{seconds:.1f}" for seconds in parts)
        print(f"  CPU seconds a domain in each fifth of domains: {told}; last by first {parts[-1] / parts[0]:.2f}")
        print(f"  memory of all processes together at most {meter.peak:.0f} MB")
        print(f"  Dagster's instance {events:.1f} MB, {events / count:.2f} a domain")
        print(f"  tables {size(home / 'warehouse'):.1f} MB, exports {size(warehouse.exports):.1f} MB")
        again(settings, warehouse, names[:AGAIN])


def again(settings: Settings, warehouse: Warehouse, names: Sequence[str]) -> None:
    """Run domains once more with nothing stale, one after the other, in processes that have imported Dagster."""
    seconds: list[float] = []
    for name in names:
        began = time.monotonic()
        run_domains([name], settings, warehouse, launch="again", parallel=1, listener=lambda _: None)
        seconds.append(time.monotonic() - began)
    query = "SELECT count(*) FILTER (made > 0) AS making, count(DISTINCT run_id) AS runs FROM stage_runs"
    made = [warehouse.domain(name).read(query)[0] for name in names]
    print(f"again, nothing stale: {max(seconds):.1f} s a domain at most; {made[0]['runs']} runs a domain so far")


if __name__ == "__main__":
    main()
