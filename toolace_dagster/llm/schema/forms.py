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

Belongs here: forms of single values, each with its schema and its two ways. Does not
belong here: lists and objects (``composite``), alternatives (``unions``), or choosing
forms for a schema (``strict``).
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
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
