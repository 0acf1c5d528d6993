"""Small experiments, made in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pipeline.homes import DOMAIN
from toolace_dagster.experiments.declared import find_experiment
from toolace_dagster.experiments.homes import arm_home
from toolace_dagster.experiments.making import Undertaking, make_domain, write_settings
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Row, Warehouse


def undertaking(home: Path, name: str, *, domains: tuple[str, ...] = (DOMAIN,), **more: Any) -> Undertaking:
    """A shipped experiment with few dialogues and many mistakes."""
    experiment = find_experiment(name)
    given = {"dialogues": 3, "llm": {"error_rate": 6.0}} | more
    basis = experiment.basis(Settings.model_validate(given), ["dialogues", "llm.error_rate", *more])
    return Undertaking(Warehouse(home), experiment, basis, domains)


def make(planned: Undertaking, *arms: str, launch: str = "first") -> list[RunEnd]:
    """Make some arms, or all."""
    write_settings(planned)
    wanted = [arm for arm in planned.arms if not arms or arm.name in arms]
    return [make_domain(planned, wanted, domain, launch) for domain in planned.domains]


def rows_of(planned: Undertaking, arm: str, query: str, params: dict[str, Any] | None = None) -> list[Row]:
    """A query over an arm's file of the first domain."""
    home = arm_home(planned.home, planned.experiment, planned.experiment.arm(arm, planned.domains))
    return home.domain(planned.domains[0]).read(query, params or {})
