"""The settings of a run, kept when it begins: all its assets go by them, and those of a run that was killed are known.

Belongs here: the event in Dagster and the row in the warehouse. Does not belong here: which settings count
(``resources``), or those of each stage that has ended (``pipeline.stage_rows``).
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.events import EngineEventData

from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Store, insert, sql

SETTINGS_KEY = "settings"
"""Metadata of the event that holds them, for people to see."""
_TEXT_KEY = "settings_as_text"
"""The same for other processes of the run: Dagster sorts the keys of JSON, and what is drawn goes by their order."""


def logged_settings(events: Iterable[EngineEventData]) -> Mapping[str, Any] | None:
    """The settings that a run's log holds, as JSON values; None where it holds none.

    Args:
        events: What is noted in the log, in its order. Where several hold settings, the first counts.
    """
    found = next((event.metadata[_TEXT_KEY] for event in events if _TEXT_KEY in event.metadata), None)
    return json.loads(found.value) if isinstance(found, dg.TextMetadataValue) and found.value else None


def log_settings(instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> None:
    """Put the settings into the run's log. They hold no secret: settings that do are refused.

    Args:
        instance: The run's.
        run: The run.
        settings: Those it goes by.
    """
    shown = dg.MetadataValue.json(settings.model_dump(mode="json"))
    exact = dg.MetadataValue.text(settings.model_dump_json())
    data = EngineEventData(metadata={SETTINGS_KEY: shown, _TEXT_KEY: exact})
    instance.report_engine_event("The settings that this run goes by.", run, data)


def log_arm_settings(instance: dg.DagsterInstance, run: dg.DagsterRun, settings: Settings) -> None:
    """Put the settings of an experiment's arm into the log of the run that makes it, beside those that run began with.

    Args:
        instance: The run's.
        run: The run.
        settings: Those of the arm.
    """
    data = EngineEventData(metadata={SETTINGS_KEY: dg.MetadataValue.json(settings.model_dump(mode="json"))})
    instance.report_engine_event("The settings of the arm: the experiment's, laid over those above.", run, data)


def keep_settings(store: Store, run: dg.DagsterRun, settings: Settings) -> None:
    """Write the settings into a file of the home, if they are not in it.

    Args:
        store: The domain's file, or that for what spans domains.
        run: The run.
        settings: Those it goes by.
    """
    if store.read(sql("queries/has_run_settings"), {"run_id": run.run_id}):
        return
    row = {
        "run_id": run.run_id,
        "job": run.job_name,
        "settings": settings.model_dump(mode="json"),
        "started_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
    }
    with store.write() as connection:
        insert(connection, "run_settings", [row])
