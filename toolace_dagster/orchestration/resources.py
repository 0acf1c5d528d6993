"""The resource all assets share: the home and the settings.

Belongs here: what a run is configured with. Does not belong here: what the
settings mean (``toolace_dagster.settings``).
"""

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

HOME_VARIABLE = "TOOLACE_HOME"
DEFAULT_HOME = "toolace_data"
LAUNCH_TAG = "toolace/launch"
"""Tag of the runs that one command launched; they share a budget, as the runs of one backfill do."""
BACKFILL_TAG = "dagster/backfill"


def home_from_environment() -> Path:
    """The home folder: ``TOOLACE_HOME``, or ``toolace_data`` in the working directory."""
    return Path(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME)


def stored_settings(home: Path) -> Settings:
    """Settings of the last run in a home, or the defaults."""
    path = Warehouse(home).settings_file
    return Settings.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else Settings()


class Toolace(dg.ConfigurableResource[Any]):
    """Where things are and how they are to be made.

    Attributes:
        home: Home folder; empty means ``TOOLACE_HOME`` or ``toolace_data``.
        settings: Settings that differ from those of the last run in the home, as in ``settings.json``.
    """

    home: str = ""
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])

    def warehouse(self) -> Warehouse:
        """The home's files."""
        return Warehouse(Path(self.home) if self.home else home_from_environment())

    def effective_settings(self) -> Settings:
        """Stored settings with this run's own laid over them."""
        base = json.loads(stored_settings(self.warehouse().home).model_dump_json())
        llm = {**base["llm"], **self.settings.get("llm", {})}
        return Settings.model_validate({**base, **self.settings, "llm": llm})

    def stage_context(self, domain: str, run: dg.DagsterRun) -> StageContext:
        """The context of one domain in one run."""
        return StageContext(
            domain=domain,
            settings=self.effective_settings(),
            warehouse=self.warehouse(),
            run_id=run.run_id,
            launch_id=next((run.tags[tag] for tag in (LAUNCH_TAG, BACKFILL_TAG) if tag in run.tags), ""),
        )
