"""Alternatives in the strict form, and how a value tells which of them it is.

Belongs here: the union of forms. Does not belong here: the other forms (``forms``),
or which alternatives a schema has (``strict``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from toolace_dagster.llm.schema.composite import Entries, Fields, Items
from toolace_dagster.llm.schema.forms import (
    Absent,
    Form,
    Leaf,
    NotExpressible,
    Reference,
    Schema,
    Tagged,
    Text,
    Wrapped,
    described,
    json_text,
)


@dataclass(frozen=True)
class Union(Form):
    """Alternatives that an encoded value tells apart by itself.

    Attributes:
        branches: As sent.
        raw: As they were before some were tagged or reordered.
        description: What the model is told.
    """

    branches: tuple[Form, ...]
    raw: tuple[Form, ...]
    description: str | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """Those of all branches."""
        return frozenset(kind for branch in self.branches for kind in branch.kinds)

    @property
    def plain(self) -> bool:
        """When all branches are."""
        return all(branch.plain for branch in self.branches)

    @cached_property
    def schema(self) -> Schema:
        """``anyOf``."""
        return described({"anyOf": [branch.schema for branch in self.branches]}, self.description)

    def encode(self, value: Any) -> Any:
        """By the first branch that takes the value."""
        for branch in self.branches:
            try:
                return branch.encode(value)
            except NotExpressible:
                continue
        raise NotExpressible(f"{str(value)[:40]!r} fits no alternative")

    def restore(self, value: Any) -> Any:
        """By the branch the value looks like."""
        kind = kind_of(value)
        fitting = [branch for branch in self.branches if kind in branch.kinds]
        if kind == "object" and len(fitting) > 1:
            fitting = [branch for branch in fitting if _looks_like(value, branch)] or [_nearest(value, fitting)]
        # Several left are alike and plain, or the value is not of the strict form.
        return fitting[0].restore(value) if fitting else value


def union(forms: Sequence[Form], description: str | None = None) -> Form:
    """Alternatives, changed where needed so that they can be told apart.

    Args:
        forms: At least one.
        description: What the model is told.
    """
    raw = tuple({_identity(form): form for form in _flat(forms)}.values())
    if len(raw) == 1:
        return raw[0] if description is None else _redescribed(raw[0], description)
    branches = list(raw)
    objects = [form for form in raw if "object" in form.kinds]
    alike = any(
        sum(kind in form.kinds for form in raw) > 1 and not all(form.plain for form in raw if kind in form.kinds)
        for kind in ("string", "number", "boolean", "array")
    )
    ordered = _told_apart(objects) if len(objects) > 1 and not alike else None
    if alike or (len(objects) > 1 and ordered is None):
        clash = [form for form in raw if not (form.plain and isinstance(form, Leaf))]
        tags = {id(form): str(number) for number, form in enumerate(clash, 1)}
        branches = [Tagged(tags[id(form)], form) if id(form) in tags else form for form in raw]
    elif ordered is not None:
        turned = dict(zip(map(id, objects), ordered, strict=True))
        branches = [turned.get(id(form), form) for form in raw]
    return Union(tuple(branches), raw, description)


def kind_of(value: Any) -> str:
    """JSON type of a value; integers are numbers."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _identity(form: Form) -> tuple[str, str]:
    """Equal for forms that are the same for sure; two that only share a schema may restore it differently."""
    alike = isinstance(form, (Leaf, Wrapped, Reference, Absent))
    text = json_text(form.schema) if alike else str(form.types) if isinstance(form, Text) else str(id(form))
    return type(form).__name__, text


def _flat(forms: Sequence[Form]) -> Iterator[Form]:
    for form in forms:
        if isinstance(form, Union):
            yield from form.raw
        else:
            yield form


def _told_apart(objects: Sequence[Form]) -> list[Form] | None:
    """Objects with first keys that tell them apart; None when no order of their keys does."""
    fields = [form for form in objects if isinstance(form, Fields)]
    names = {id(form): set(_names(form)) for form in objects}
    if len(fields) == len(objects) and (name := _discriminator(fields)) is not None:
        return [form.led_by(name) for form in fields]
    turned: list[Form] = []
    for form in objects:
        others = {name for other in objects if other is not form for name in names[id(other)]}
        own = next((name for name in _names(form) if name not in others), None)
        if own is None or isinstance(form, Reference):
            return None
        if isinstance(form, Fields):
            if own not in form.properties:
                return None
            turned.append(form.led_by(own))
        else:
            turned.append(form)
    return turned


def _discriminator(fields: Sequence[Fields]) -> str | None:
    """A property that is another constant in each of several objects."""
    for name in fields[0].properties:
        if not all(name in form.properties for form in fields):
            continue
        constants = [form.constants(name) for form in fields]
        known = [values for values in constants if values is not None]
        if len(known) == len(fields) and len({value for values in known for value in values}) == sum(map(len, known)):
            return name
    return None


def _names(form: Form) -> tuple[str, ...]:
    return form.names if isinstance(form, Fields) else tuple(form.schema.get("properties", ()))


def _looks_like(value: dict[str, Any], form: Form) -> bool:
    """Whether an object has the keys of a form, and the constants of its first key."""
    names = _names(form)
    if not names or value.keys() != set(names):
        return False
    allowed = form.schema["properties"][names[0]].get("enum")
    return allowed is None or value[names[0]] in allowed


def _nearest(value: dict[str, Any], forms: Sequence[Form]) -> Form:
    """The form an object that is not of the strict form most likely means."""

    def likeness(form: Form) -> tuple[int, int]:
        properties = form.schema.get("properties", {})
        named = sum(value.get(name) in held.get("enum", ()) for name, held in properties.items())
        return named, len(value.keys() & properties.keys())

    return max(forms, key=likeness)


def _redescribed(form: Form, description: str) -> Form:
    if isinstance(form, Leaf):
        return Leaf(form.schema | {"description": description})
    return replace(form, description=description) if isinstance(form, (Items, Entries, Fields)) else form
