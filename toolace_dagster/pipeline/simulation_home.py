"""The baseline beside a home: another home in its folder, over the same task specs.

Belongs here: where it is, what it takes over. Does not belong here: its stages (``stages``).
"""

from __future__ import annotations

from dataclasses import replace

from toolace_dagster.configuration.last_run import write_last_run
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse, sql

FOLDER = "simulation"


def simulation_home(home: Warehouse) -> Warehouse:
    """The home of the baseline; ``toolace status``, ``why`` and ``explore`` take it with ``--home``."""
    return Warehouse(home.home / FOLDER)


def simulation_settings(settings: Settings) -> Settings:
    """The settings of a home with those of the baseline laid over them."""
    return settings.model_copy(update={"method": "simulation", "compare_simulation": False})


def simulation_context(context: StageContext) -> StageContext:
    """The context of the same domain and run in the baseline's home."""
    return replace(
        context,
        settings=simulation_settings(context.settings),
        warehouse=simulation_home(context.warehouse),
    )


def take_task_specs(source: Warehouse, target: Warehouse, domain: str) -> None:
    """Let a home have the task specs of another for a domain, so that they are not asked and paid for again.

    The domain's tools and plans come along, and the calls that the specs were written with. What the home made of
    earlier specs goes stale where a spec has changed.

    Args:
        source: The home that has them.
        target: The home that takes them over; its other rows stay.
        domain: Tool domain.

    Raises:
        FileNotFoundError: If the home that should have them does not have the domain.
    """
    store = source.domain(domain)
    if not store.exists():
        raise FileNotFoundError(f"{store.path}: there are no task specs of {domain} to take over")
    with target.domain(domain).write_from(store) as connection:
        connection.execute(sql("simulation/copy_specs"))


def write_settings(home: Warehouse, settings: Settings) -> None:
    """Write down what the baseline's home is made with, for the commands and pages that look at it."""
    write_last_run(home.settings_file, settings)
