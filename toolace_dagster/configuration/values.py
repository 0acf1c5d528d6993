"""Settings as nested dictionaries, and values laid into them by dotted name.

Belongs here: assigning, flattening, reading a value from text. Does not belong here:
where a value comes from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from toolace_dagster.configuration.names import assignable_names, check_name, free_names, setting_names

Values = dict[str, Any]
"""Settings as nested dictionaries, with only what was given."""


def put(values: Values, name: str, value: object) -> None:
    """Lay one value over others.

    Args:
        values: Changed in place.
        name: Dotted name.
        value: The value; a table is laid over what is there key by key only where its keys are settings.
    """
    *path, last = name.split(".")
    place = values
    for part in path:
        if not isinstance(place.get(part), dict):
            place[part] = {}
        place = place[part]
    place[last] = value


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted names in nested dictionaries with their values, down to single settings.

    A name that is no setting comes out as deep as it was given, so that it can be named in a message.
    """
    whole = assignable_names() | free_names()
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name not in whole:
            yield from flat(cast("dict[str, Any]", value), f"{name}.")
        else:
            yield name, value


def checked(values: Mapping[str, Any]) -> Values:
    """Nested dictionaries as values by dotted name.

    Raises:
        UnknownSetting: If a name is none, with the nearest.
    """
    found = dict(flat(values))
    for name in found:
        check_name(name)
    return found


def read_value(text: str) -> Any:
    """A value given as text: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def anchored(name: str, value: Any, folder: Path) -> Any:
    """A value that means the same from any folder.

    Args:
        name: Dotted name of its setting.
        value: The value as given.
        folder: What relative paths count from.
    """
    setting = setting_names().get(name)
    if name == "pool" and isinstance(value, str):
        # Most commands have no pool to find, and should not wait for its imports.
        from toolace_dagster.tool_pool import absolute_source

        return absolute_source(value, folder)
    if setting is None or not setting.is_path:
        return value
    if isinstance(value, list):
        return [os.path.abspath(folder / str(each)) for each in cast("list[object]", value)]
    return os.path.abspath(folder / value) if isinstance(value, str | Path) else value
