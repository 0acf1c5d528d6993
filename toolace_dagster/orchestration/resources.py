"""The resource all assets share: the home and the settings.

Belongs here: what a run is configured with. Does not belong here: what the
settings mean (``toolace_dagster.settings``).
"""

import logging
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import dagster as dg
from dagster._core.events import EngineEventData
from pydantic import Field, PrivateAttr, ValidationError, create_model

from toolace_dagster.configuration import ConfigurationError, configure
from toolace_dagster.configuration.environment import named_variables
from toolace_dagster.configuration.faults import fault_lines
from toolace_dagster.configuration.names import UnknownSetting, check_name
from toolace_dagster.configuration.values import checked, flat
from toolace_dagster.orchestration.run_settings import keep_settings, log_settings, logged_settings
from toolace_dagster.orchestration.workers import PARTITION_TAG, engine_events, note_process
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

_LOG = logging.getLogger(__name__)
HOME_VARIABLE = "TOOLACE_HOME"
DEFAULT_HOME = "toolace_data"
LAUNCH_TAG = "toolace/launch"
"""Tag of the runs that one command launched; they share a budget, as the runs of one backfill do."""
BACKFILL_TAG = "dagster/backfill"
_PARENT_TAG = "dagster/parent_run_id"
ROOT_TAG = "dagster/root_run_id"
_RETRIED_TAG = "dagster/retry_number"
GRAPH_SETTINGS = ("rounds", "method")
"""Settings that decide which assets there are: fixed when the code location is loaded, and noted with each asset."""


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
    try:
        values = checked(given or {})
    except UnknownSetting as error:
        raise ConfigurationError(str(error), named_variables(given or {})) from None
    names = dict.fromkeys(values, "the configuration of the run")
    last_run = Warehouse(home).settings_file
    made = configure(values, home=home, environ=os.environ, origins=names, last_run=last_run)
    for warning in made.warnings:
        _warn_once(warning)
    return made.settings


@cache
def _warn_once(text: str) -> None:
    # Sensors ask for the settings again and again.
    _LOG.warning(text)


def _whole(settings: Mapping[str, Any]) -> Settings:
    """The settings that a command worked out and stored with its run."""
    faults: list[str] = []
    for name in dict(flat(settings)):
        try:
            check_name(name)
        except UnknownSetting as error:
            faults.append(str(error))
    if not faults:
        try:
            return Settings.model_validate(settings)
        except ValidationError as error:
            faults = fault_lines(error, {}, settings)
    told = "\n".join(faults)
    raise ConfigurationError(
        f"{told}\nThe configuration of this run was written by another version. Launch a new run, by `toolace run` or "
        "in the UI without it, in place of executing this one again.",
        named_variables(settings),
    )


