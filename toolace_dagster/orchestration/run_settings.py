"""The settings of a run, kept when it begins: what a run that failed or was killed went by is known too.

Belongs here: the event in Dagster and the row in the warehouse. Does not belong here: which settings count
(``resources``), or those of each stage that has ended (``pipeline.stage_rows``).
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg
from dagster._core.events import EngineEventData

from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Store, insert

SETTINGS_KEY = "settings"
"""Metadata of the event that holds them."""


def log_settings(
    instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings, events: Iterable[EngineEventData]
) -> bool:
    """Put the settings into the run's log, if they are not in it.

    Args:
        instance: The run's.
        run: The run.
        settings: Those it goes by.
        events: What is noted in the log.

    Returns:
        Whether they were not.
    """
    if any(SETTINGS_KEY in event.metadata for event in events):
        return False
    data = EngineEventData(metadata={SETTINGS_KEY: dg.MetadataValue.json(settings.model_dump(mode="json"))})
    instance.report_engine_event("The settings that this run goes by.", run, data)
    return True


def keep_settings(store: Store, run: dg.DagsterRun, settings: Settings) -> None:
    """Write the settings into a file of the home.

    Args:
        store: The domain's file, or that for what spans domains.
        run: The run.
        settings: Those it goes by.
    """
    row = {
        "run_id": run.run_id,
        "job": run.job_name,
        "settings": settings.model_dump(mode="json"),
        "started_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
    }
    with store.write() as connection:
        insert(connection, "run_settings", [row])
