"""Where the arms of experiments are: a home each, below the home they belong to.

Belongs here: paths, and what an arm's file starts from. Does not belong here: what
happens in a home.
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.experiments.declared import Arm, Experiment
from toolace_dagster.warehouse import Store, Warehouse, sql

FOLDER = "experiments"
EXAMINED = "examined"
"""Beside the experiments: what examination found, whichever arm a dialogue is from."""


def arm_home(home: Warehouse, experiment: Experiment, arm: Arm) -> Warehouse:
    """The home of an arm; ``toolace status``, ``why`` and ``explore`` take it with ``--home``."""
    return Warehouse(home.home / FOLDER / experiment.name / arm.name, within=home)


def basis_file(home: Warehouse, experiment: Experiment) -> Path:
    """The settings that the arms had in common when the experiment was last run, its domains, and what it compared."""
    return experiment_file(home, experiment.name)


def experiment_file(home: Warehouse, name: str) -> Path:
    """The same, by the experiment's name."""
    return home.home / FOLDER / name / "experiment.json"


def examined_store(home: Warehouse, domain: str) -> Store:
    """What examination of a domain's dialogues found, over all experiments."""
    schema = "\n".join(sql(name) for name in ("calls/tables", "experiments/examined"))
    return Store(home.home / FOLDER / EXAMINED / f"{domain}.duckdb", schema)


def examination_journal(home: Warehouse, domain: str) -> Path:
    """The journal of the calls that examination makes."""
    return home.home / FOLDER / EXAMINED / "journal" / f"{domain}.jsonl"


def begin_from(before: Warehouse, arm: Warehouse, domain: str) -> None:
    """Let an arm's domain start with the rows and responses of another arm, if it has none yet.

    Whatever differs is made anew when the arm is made: rows are kept by fingerprint.

    Args:
        before: The other arm's home.
        arm: The arm's home.
        domain: Tool domain.
    """
    mine, other = arm.domain(domain), before.domain(domain)
    if not mine.exists() and other.exists():
        other.write_copy(mine.path)
