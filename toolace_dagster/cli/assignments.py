"""``--set NAME=VALUE``: any setting by its dotted name, from the command line.

Belongs here: reading an assignment. Does not belong here: what settings there are
(``configuration.names``), and whether a value fits (``settings``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from toolace_dagster.configuration.names import UnknownSetting, check_name
from toolace_dagster.configuration.values import anchored, read_value


class BadAssignment(ValueError):
    """An assignment that names no setting or is none. The message names the mend."""


def read_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Read assignments.

    Args:
        assignments: Texts such as ``llm.max_tokens=8192`` or ``roles.judge.model=gpt-4o-mini``. A value is read as
            JSON where it is JSON, else as text. Relative paths count from the working directory.

    Returns:
        Values by dotted name, in order.

    Raises:
        BadAssignment: With the nearest name there is.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        name = name.strip()
        if not sign:
            raise BadAssignment(f"--set {assignment}: write it as NAME=VALUE, such as llm.max_tokens=8192.")
        try:
            check_name(name)
        except UnknownSetting as error:
            raise BadAssignment(f"--set {assignment}: {error}") from None
        values.pop(name, None)
        values[name] = anchored(name, read_value(text), Path.cwd())
    return values
