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

from toolace_dagster.configuration.environment import read_environment
from toolace_dagster.configuration.names import is_name, setting_names
from toolace_dagster.configuration.toml_file import BadFile, find_file, read_file
from toolace_dagster.configuration.values import Values, flat, put
from toolace_dagster.settings import Settings
from toolace_dagster.settings.presets import PRESETS

_NEAR_KEYS = ("api_key_env", "api_key_header")
"""Settings in whose place a key may have been given."""


class ConfigurationError(ValueError):
    """Settings that can't be used; the message has a line for each fault, with where it came from."""


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
    stored: Mapping[str, Any] | None = None,
) -> Configuration:
    """Lay file, environment and what was given over the defaults, in that order.

    Args:
        given: Values by dotted name, as the command line has them.
        home: The home folder, where a configuration file may lie.
        environ: The environment.
        file: Configuration file named by the user.
        origins: What each given value is called, such as ``--seed``.
        stored: Values by dotted name that count where there is no file: those of the last run, for whoever goes on
            from it.

    Returns:
        The configuration.

    Raises:
        ConfigurationError: With a line for each fault.
    """
    try:
        path = find_file(file, environ, home)
        from_file = read_file(path) if path else {}
    except BadFile as error:
        raise ConfigurationError(str(error)) from None
    from_environment, variables, warnings = read_environment(environ)
    # An earlier version may have stored a setting that there is no more.
    last_run = {} if path else {name: value for name, value in (stored or {}).items() if is_name(name)}
    named = [layer["preset"] for layer in (from_file, from_environment, given) if "preset" in layer]
    # What the last run had by default, or by another preset, is not kept against a preset that is asked for now.
    last_run |= dict(flat(PRESETS.get(str(named[-1]), {}))) if named and last_run else {}
    values: Values = {}
    came_from: dict[str, str] = {}
    for layer, names in (
        (last_run, dict.fromkeys(last_run, "the last run")),
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
        raise ConfigurationError("\n".join(_faults(error, came_from))) from None
    return Configuration(settings, path, came_from, tuple(warnings))


def _complete_groups(values: Values) -> None:
    """Give a group of which one part was set, such as one end of a range, the others of its default."""
    for name, setting in setting_names().items():
        given = values.get(name)
        if setting.is_group and isinstance(given, dict):
            values[name] = {**setting.default, **given}


def _faults(error: ValidationError, origins: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"])
        set_by = next((origins[known] for known in _upwards(name) if known in origins), "")
        # Our own messages say enough, and what they refuse may hold a credential.
        told = bool(name) and fault["type"] != "value_error" and not name.endswith(_NEAR_KEYS)
        shown = f", not {fault['input']!r}" if told else ""
        where = f" (from {set_by})" if set_by else ""
        lines.append(f"setting {name or 'combination'}{where}: {fault['msg']}{shown}")
    return lines


def _upwards(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
