"""Results that are empty or cut short, and the calls that get them.

Belongs here: narrowing a call, emptying and cutting a result, putting it together
again. Does not belong here: errors (``failures``), sentences (``reports``).
"""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from toolace_dagster.llm.offline.naming import is_identifier
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.shapes import as_list, as_object, is_number


def narrowed(tool: ToolView, arguments: dict[str, Any], rng: Random) -> dict[str, Any]:
    """Arguments of a search that is too narrow: an option too many, or a term written otherwise."""
    made = copy.deepcopy(arguments)
    spare = [
        (name, view)
        for name, view in tool.params.items()
        if name not in arguments and (view.get("enum") or view.get("type") == "boolean")
    ]
    if spare:
        name, view = rng.choice(spare)
        made[name] = rng.choice(as_list(view.get("enum"))) if view.get("enum") else True
        return made
    views = {name: tool.params.get(name, {}) for name in arguments}
    texts = [name for name, value in arguments.items() if isinstance(value, str) and not views[name].get("enum")]
    texts = [name for name in texts if not is_identifier(name, views[name])]
    if texts:
        name = rng.choice(texts)
        made[name] = arguments[name].upper() if arguments[name].upper() != arguments[name] else arguments[name].lower()
        return made
    for name, value in arguments.items():
        view = tool.params.get(name, {})
        choices = [each for each in as_list(view.get("enum")) if each != value]
        if choices:
            made[name] = rng.choice(choices)
            return made
    return made


def widened(tool: ToolView, arguments: dict[str, Any], meant: dict[str, Any]) -> dict[str, Any]:
    """A search as it should have been made: what was meant, without the option too many."""
    kept = {name: value for name, value in arguments.items() if name in tool.required or name in meant}
    return kept | {name: meant[name] for name in kept if name in meant}


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
