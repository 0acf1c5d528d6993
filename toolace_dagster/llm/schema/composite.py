"""Forms of lists and objects: their items and properties have forms of their own.

Belongs here: what holds other values by place or by name. Does not belong here:
single values and what stands for them (``forms``), alternatives (``unions``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from toolace_dagster.llm.schema.forms import (
    Form,
    Leaf,
    NotExpressible,
    Schema,
    Text,
    closed,
    described,
    has_keys,
    json_text,
)


@dataclass(frozen=True)
class Items(Form):
    """A list.

    Attributes:
        item: Form of its items.
        bounds: ``minItems`` and ``maxItems``.
        description: What the model is told.
    """

    item: Form
    bounds: Mapping[str, int] = field(default_factory=dict[str, int])
    description: str | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """Always the same."""
        return frozenset(("array",))

    @property
    def plain(self) -> bool:
        """When its items are."""
        return self.item.plain

    @cached_property
    def schema(self) -> Schema:
        """An array."""
        return described({"type": "array", "items": self.item.schema, **self.bounds}, self.description)

    def encode(self, value: Any) -> Any:
        """Item by item."""
        if not isinstance(value, list):
            raise NotExpressible(f"{str(value)[:40]!r} is no list")
        items = cast("list[Any]", value)
        low, high = self.bounds.get("minItems", 0), self.bounds.get("maxItems")
        if len(items) < low or (high is not None and len(items) > high):
            raise NotExpressible(f"{len(items)} items are not between {low} and {high}")
        return [self.item.encode(item) for item in items]

    def restore(self, value: Any) -> Any:
        """Item by item."""
        return [self.item.restore(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


@dataclass(frozen=True)
class Entries(Form):
    """An object with free keys and values of one kind, as a list of keys and values."""

    value: Form
    description: str | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """Always the same."""
        return frozenset(("array",))

    @cached_property
    def schema(self) -> Schema:
        """A list of entries."""
        entry = closed({"key": {"type": "string"}, "value": self.value.schema})
        return described({"type": "array", "items": entry}, self.description)

    def encode(self, value: Any) -> Any:
        """Entry by entry."""
        if not isinstance(value, dict):
            raise NotExpressible(f"{str(value)[:40]!r} is no object")
        return [{"key": key, "value": self.value.encode(held)} for key, held in cast("dict[str, Any]", value).items()]

    def restore(self, value: Any) -> Any:
        """An object again; of two entries with one key the later one counts."""
        if not isinstance(value, list):
            return value
        entries = cast("list[Any]", value)
        if not all(has_keys(entry, ("key", "value")) and isinstance(entry["key"], str) for entry in entries):
            return entries
        return {entry["key"]: self.value.restore(entry["value"]) for entry in entries}


@dataclass(frozen=True)
class Property:
    """A property of an object.

    Attributes:
        form: Its form, with what stands for "absent" in it.
        absent: Strict form of leaving it out; None when it is required.
    """

    form: Form
    absent: Any = None
    required: bool = True


@dataclass(frozen=True)
class Fields(Form):
    """An object with named properties.

    Attributes:
        properties: By name, in the order a model writes them.
        others: Name of the property that holds free keys as JSON text, if any are allowed.
        description: What the model is told.
    """

    properties: Mapping[str, Property]
    others: str | None = None
    description: str | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """Always the same."""
        return frozenset(("object",))

    @property
    def plain(self) -> bool:
        """When all properties are required and plain."""
        return self.others is None and all(p.required and p.form.plain for p in self.properties.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the strict form, in order."""
        return (*self.properties, *([self.others] if self.others else []))

    @cached_property
    def schema(self) -> Schema:
        """A closed object."""
        shown = {name: held.form.schema for name, held in self.properties.items()}
        if self.others:
            shown[self.others] = {
                "anyOf": [
                    {"type": "string", "description": "further properties as JSON text of one object"},
                    {"type": "null"},
                ]
            }
        return described(closed(shown), self.description)

    def led_by(self, name: str) -> Fields:
        """The same with one property first."""
        return replace(self, properties={name: self.properties[name], **self.properties})

    def constants(self, name: str) -> frozenset[str] | None:
        """The texts a required property is one of, if it is an enum of texts."""
        held = self.properties[name]
        allowed = held.form.schema.get("enum") if held.required and isinstance(held.form, Leaf) else None
        if not allowed or not all(isinstance(value, str) for value in allowed):
            return None
        return frozenset(allowed)

    def encode(self, value: Any) -> Any:
        """Every property, those left out too."""
        if not isinstance(value, dict):
            raise NotExpressible(f"{str(value)[:40]!r} is no object")
        given = cast("dict[str, Any]", value)
        rest = {name: held for name, held in given.items() if name not in self.properties}
        if rest and not self.others:
            raise NotExpressible(f"there is no property {next(iter(rest))!r}")
        encoded: dict[str, Any] = {}
        for name, held in self.properties.items():
            if name not in given and held.required:
                raise NotExpressible(f"{name!r} is missing")
            encoded[name] = held.form.encode(given[name]) if name in given else held.absent
        if self.others:
            encoded[self.others] = json.dumps(rest, ensure_ascii=False) if rest else None
        return encoded

    def restore(self, value: Any) -> Any:
        """Without what stands for "absent"; names nobody knows stay."""
        if not isinstance(value, dict):
            return value
        restored: dict[str, Any] = {}
        for name, given in cast("dict[str, Any]", value).items():
            held = self.properties.get(name)
            if held is not None:
                if held.required or json_text(given) != json_text(held.absent):
                    restored[name] = held.form.restore(given)
            elif name == self.others and (given is None or isinstance(given, str)):
                rest: Any = Text((dict,), "").restore(given) if given else {}
                restored |= cast("dict[str, Any]", rest) if isinstance(rest, dict) else {name: given}
            else:
                restored[name] = given
        return restored
