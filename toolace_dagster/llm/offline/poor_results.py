"""Results that are empty or cut short, and the calls that get them.

Belongs here: narrowing a call, emptying and cutting a result, putting it together
again. Does not belong here: errors (``failures``), sentences (``reports``).
"""

from __future__ import annotations

import copy
import datetime as dt
from random import Random
from typing import Any

from toolace_dagster.llm.offline.naming import is_identifier
from toolace_dagster.llm.offline.phrases import ISO_DATE, ISO_MOMENT
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.shapes import as_list, as_object, is_number


def narrowed(tool: ToolView, arguments: dict[str, Any], rng: Random, vary: list[str] | None = None) -> dict[str, Any]:
    """Arguments of a search that is too narrow: a term written otherwise, or a limit taken too strictly.

    Args:
        tool: The tool.
        arguments: As they should be.
        rng: Source of choices.
        vary: Names of the arguments that may differ; all that are no choices or identifiers when None.
    """
    made = copy.deepcopy(arguments)
    views = {name: tool.params.get(name, {}) for name in arguments}
    able = [name for name in arguments if not views[name].get("enum") and not is_identifier(name, views[name])]
    able = [name for name in able if vary is None or name in vary]
    texts = [name for name in able if isinstance(arguments[name], str) and not _is_dated(arguments[name])]
    if texts:
        name = rng.choice(texts)
        made[name] = arguments[name].upper() if arguments[name].upper() != arguments[name] else arguments[name].lower()
        return made
    for name in able:
        if other := _stricter(arguments[name], views[name]):
            made[name] = other
            return made
    return made


def _stricter(value: Any, view: dict[str, Any]) -> Any:
    """A neighbouring value: another day, a lower or higher bound; None where there is none."""
    if isinstance(value, str) and _is_dated(value):
        return f"{dt.date.fromisoformat(value[:10]) + dt.timedelta(days=1)}{value[10:]}"
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    low, high = view.get("minimum"), view.get("maximum")
    able = [other for other in (value - 1, value + 1) if (low is None or other >= low)]
    return next((other for other in able if high is None or other <= high), None)


def _is_dated(value: str) -> bool:
    return bool(ISO_DATE.match(value) or ISO_MOMENT.match(value))


def widened(tool: ToolView, arguments: dict[str, Any], meant: dict[str, Any]) -> dict[str, Any]:
    """A search as it should have been made: with the values that were meant."""
    return {name: meant.get(name, value) for name, value in arguments.items() if name in tool.params}


def emptied(content: Any, arguments: dict[str, Any]) -> Any:
    """A result with nothing in it but what the call itself said."""
    if isinstance(content, list):
        return []
    if not isinstance(content, dict):
        return {"results": []}
    made: dict[str, Any] = {}
    for name, value in as_object(content).items():
        if isinstance(value, list):
            made[name] = []
        elif isinstance(value, dict):
            made[name] = emptied(value, arguments)
        elif value in arguments.values() or isinstance(value, bool):
            made[name] = value
        else:
            made[name] = 0 if is_number(value) else ""
    return made


def cut(content: Any) -> Any:
    """The first part of a result, with a sign that there is more."""
    made = copy.deepcopy(content)
    holder = _longest(made)
    if holder is not None:
        del holder[max(1, len(holder) // 2) :]
    return {**as_object(made), "truncated": True} if isinstance(made, dict) else made


def completed(part: Any, whole: Any) -> Any:
    """A whole result that begins with the part that was already there."""
    some, every = _longest(copy.deepcopy(part)), copy.deepcopy(whole)
    rows = _longest(every)
    if some and rows is not None:
        rest = [row for row in rows if row not in some]
        rows[:] = [*some, *(rest or rows[-1:])]
    return every


def resumed(part: Any, whole: Any) -> Any:
    """A whole result of which the first rows are those of the part that was already there."""
    some, every = _longest(copy.deepcopy(part)), copy.deepcopy(whole)
    rows = _longest(every)
    if some and rows is not None:
        rows[: len(some)] = some
    return every


def row_count(content: Any) -> int:
    """Rows of the longest list inside a result."""
    return len(_longest(content) or ())


def _longest(value: Any) -> list[Any] | None:
    """The longest list inside a result."""
    found: list[list[Any]] = []

    def walk(part: Any) -> None:
        if isinstance(part, list):
            rows = as_list(part)
            found.append(rows)
            for row in rows:
                walk(row)
        elif isinstance(part, dict):
            for inner in as_object(part).values():
                walk(inner)

    walk(value)
    return max(found, key=len) if found else None
