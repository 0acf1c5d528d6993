"""What a run says of batches: that answers take their time, and what is still to be collected.

Belongs here: those sentences. Does not belong here: batches (``llm.batch``).
"""

from __future__ import annotations

from collections.abc import Sequence

from toolace_dagster.cli.console import complain, say, warn
from toolace_dagster.llm.batch.submissions import under_way
from toolace_dagster.llm.journal import batches_beside
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


def say_mode(settings: Settings, warehouse: Warehouse, domains: Sequence[str]) -> None:
    """Say before a run what batches mean for it."""
    waiting = _waiting(warehouse, domains)
    if settings.uses_batches:
        model = next(model for model in settings.models.values() if model.mode == "batch")
        say(f"Batch mode: an answer may take up to {model.batch.completion_window}, at each of many steps.")
        if waiting:
            say(f"{waiting} batches that an earlier run submitted are collected first.")
    elif waiting:
        warn(
            f"{waiting} batches that an earlier run submitted are still to be collected. Without --mode batch what "
            "they hold is paid for again."
        )


def say_what_goes_on(warehouse: Warehouse, domains: Sequence[str]) -> None:
    """Say after a run was stopped what the endpoint is still working on."""
    waiting = _waiting(warehouse, domains)
    if waiting:
        complain(f"{waiting} batches go on at the endpoint; the same command collects them.")


def _waiting(warehouse: Warehouse, domains: Sequence[str]) -> int:
    return sum(under_way(batches_beside(warehouse.journal(domain))) for domain in domains)
