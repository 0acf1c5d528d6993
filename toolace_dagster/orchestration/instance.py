"""The Dagster instance of a home, shared by command line and UI.

Belongs here: making and opening it, registering domains as partitions. Does not
belong here: running anything (``launch``).
"""

import os
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import dagster as dg

from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.warehouse import Warehouse


def dagster_home(warehouse: Warehouse) -> Path:
    """Folder of the instance: ``DAGSTER_HOME`` when set, else inside the home; made with our template."""
    folder = Path(os.environ.get("DAGSTER_HOME") or warehouse.dagster_home)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists():
        template = files("toolace_dagster.orchestration").joinpath("templates", "dagster.yaml")
        config.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def open_instance(warehouse: Warehouse) -> dg.DagsterInstance:
    """Open the instance; close it with a ``with`` statement."""
    return dg.DagsterInstance.from_config(str(dagster_home(warehouse)))


def register_domains(instance: dg.DagsterInstance, domains: Iterable[str]) -> list[str]:
    """Register domains as partitions.

    Returns:
        Those that were new.
    """
    name = TOOL_DOMAINS.name
    assert name is not None
    known = set(instance.get_dynamic_partitions(name))
    new = [domain for domain in domains if domain not in known]
    if new:
        instance.add_dynamic_partitions(name, new)
    return new
