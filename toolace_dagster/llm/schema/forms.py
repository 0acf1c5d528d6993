"""How values look in the strict form: encoding them, and restoring them from a reply.

A form is one place of a converted schema. ``restore`` takes what a model wrote and
never raises: what does not look like the strict form is left as it is, so that a
reply of an endpoint that ignores the schema passes through unharmed and is
validated like any other. What an original schema can say and the subset can't:

=============================  ==================================================
an optional property           null stands for "absent"
... that may be null itself    ``{"absent": true}`` stands for "absent"; where the
                               default is null, null says the same as leaving it out
an object with free keys       a text that holds the object as JSON
... all of one kind of value   a list of ``{"key": ..., "value": ...}``
free keys beside named ones    one more property, a text that holds them as JSON
any value                      a text, number, boolean or null as it is; objects
                               and lists as ``{"json_text": text}``
alternatives alike in shape    ``{"variant": "1", "value": ...}``
=============================  ==================================================

Belongs here: the forms, each with its schema and its two ways. Does not belong
here: alternatives (``unions``), or choosing forms for a schema (``strict``).
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import jsonschema_rs

Schema = dict[str, Any]

TEXT = "JSON text"
_STAND_IN = re.compile(r'null|"(?:absent|json_text|variant|key)"|"\s*[\[{]|\[\s*\]')


def may_be_strict_form(text: str) -> bool:
    """Whether a reply's text holds anything that restoring would change.

    Most replies do not, and converting a schema only to find that out costs milliseconds.
    """
    return _STAND_IN.search(text) is not None


class NotExpressible(ValueError):
    """A schema, or a value, that the strict form can't express; the message says where and why."""


class Form(ABC):
    """One place of a converted schema."""

    @cached_property
    @abstractmethod
    def schema(self) -> Schema:
        """Its schema, within the subset."""

    @property
    @abstractmethod
    def kinds(self) -> frozenset[str]:
        """JSON types its encoded values have."""

    @property
    def plain(self) -> bool:
        """Whether encoded values are the values themselves."""
        return False

    @abstractmethod
    def encode(self, value: Any) -> Any:
        """The strict form of a value.

        Raises:
            NotExpressible: If the value does not fit.
        """

    def restore(self, value: Any) -> Any:
        """The value behind its strict form; anything else comes back as it is."""
        return value


@dataclass(frozen=True)
class Leaf(Form):
    """A text, number, boolean or null.

    Attributes:
        written: Its schema.
    """

    written: Schema

    @cached_property
    def schema(self) -> Schema:
        """As it was given."""
        return self.written

    @property
    def kinds(self) -> frozenset[str]:
        """Integers count as numbers."""
        kind = self.schema["type"]
        return frozenset(("number" if kind == "integer" else kind,))

    @property
    def plain(self) -> bool:
        """Always."""
        return True

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(self.schema)

    def encode(self, value: Any) -> Any:
        """The value itself."""
        if not self._validator.is_valid(value):
            raise NotExpressible(f"{str(value)[:40]!r} is none of {self.schema}")
        return value


NULL = Leaf({"type": "null"})


@dataclass(frozen=True)
class Text(Form):
    """A value that is written as JSON text.

    Attributes:
        types: Python types the value may have.
        description: What the model is told.
    """

    types: tuple[type, ...]
    description: str

    @property
    def kinds(self) -> frozenset[str]:
        """Always the same."""
        return frozenset(("string",))

    @cached_property
    def schema(self) -> Schema:
        """A text."""
        return {"type": "string", "description": self.description}

    def encode(self, value: Any) -> Any:
        """JSON text."""
        if not isinstance(value, self.types):
            raise NotExpressible(f"{str(value)[:40]!r} is no {TEXT} of {self.types}")
        return json.dumps(value, ensure_ascii=False)

    def restore(self, value: Any) -> Any:
        """What the text holds, if it holds such a value."""
        if not isinstance(value, str):
            return value
        try:
            held = json.loads(value, parse_constant=_no_number)
        except (ValueError, RecursionError):
            return value
        return held if isinstance(held, self.types) else value


