"""``toolace.toml``: finding and reading it.

Belongs here: the file. Does not belong here: laying it under other sources (``layers``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolace_dagster.configuration.environment import named_variables
from toolace_dagster.configuration.names import UnknownSetting, check_name
from toolace_dagster.configuration.values import anchored, flat
from toolace_dagster.settings.credentials import without_secrets

CONFIG_FILE = "toolace.toml"
CONFIG_VARIABLE = "TOOLACE_CONFIG"


class BadFile(ValueError):
    """A configuration file that can't be used; the message has a line for each fault."""


def find_file(given: Path | None, environ: Mapping[str, str], home: Path) -> Path | None:
    """Find the file that counts.

    Args:
        given: Named by the user; else ``TOOLACE_CONFIG`` names one, else it is ``toolace.toml`` in the working
            directory, else in the home.
        environ: The environment.
        home: The home folder.

    Returns:
        Its path, or None when there is none.

    Raises:
        BadFile: If a file is named and is not there.
    """
    named = given or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is not None:
        if not named.is_file():
            raise BadFile(f"{named}: there is no such configuration file; `toolace config init` writes one.")
        return named
    return next((path for path in (Path(CONFIG_FILE), home / CONFIG_FILE) if path.is_file()), None)


def read_file(path: Path) -> dict[str, Any]:
    """Read a configuration file.

    Args:
        path: The file. Relative paths in it count from its folder.

    Returns:
        Values by dotted name.

    Raises:
        BadFile: With a line for each key that no setting has.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(f"{path}: it can't be read as TOML: {error}") from None
    values = dict(flat(table))
    faults: list[str] = []
    for name in values:
        try:
            check_name(name)
        except UnknownSetting as error:
            faults.append(f"{path}: {error}")
    if faults:
        raise BadFile(without_secrets("\n".join(faults), named_variables(values)))
    return {name: anchored(name, value, path.resolve().parent) for name, value in values.items()}
