"""All sources of settings laid over each other: defaults, file, environment, command line.

The configuration of a Dagster run comes on top (``orchestration.resources``).

Belongs here: the order, and saying where a value came from. Does not belong here:
reading any one source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolace_dagster.configuration.environment import check_variables, named_variables, read_environment
from toolace_dagster.configuration.faults import ConfigurationError, fault_lines
from toolace_dagster.configuration.last_run import LastRun, LastRunBroken, mend_of, read_last_run
from toolace_dagster.configuration.names import UnknownSetting, setting_names
from toolace_dagster.configuration.toml_file import BadFile, find_file, read_file
from toolace_dagster.configuration.values import Values, flat, put
from toolace_dagster.settings import Settings
from toolace_dagster.settings.presets import PRESETS


@dataclass(frozen=True)
class Configuration:
    """The settings that count, and where each came from.

    Attributes:
        settings: The settings.
        file: The configuration file, when there is one.
        origins: By dotted name, what set it: the file, a variable, an option. Defaults are left out.
        warnings: What the user should know that stops nothing.
    """

    settings: Settings
    file: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()


def configure(
    given: Mapping[str, Any],
    *,
    home: Path,
    environ: Mapping[str, str],
    file: Path | None = None,
    origins: Mapping[str, str] | None = None,
    last_run: Path | None = None,
) -> Configuration:
    """Lay file, environment and what was given over the defaults, in that order.

    Args:
        given: Values by dotted name, as the command line has them.
        home: The home folder, where a configuration file may lie.
        environ: The environment.
        file: Configuration file named by the user.
        origins: What each given value is called, such as ``--seed``.
        last_run: The settings of the last run, which count where there is no file, for whoever goes on from it. With
            a file they are not even read.

    Returns:
        The configuration.

    Raises:
        ConfigurationError: With a line for each fault.
    """
    try:
        path = find_file(file, environ, home)
        from_file = read_file(path) if path else {}
        gone_on = read_last_run(last_run) if last_run is not None and path is None else LastRun()
        from_environment, variables = read_environment(environ)
        layers = (gone_on.values, from_file, from_environment, given)
        unread = check_variables(environ, {name for layer in layers for name in named_variables(layer)})
    except (BadFile, LastRunBroken, UnknownSetting) as error:
        raise ConfigurationError(str(error), named_variables(given)) from None
    stored = dict(gone_on.values)
    of_last_run = f"{last_run}, the last run"
    named = [layer["preset"] for layer in (from_file, from_environment, given) if "preset" in layer]
    # What the last run had by default, or by another preset, is not kept against a preset that is asked for now.
    stored |= dict(flat(PRESETS.get(str(named[-1]), {}))) if named and stored else {}
    values: Values = {}
    came_from: dict[str, str] = {}
    for layer, names in (
        (stored, dict.fromkeys(stored, of_last_run)),
        (from_file, dict.fromkeys(from_file, str(path))),
        (from_environment, variables),
        (given, origins or {}),
    ):
        for name, value in layer.items():
            put(values, name, value)
            came_from[name] = names.get(name, "the command line")
    _complete_groups(values)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        lines = fault_lines(error, came_from, values)
        if last_run is not None and any(of_last_run in line for line in lines):
            lines.append(mend_of(last_run))
        raise ConfigurationError("\n".join(lines)) from None
    return Configuration(settings, path, came_from, (*gone_on.notes, *unread))


def _complete_groups(values: Values) -> None:
    """Give a group of which one part was set, such as one end of a range, the others of its default."""
    for name, setting in setting_names().items():
        given = values.get(name)
        if setting.is_group and isinstance(given, dict):
            values[name] = {**setting.default, **given}