@dataclass(frozen=True)
class Wrapped(Form):
    """An object with one property that holds JSON text; constants narrow it to these texts.

    Attributes:
        constants: Objects and lists an enum allows; None allows all.
    """

    constants: tuple[Any, ...] | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """Always the same."""
        return frozenset(("object",))

    @cached_property
    def schema(self) -> Schema:
        """``{"json_text": text}``."""
        held: Schema = {"type": "string", "description": "an object or a list, as JSON text"}
        if self.constants is not None:
            held = {"type": "string", "enum": [json.dumps(value, ensure_ascii=False) for value in self.constants]}
        return closed({"json_text": held})

    def encode(self, value: Any) -> Any:
        """The value as text, in its wrapper."""
        if not isinstance(value, (dict, list)) or (self.constants is not None and value not in self.constants):
            raise NotExpressible(f"{str(value)[:40]!r} is no object or list")  # pyright: ignore[reportUnknownArgumentType]
        return {"json_text": json.dumps(value, ensure_ascii=False)}

    def restore(self, value: Any) -> Any:
        """What the wrapper holds."""
        if not has_keys(value, ("json_text",)):
            return value
        held = Text((dict, list), "").restore(value["json_text"])
        return held if isinstance(held, (dict, list)) else value  # pyright: ignore[reportUnknownVariableType]


@dataclass(frozen=True)
class Absent(Form):
    """Stands for a property that is left out where null means something else."""

    @property
    def kinds(self) -> frozenset[str]:
        """Always the same."""
        return frozenset(("object",))

    @cached_property
    def schema(self) -> Schema:
        """``{"absent": true}``."""
        return closed({"absent": {"type": "boolean", "enum": [True]}})

    def encode(self, value: Any) -> Any:
        """Nothing is encoded as this by itself."""
        raise NotExpressible(f"{str(value)[:40]!r} is not absent")


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


@dataclass(frozen=True)
class Tagged(Form):
    """One of several alternatives that look alike, with its number before it."""

    tag: str
    inner: Form

    @property
    def kinds(self) -> frozenset[str]:
        """Always the same."""
        return frozenset(("object",))

    @cached_property
    def schema(self) -> Schema:
        """``{"variant": tag, "value": ...}``."""
        return closed({"variant": {"type": "string", "enum": [self.tag]}, "value": self.inner.schema})

    def encode(self, value: Any) -> Any:
        """Tagged."""
        return {"variant": self.tag, "value": self.inner.encode(value)}

    def restore(self, value: Any) -> Any:
        """Without the tag."""
        if has_keys(value, ("variant", "value")) and value["variant"] == self.tag:
            return self.inner.restore(value["value"])
        return value


class Reference(Form):
    """A form that contains itself, by name."""

    def __init__(self, name: str, forms: Mapping[str, Form], kinds: frozenset[str]) -> None:
        """Name it; the form itself is made later."""
        self.name = name
        self._forms = forms
        self._kinds = kinds

    @cached_property
    def schema(self) -> Schema:
        """``$ref``, with nothing beside it."""
        return {"$ref": f"#/$defs/{self.name}"}

    @property
    def kinds(self) -> frozenset[str]:
        """As far as they are known before the form is made."""
        return self._kinds

    @property
    def target(self) -> Form:
        """The form it names."""
        return self._forms[self.name]

    def encode(self, value: Any) -> Any:
        """As its target does."""
        return self.target.encode(value)

    def restore(self, value: Any) -> Any:
        """As its target does."""
        return self.target.restore(value)


def has_keys(value: Any, names: tuple[str, ...]) -> bool:
    """Whether a value is an object with just these keys."""
    return isinstance(value, dict) and cast("dict[str, Any]", value).keys() == set(names)


def closed(properties: dict[str, Schema]) -> Schema:
    """An object with all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def described(schema: Schema, description: str | None) -> Schema:
    """The schema with a description, if there is one."""
    return schema | {"description": description} if description else schema


def json_text(value: Any) -> str:
    """A value as text, so that 1, 1.0 and true are three values."""
    return json.dumps(value, sort_keys=True)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number JSON can hold")
