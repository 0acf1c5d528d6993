"""Named SQL files, read through importlib.resources.

Belongs here: finding and caching SQL text by name. Does not belong here: SQL.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """Read one SQL file of ``sql/``.

    Args:
        name: Path below ``sql/`` without the ending, such as ``queries/stage_counts``.

    Returns:
        Its text.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    return files("toolace_dagster.sql").joinpath(f"{name}.sql").read_text(encoding="utf-8")
