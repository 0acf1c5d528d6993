"""A full check of a home: files, rows of all domains, splits and exports beside each other.

Belongs here: checks that read everything. Does not belong here: checks of one stage of
one domain (``checks``).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from toolace_dagster.dataset.traits import task_group
from toolace_dagster.pipeline.checks import schema_faults, sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.exports import export_reports
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.pipeline.stages import VERIFIED_STAGE, domain_stages
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.pipeline.verified import dataset_domains, dataset_rows
from toolace_dagster.settings import Settings
from toolace_dagster.verification.benchmarks import BenchmarkUnreadable, read_benchmarks
from toolace_dagster.warehouse import Warehouse, sql


def table_faults(warehouse: Warehouse) -> list[str]:
    """Compare the tables of all files with what they should be."""
    stores = {name: warehouse.domain(name) for name in warehouse.domains()} | {"what spans domains": warehouse.shared}
    return [f"{name}: {fault}" for name, store in stores.items() for fault in store.column_faults()]


def stored_faults(warehouse: Warehouse, settings: Settings) -> tuple[list[str], list[str]]:
    """Check rows and sums of every stage in every domain of the pool.

    A domain that a run would change is no fault: settings may have changed since its last run, or that one was stopped
    half-way. Its rows are judged by the settings of its last run, and by none where that did not get to the end.

    Returns:
        What is wrong, and what is stale.
    """
    faults: list[str] = []
    stale: list[str] = []
    for domain in dataset_domains(warehouse, settings):
        context = StageContext(domain=domain, settings=settings, warehouse=warehouse, run_id="")
        broken = [fault for stage in domain_stages(settings) for fault in schema_faults(context, stage.name)]
        faults += [f"{domain}: {fault}" for fault in broken]
        # What is stale follows from the rows, so they have to be read.
        behind = None if broken else first_stale(context, configured_pool(settings).domain(domain))
        if behind is not None:
            stale.append(f"{domain} is stale from {behind.stage} on; `toolace plan --domain {domain}` says why")
        judged = _settings_of_last_run(context) if broken or behind else settings
        if judged is not None:
            then = replace(context, settings=judged)
            with context.store.reading():
                sums = [fault for stage in domain_stages(judged) for fault in sum_faults(then, stage.name)]
            faults += [f"{domain}: {fault}" for fault in sums]
    return faults, stale


def _settings_of_last_run(context: StageContext) -> Settings | None:
    """The settings of the last run; None where it was stopped before the last stage."""
    last = next(iter(context.store.read(sql("queries/last_stage_run"))), None)
    if last is None or last["stage"] != VERIFIED_STAGE:
        return None
    try:
        return Settings.model_validate_json(last["settings"])
    except ValidationError:
        return None


def contamination_faults(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Find verified dialogues whose user says what stands in a benchmark, as the rule on overlap finds it.

    Dialogues are verified with the benchmarks named then; others may have been named since, or the rule be off.

    Returns:
        A fault for each dialogue.
    """
    if not settings.benchmarks:
        return []
    try:
        index = read_benchmarks(settings.benchmarks, settings.benchmark_words)
    except BenchmarkUnreadable as fault:
        return [str(fault)]
    return [
        f"{row.dialogue.id}, turn {overlap.turn_id}: “{overlap.words}” stands in {overlap.source}; "
        "`toolace run` rejects it, unless rule_severity has rule.benchmark_overlap off or soft"
        for row in dataset_rows(warehouse, settings)
        for overlap in index.overlaps(row.dialogue)[:1]
    ]


def split_faults(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Compare the splits with the verified dialogues of now."""
    sides = {row["dialogue_id"]: row for row in warehouse.shared.read(sql("queries/splits"))}
    faults: list[str] = []
    seen: dict[str, tuple[str, str]] = {}
    for row in dataset_rows(warehouse, settings):
        name = row.dialogue.id
        side = sides.pop(name, None)
        if side is None:
            faults.append(f"{name} has no side; materialize splits")
            continue
        if side["split"] is None:
            continue
        task = task_group(row.spec)
        other, split = seen.setdefault(task, (name, side["split"]))
        if split != side["split"]:
            faults.append(f"{name} is in {side['split']}, and {other} of the same task in {split}")
    faults += [f"{name} has a side, but is no verified dialogue any more; materialize splits" for name in sides]
    return faults


def export_faults(warehouse: Warehouse) -> list[str]:
    """Compare export files with what is recorded of them."""
    faults: list[str] = []
    for file in (file for report in export_reports(warehouse).values() for file in report.files):
        path = warehouse.exports / file.path
        if not path.exists():
            faults.append(f"{file.path} is gone; materialize the exports")
        elif path.stat().st_size != file.bytes or _sha256(path) != file.sha256:
            faults.append(f"{file.path} is not what was written; materialize the exports")
    return faults


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
