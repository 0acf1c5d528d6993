"""``settings.json`` of a home: the settings of its last run, which count where there is no ``toolace.toml``.

Belongs here: writing it whole or not at all, and reading it in whatever state it is. Does not belong here: what comes
over it (``layers``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from toolace_dagster.configuration.faults import fault_lines
from toolace_dagster.configuration.names import is_name
from toolace_dagster.configuration.values import Values, flat, put
from toolace_dagster.settings import Settings


class LastRunBroken(ValueError):
    """The file can't be used; the message names it and the mend."""


@dataclass(frozen=True)
class LastRun:
    """What the file says.

    Attributes:
        values: By dotted name.
        notes: What was left aside.
    """

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()


def write_last_run(path: Path, settings: Settings) -> None:
    """Write the file; whoever reads it, or finds it after a kill, sees the former one or this one, whole.

    Args:
        path: The file; its folder is made when missing.
        settings: What it shall say.
    """
    # Most commands only read, and should not wait for what exports import.
    from toolace_dagster.dataset.files import write_text

    write_text(path, settings.model_dump_json(indent=1))


def read_last_run(path: Path) -> LastRun:
    """Read the file.

    Args:
        path: It may be missing.

    Returns:
        Its settings, without those of an earlier version that there are no more.

    Raises:
        LastRunBroken: If it is cut off, unreadable or none at all.
    """
    try:
        stored: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return LastRun()
    except (OSError, ValueError) as error:
        raise LastRunBroken(f"{path}: the settings of the last run can't be read: {error}. {mend_of(path)}") from None
    if not isinstance(stored, dict):
        raise LastRunBroken(f"{path}: the settings of the last run are no JSON object. {mend_of(path)}")
    values = dict(flat(cast("dict[str, Any]", stored)))
    gone = sorted(name for name in values if not is_name(name))
    notes = (f"{path}: left aside, as there is no such setting any more: {', '.join(gone)}",) if gone else ()
    return LastRun({name: value for name, value in values.items() if name not in gone}, notes)


def last_settings(path: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings of the last run for whoever only looks at what it made: the defaults where they can't be used.

    Args:
        path: The file; it may be missing.

    Returns:
        The settings, and what to tell.
    """
    try:
        found = read_last_run(path)
    except LastRunBroken as broken:
        return Settings(), (f"{broken} Until then the defaults stand in.",)
    values: Values = {}
    for name, value in found.values.items():
        put(values, name, value)
    try:
        return Settings.model_validate(values), found.notes
    except ValidationError as error:
        faults = "; ".join(fault_lines(error, {}, values))
        return Settings(), (*found.notes, f"{path}: {faults}. {mend_of(path)} Until then the defaults stand in.")


def mend_of(path: Path) -> str:
    """What to do about a file that can't be used."""
    return f"Delete {path.name}, and give what differs from the defaults in toolace.toml or to the next `toolace run`."
