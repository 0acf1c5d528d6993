"""A full check of a home: files, rows of all domains, splits and exports beside each other.

Belongs here: checks that read everything. Does not belong here: checks of one stage of
one domain (``checks``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from toolace_dagster.dataset.traits import task_group
from toolace_dagster.pipeline.checks import schema_faults, sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.exports import export_reports
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.pipeline.verified import dataset_domains, dataset_rows
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse, sql


def table_faults(warehouse: Warehouse) -> list[str]:
    """Compare the tables of all files with what they should be."""
    stores = {name: warehouse.domain(name) for name in warehouse.domains()} | {"what spans domains": warehouse.shared}
    return [f"{name}: {fault}" for name, store in stores.items() for fault in store.column_faults()]


def stored_faults(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Check rows and sums of every stage in every domain of the pool."""
    faults: list[str] = []
    for domain in dataset_domains(warehouse, settings):
        context = StageContext(domain=domain, settings=settings, warehouse=warehouse, run_id="")
        with context.store.reading():
            for stage in domain_stages(settings):
                found = [*sum_faults(context, stage.name), *schema_faults(context, stage.name)]
                faults += [f"{domain}: {fault}" for fault in found]
    return faults


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
