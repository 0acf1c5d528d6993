"""kill -9 of the run worker in each stage of a run that the UI launched, and its "Re-execute from failure" after it.

`toolace ui` runs over a home; each domain's run is launched, killed in another stage once that has asked for some
calls, and launched again as the UI's button does. Splits, exports and card likewise. What stands in the end must be
what an undisturbed run makes with the same seed: rows of all stages, and the bytes of the training files.

Run: ``python -m benchmarks.kill_in_stages [SEED]``
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.kill_resume import counting_server
from benchmarks.ui_server import Ui, serving
from toolace_dagster.orchestration.definitions import DATASET_JOB, GENERATE_JOB
from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.orchestration.launch import build_dataset, run_domains
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.settings import ModelSettings, Settings
from toolace_dagster.warehouse import Warehouse

DIALOGUES, ROUNDS, IN_FLIGHT = 3, 2, 4
STAGES = ("task_specs", "skeletons", "refinement_round_01", "refinement_round_02", "verification", "verified_dialogues")
OVER_DOMAINS = ("splits", "trl_export", "openai_export", "dataset_card")
KEY = {"OPENAI_API_KEY": "none-needed"}
_ROWS = {
    "stage_rows": "SELECT * EXCLUDE (run_id) FROM stage_rows ORDER BY stage_index, dialogue_id",
    "edits": "SELECT * FROM edits ORDER BY edit_id",
    "findings": "SELECT * FROM findings ORDER BY dialogue_id, position",
    "expert_answers": "SELECT * FROM expert_answers ORDER BY dialogue_id, question",
    "first_causes": "SELECT * FROM first_causes ORDER BY ALL",
    "argument_sources": "SELECT * FROM argument_sources ORDER BY ALL",
}


@dataclass(frozen=True)
class Kill:
    """What one kill came to.

    Attributes:
        where: Stage, or asset over all domains.
        calls: Requests that had come in that stage.
        status: How the killed run ended, as Dagster saw it.
        noticed: Seconds until it saw that.
        again: How the run ended that was launched after it.
        repeated: Requests that were asked for twice.
        same: Whether everything is as in an undisturbed run.
    """

    where: str
    calls: int
    status: str
    noticed: float
    again: str
    repeated: int
    same: bool


def settings_for(url: str) -> Settings:
    """Settings of all runs."""
    llm = ModelSettings(model="offline-served", base_url=url, concurrency=IN_FLIGHT)
    return Settings(dialogues=DIALOGUES, rounds=ROUNDS, llm=llm)


def rows(home: Path, domain: str) -> dict[str, list[dict[str, Any]]]:
    """All that runs wrote about the dialogues of a domain."""
    store = Warehouse(home).domain(domain)
    return {name: store.read(query) for name, query in _ROWS.items()}


def files(home: Path) -> dict[str, str]:
    """Hashes of the training files. The card counts calls, so it differs where one was paid twice."""
    folder = Warehouse(home).exports
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in (".parquet", ".jsonl")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def kill_at(instance: dg.DagsterInstance, run_id: str, step: str, seen: Counter[str], calls: int) -> int:
    """Kill the process of a run once a step has started and so many requests came since; gives how many came.

    Raises:
        RuntimeError: If the step ended before.
    """
    pid, begun = 0, -1
    while True:
        for event in instance.all_logs(run_id, of_type={dg.DagsterEventType.ENGINE_EVENT, *_STEPS}):
            told = event.dagster_event
            if told is None:
                continue
            data = told.event_specific_data
            metadata = getattr(data, "metadata", None) or {}
            if "pid" in metadata:
                pid = int(str(metadata["pid"].value))
            if told.step_key == step and told.event_type == dg.DagsterEventType.STEP_START and begun < 0:
                begun = seen.total()
            if told.step_key == step and told.event_type in _STEPS[1:]:
                raise RuntimeError(f"{step} ended before it could be killed")
        if begun >= 0 and pid and seen.total() - begun >= calls:
            os.kill(pid, signal.SIGKILL)
            return seen.total() - begun
        time.sleep(0.01)


_STEPS = (dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)


def killed(
    ui: Ui, instance: dg.DagsterInstance, job: str, partition: str | None, where: str, seen: Counter[str], calls: int
) -> tuple[int, str, float, str]:
    """Launch, kill, wait until Dagster has noticed, launch again; calls, status, seconds, status."""
    run_id = ui.launch(job, partition)
    came = kill_at(instance, run_id, where, seen, calls)
    at = time.monotonic()
    status = ui.ended(run_id)
    noticed = time.monotonic() - at
    return came, status, noticed, ui.ended(ui.again(run_id))


def trials(folder: Path, seed: int) -> Generator[Kill]:
    """Kill in every stage and over all domains."""
    generator = random.Random(seed)  # noqa: S311 - moments, no secret
    home, calm = folder / "home", folder / "calm"
    repeated = 0
    with counting_server() as (url, seen):
        settings = settings_for(url)
        domains = [domain.name for domain in configured_pool(settings).domains][: len(STAGES)]
        os.environ.update(KEY)
        ends = run_domains(domains, settings, Warehouse(calm), launch="calm", parallel=2, listener=lambda _: None)
        ends.append(build_dataset(settings, Warehouse(calm)))
        if any(end.error for end in ends):
            raise RuntimeError(f"the undisturbed run failed: {ends}")
        usual = Counter(seen)
        seen.clear()
        warehouse = Warehouse(home)
        home.mkdir()
        warehouse.settings_file.write_text(settings.model_dump_json())
        with open_instance(warehouse) as instance, serving(home, folder / "ui.log", **KEY) as ui:
            register_domains(instance, domains)
            for domain, where in zip(domains, STAGES, strict=True):
                calls = 0 if where == "verified_dialogues" else generator.randint(1, DIALOGUES)
                came, status, noticed, again = killed(ui, instance, GENERATE_JOB, domain, where, seen, calls)
                same = rows(home, domain) == rows(calm, domain)
                twice = (seen - usual).total() - repeated
                repeated += twice
                yield Kill(where, came, status, noticed, again, twice, same)
            for where in OVER_DOMAINS:
                shutil.rmtree(warehouse.exports, ignore_errors=True)
                warehouse.shared.path.unlink(missing_ok=True)
                _, status, noticed, again = killed(ui, instance, DATASET_JOB, None, where, seen, 0)
                # The UI's job writes all formats, that of the command line those of the settings.
                same = bool(files(calm)) and files(calm).items() <= files(home).items()
                yield Kill(where, 0, status, noticed, again, 0, same)


def main() -> int:
    """Try and print; 1 when anything differs."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, {DIALOGUES} dialogues a domain, {ROUNDS} rounds, {IN_FLIGHT} calls in flight at most")
    print(f"{'killed in':22s} {'after':>9s} {'then':>9s} {'seen after':>11s} {'again':>9s} {'paid twice':>11s}  rows")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for kill in trials(Path(folder), seed):
            told = "as ever" if kill.same else "DIFFERENT"
            print(
                f"{kill.where:22s} {kill.calls:3d} calls {kill.status:>9s} {kill.noticed:9.1f} s {kill.again:>9s} "
                f"{kill.repeated:11d}  {told}",
                flush=True,
            )
            wrong += not kill.same or kill.again != "SUCCESS" or kill.repeated > IN_FLIGHT
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