class Toolace(dg.ConfigurableResource[Any]):
    """Where things are and how they are to be made.

    Attributes:
        home: Home folder; empty means ``TOOLACE_HOME`` or ``toolace_data``.
        settings: Settings that differ from those that count in the home, in the shape of ``settings.json``.
        nulls: Names of settings that are null unless ``settings`` holds them, such as ``today``; Dagster takes no null.
        settings_are_whole: The settings are laid over the defaults alone. The command line has already laid them over
            ``toolace.toml`` and the environment.
    """

    home: str = ""
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])
    nulls: list[str] = Field(default_factory=list[str])
    settings_are_whole: bool = False
    _of_run: Settings | str | None = PrivateAttr(default=None)
    """Inside a run the settings that it goes by, or why there are none."""

    def warehouse(self) -> Warehouse:
        """The home's files."""
        return Warehouse(Path(self.home) if self.home else home_from_environment())

    def effective_settings(self) -> Settings:
        """The settings: inside a run those that it began with, else those that count now.

        Raises:
            dagster.Failure: If they can't be used, with a line for each fault.
        """
        try:
            settings = self._resolved() if self._of_run is None else self._of_run
        except ConfigurationError as error:
            settings = str(error)
        if isinstance(settings, str):
            raise dg.Failure(description=settings, allow_retries=False)
        return settings

    def _resolved(self) -> Settings:
        given = dict.fromkeys(self.nulls) | self.settings
        return _whole(given) if self.settings_are_whole else configured_settings(self.warehouse().home, given)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Refuse to write into another home than that of the instance, and note the run's process and settings.

        Raises:
            dagster.Failure: If the run's configuration names another one, as that of a home that was moved may.
        """
        named = self._named_by(context.run) if context.run is not None else ""
        own = _home_of(context.instance)
        if named and own is not None and Path(named).resolve() != own.resolve():
            raise dg.Failure(
                description=f"The configuration of the run names the home {named}, but this is Dagster's instance of "
                f"{own}. Launch it without `home` under resources: toolace: config, or start `toolace ui --home "
                f"{named}`.",
                allow_retries=False,
            )
        if context.run is not None and context.instance is not None:
            events = engine_events(context.instance, context.run.run_id)
            note_process(context.instance, context.run, events)
            try:
                self._of_run = self._begun_with(context.instance, context.run, events)
            except ConfigurationError as error:
                # The first asset that goes by them fails, and says why. Another that does shall not find them mended.
                self._of_run = str(error)

    def _begun_with(
        self, instance: dg.DagsterInstance, run: dg.DagsterRun, events: Iterable[EngineEventData]
    ) -> Settings:
        """The settings in the run's log; where it has none yet, those that count now, which are kept.

        A run resolves them once: what its later assets go by must not hang on what somebody changes meanwhile, least of
        all its limits. What a person executes again resolves them anew, since a fault of theirs may have been mended.

        Raises:
            ConfigurationError: If they can't be used.
        """
        stored = logged_settings(events)
        if stored is not None:
            return _whole(stored)
        if _RETRIED_TAG in run.tags and _PARENT_TAG in run.tags:
            # Dagster did this by itself: it is the same work.
            stored = logged_settings(engine_events(instance, run.tags[_PARENT_TAG]))
        settings = self._resolved() if stored is None else _whole(stored)
        log_settings(instance, run, settings)
        # Assets in processes of their own may begin at the same moment. The first in the log counts for all.
        first = logged_settings(engine_events(instance, run.run_id))
        settings = settings if first is None else _whole(first)
        if PARTITION_TAG not in run.tags:
            # Rows of a domain's runs are written once its file stands.
            keep_settings(self.warehouse().shared, run, settings)
        return settings

    @staticmethod
    def _named_by(run: dg.DagsterRun) -> str:
        given: Any = run.run_config
        for name in ("resources", "toolace", "config", "home"):
            given = cast("dict[str, Any]", given).get(name) if isinstance(given, dict) else None
        return given if isinstance(given, str) else ""

    def stage_context(self, context: dg.AssetExecutionContext) -> StageContext:
        """The context of one domain in one run.

        Args:
            context: Of an asset of the domain.

        Raises:
            dagster.Failure: If the settings can't be used, or are those of another graph than the loaded one.
        """
        settings = self.effective_settings()
        loaded: Mapping[str, Any] = context.assets_def.metadata_by_key.get(context.asset_key, {})
        for name in GRAPH_SETTINGS:
            wanted, has = getattr(settings, name), loaded.get(name)
            if has is not None and wanted != has:
                raise dg.Failure(
                    description=f"This run asks for {name} = {wanted}, but the graph was loaded with {name} = {has}. "
                    f"Set {name} in toolace.toml (without that file the home's last run counts) and reload the code "
                    "location, or leave it out of the configuration of the run.",
                    allow_retries=False,
                )
        return StageContext(
            domain=context.partition_key,
            settings=settings,
            warehouse=self.warehouse(),
            run_id=context.run.run_id,
            launch_id=_launch_of(context.run),
        )


def toolace_of(home: Path | None) -> Toolace:
    """The resource of a code location.

    Args:
        home: Home folder that counts whatever else a run configures; ``TOOLACE_HOME`` or ``toolace_data`` when None.
    """
    if home is None:
        return Toolace()
    # Dagster takes the values of an instance for the default of the whole configuration: a run that sets one field
    # would lose the others. Those of a class it takes for the defaults of each field.
    return create_model("Toolace", __base__=Toolace, home=(str, str(home)))()


def _home_of(instance: dg.DagsterInstance | None) -> Path | None:
    """The home that an instance belongs to, as far as it can be told."""
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home)
    if instance is None or instance.is_ephemeral:
        return None
    folder = Path(instance.root_directory).resolve()
    return folder.parent if folder == Warehouse(folder.parent).dagster_home else None


def _launch_of(run: dg.DagsterRun) -> str:
    """What a run shares its budget with; empty when it has one of its own, as a re-execution has."""
    launch = next((run.tags[tag] for tag in (LAUNCH_TAG, BACKFILL_TAG) if tag in run.tags), "")
    if _RETRIED_TAG in run.tags:
        # Dagster did this by itself, perhaps again and again: each with a budget of its own would be a way round it.
        return launch or run.tags.get(ROOT_TAG, "")
    return "" if _PARENT_TAG in run.tags else launch
