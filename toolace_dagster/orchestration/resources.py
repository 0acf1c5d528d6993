"""The resource all assets share: the home and the settings.

Belongs here: what a run is configured with. Does not belong here: what the
settings mean (``toolace_dagster.settings``).
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from toolace_dagster.configuration import ConfigurationError, configure
from toolace_dagster.configuration.names import UnknownSetting
from toolace_dagster.configuration.values import checked, flat
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


def configured_settings(home: Path, given: Mapping[str, Any] | None = None) -> Settings:
    """The settings that count in a home.

    Args:
        home: Home folder.
        given: Nested dictionaries that come on top.

    Returns:
        ``toolace.toml``, or the settings of the last run where there is none; over them the environment, then what was
        given.

    Raises:
        ConfigurationError: If a value or name in any of them is none.
    """
    path = Warehouse(home).settings_file
    stored = dict(flat(json.loads(path.read_text(encoding="utf-8")))) if path.exists() else {}
    try:
        values = checked(given or {})
    except UnknownSetting as error:
        raise ConfigurationError(str(error)) from None
    names = dict.fromkeys(values, "the configuration of the run")
    return configure(values, home=home, environ=os.environ, origins=names, stored=stored).settings


class Toolace(dg.ConfigurableResource[Any]):
    """Where things are and how they are to be made.

    Attributes:
        home: Home folder; empty means ``TOOLACE_HOME`` or ``toolace_data``.
        settings: Settings that differ from those that count in the home, in the shape of ``settings.json``.
        settings_are_whole: The settings are laid over the defaults alone. The command line has already laid them over
            ``toolace.toml`` and the environment.
    """

    home: str = ""
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])
    settings_are_whole: bool = False

    def warehouse(self) -> Warehouse:
        """The home's files."""
        return Warehouse(Path(self.home) if self.home else home_from_environment())

    def effective_settings(self) -> Settings:
        """The settings of this run.

        Raises:
            dagster.Failure: If they can't be used, with a line for each fault.
        """
        try:
            if self.settings_are_whole:
                return Settings.model_validate(self.settings)
            return configured_settings(self.warehouse().home, self.settings)
        except ConfigurationError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None

    def stage_context(self, domain: str, run: dg.DagsterRun) -> StageContext:
        """The context of one domain in one run."""
        return StageContext(
            domain=domain,
            settings=self.effective_settings(),
            warehouse=self.warehouse(),
            run_id=run.run_id,
            launch_id=next((run.tags[tag] for tag in (LAUNCH_TAG, BACKFILL_TAG) if tag in run.tags), ""),
        )
