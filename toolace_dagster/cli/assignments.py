"""``--set KEY=VALUE``: any setting by its dotted name, from the command line.

Belongs here: reading an assignment and finding its place. Does not belong here: what
the settings mean and whether a value fits (``settings``).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel

from toolace_dagster.settings import ROLES, ModelSettings, Settings


class BadAssignment(ValueError):
    """An assignment that names no setting or is none. The message names the mend."""


def assign(values: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Lay assignments over settings.

    Args:
        values: Settings as nested dictionaries; not changed.
        assignments: Texts such as ``llm.max_tokens=8192`` or ``roles.judge.model=gpt-4o-mini``. A value is read as
            JSON where it is JSON, else as text.

    Returns:
        The settings with the assignments made, in order.

    Raises:
        BadAssignment: With the nearest name there is.
    """
    made: dict[str, Any] = json.loads(json.dumps(values, default=str))
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        if not sign:
            raise BadAssignment(f"--set {assignment}: write it as NAME=VALUE, such as llm.max_tokens=8192.")
        path = name.strip().split(".")
        _check(path, assignment)
        place = made
        for part in path[:-1]:
            if not isinstance(place.get(part), dict):
                place[part] = {}
            place = place[part]
        place[path[-1]] = _value(text)
    return made


def _check(path: list[str], assignment: str) -> None:
    known = _names()
    name = ".".join(path)
    # What stands below a free field, such as llm.extra_body, is the endpoint's affair.
    if name in known or any(name.startswith(f"{free}.") for free in known if _is_free(free)):
        return
    close = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    hint = f" Did you mean {' or '.join(close)}?" if close else f" There are: {', '.join(sorted(known))}."
    raise BadAssignment(f"--set {assignment}: there is no setting {name!r}.{hint}")


def _is_free(name: str) -> bool:
    return name.endswith((".extra_body", ".query"))


def _names() -> set[str]:
    model = _fields(ModelSettings)
    names = {*_fields(Settings), *(f"llm.{field}" for field in model)}
    return (names - {"llm", "roles"}) | {f"roles.{role}.{field}" for role in ROLES for field in model}


def _fields(model: type[BaseModel]) -> set[str]:
    """Names of a model's fields, with those of ranges and groups among them."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(name)
        kinds = [field.annotation, *get_args(field.annotation)]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not ModelSettings:
                names |= {f"{name}.{inner}" for inner in kind.model_fields}
    return names


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
