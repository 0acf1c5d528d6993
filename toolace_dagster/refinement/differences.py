"""In what two versions of a turn differ, as a judge is told.

Belongs here: the list of differing parts; it is the same whichever version comes
first. Does not belong here: what a judge makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from toolace_dagster.entities import Turn
from toolace_dagster.grounding import looks_like_identifier
from toolace_dagster.prompts.views import turn_view

_MOST = 12


def differing_parts(one: Turn, other: Turn) -> dict[str, Any]:
    """What differs between two versions of a turn.

    Args:
        one: A version.
        other: The other one.

    Returns:
        ``turn``, ``in`` (JSON paths, such as ``content`` or ``tool_calls[0].arguments.date``, twelve at most) and,
        where nothing but identifiers differs, ``only_identifiers``.
    """
    found = sorted(_differing(turn_view(one), turn_view(other), ""), key=lambda part: part[0])
    shown: dict[str, Any] = {"turn": one.id, "in": list(dict.fromkeys(path for path, _ in found))[:_MOST]}
    return shown | ({"only_identifiers": True} if found and all(codes for _, codes in found) else {})


def _differing(one: Any, other: Any, path: str) -> Iterator[tuple[str, bool]]:
    """Paths at which two values differ, and whether both hold an identifier there."""
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        first, second = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        for key in sorted(first.keys() | second.keys()):
            yield from _differing(first.get(key), second.get(key), f"{path}.{key}" if path else key)
    elif isinstance(one, list) and isinstance(other, list) and len(cast("list[Any]", one)) == len(other):  # pyright: ignore[reportUnknownArgumentType]
        for place, (item, beside) in enumerate(zip(cast("list[Any]", one), cast("list[Any]", other), strict=True)):
            yield from _differing(item, beside, f"{path}[{place}]")
    else:
        yield path, _is_code(cast(object, one)) and _is_code(cast(object, other))


def _is_code(value: object) -> bool:
    return isinstance(value, str) and looks_like_identifier(value)
