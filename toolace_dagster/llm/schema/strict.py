"""From any JSON Schema to the subset that strict structured output accepts.

The converted schema is never narrower than it says: what the subset can't express
is left out and listed, and the reply is validated against the original afterwards.
Where the subset forces a narrower schema (an object that says nothing of other
keys is closed), that is listed too.

Belongs here: choosing a form for each part of a schema. Does not belong here: the
forms themselves (``forms``), or the subset's limits (``subset``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from toolace_dagster.llm.schema.composite import Entries, Fields, Items, Property
from toolace_dagster.llm.schema.forms import (
    NULL,
    TEXT,
    Absent,
    Form,
    Leaf,
    NotExpressible,
    Reference,
    Schema,
    Tagged,
    Text,
    Wrapped,
)
from toolace_dagster.llm.schema.merge import merged, types_of
from toolace_dagster.llm.schema.reading import (
    ALTERNATIVES,
    OBJECT_WORDS,
    concerning,
    constants_of,
    description_of,
    is_of,
    likely_kinds,
    resolved,
)
from toolace_dagster.llm.schema.subset import (
    ANNOTATIONS,
    CONSTRAINTS,
    FORMATS,
    LARGE_ENUM,
    MAX_DEPTH,
    MAX_ENUM_VALUES,
    MAX_LARGE_ENUM_STRINGS,
    is_portable,
    measure,
)
from toolace_dagster.llm.schema.unions import Union, kind_of, union

_MAX_FORMS = 20_000
_MAX_CHAIN = 40
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_DEFINITIONS = ("$defs", "definitions", "$schema", "$id", "$anchor", "$vocabulary")
_HANDLED = {
    "object": frozenset(("properties", "required", "additionalProperties", "patternProperties")),
    "array": frozenset(("items",)),
}
_FREE_KEYS = f"an object with free keys, as {TEXT}"
_TOO_DEEP = f"nested too deeply, so as {TEXT}"


@dataclass(frozen=True)
class StrictSchema:
    """A converted schema, and the way there and back for values.

    Attributes:
        schema: Schema within the subset.
        left_out: What the original asks for and this does not, such as ``arguments.city: minLength``.
        narrowed: What the original allows and this does not, in the same form.
    """

    schema: Schema
    left_out: tuple[str, ...]
    narrowed: tuple[str, ...]
    _root: Form = field(repr=False)

    def encode(self, value: Any) -> Any:
        """The strict form of a value that is valid for the original schema.

        Raises:
            NotExpressible: If the value is not valid, or is what ``narrowed`` speaks of.
        """
        return self._root.encode(value)

    def restore(self, value: Any) -> Any:
        """The value behind its strict form.

        Never raises: parts that do not look like the strict form are left as they are.
        """
        return self._root.restore(value)


def to_strict(schema: Mapping[str, Any], *, bare: bool = False) -> StrictSchema:
    """Convert a schema.

    Args:
        schema: JSON Schema 2020-12 of an object. References into the schema itself are followed, others allow
            any value.
        bare: Leave out patterns, formats and bounds as well, which fine-tuned models and several servers refuse.

    Returns:
        The converted schema.

    Raises:
        NotExpressible: If the root is no object, or the limits of the subset are exceeded.
    """
    # Not sorted: the order of properties is the order in which a model writes them.
    return _converted(json.dumps(schema), bare)


@lru_cache(maxsize=128)
def _converted(text: str, bare: bool) -> StrictSchema:
    fault = ""
    # Where the enums are too many together, the longest go first.
    for longest in (MAX_ENUM_VALUES, 100, 20, 0):
        converter = _Converter(json.loads(text), bare=bare, longest_enum=longest)
        try:
            found = converter.root()
        except RecursionError:
            raise NotExpressible("the references of the schema never end") from None
        size = measure(found.schema)
        if size.fault is None:
            return found
        fault = size.fault
        if size.enum_values <= MAX_ENUM_VALUES and "characters" not in fault:
            break
    raise NotExpressible(f"the schema has {fault}")


class _Converter:
    """Converts one document."""

    def __init__(self, document: Schema, *, bare: bool, longest_enum: int) -> None:
        self._document = document
        self._bare = bare
        self._longest_enum = longest_enum
        self._left_out: dict[str, None] = {}
        self._narrowed: dict[str, None] = {}
        self._open: dict[str, str] = {}
        self._named: dict[str, Form] = {}
        self._name_of: dict[str, str] = {}
        self._recursive: set[str] = set()
        self._made = 0

    def root(self) -> StrictSchema:
        root = self._document
        form: Form = self._convert({"$ref": "#"}, (), 1)
        while isinstance(form, Reference):
            form = form.target
        if not isinstance(form, Fields):
            raise NotExpressible(f"the root is {str(types_of(root))[:60]} and no object with properties")
        schema = dict(form.schema)
        if self._named:
            schema["$defs"] = {name: held.schema for name, held in self._named.items()}
        return StrictSchema(schema, tuple(self._left_out), tuple(self._narrowed), form)

    def _convert(self, schema: Any, path: tuple[str, ...], level: int) -> Form:
        self._made += 1
        if self._made > _MAX_FORMS:
            raise NotExpressible(f"the schema has more than {_MAX_FORMS:,} parts")
        if not isinstance(schema, dict):
            if schema is False:
                raise NotExpressible(f"{_place(path)} allows no value at all")
            return _any()
        known = cast(Schema, schema)
        if "$ref" in known:
            return self._referred(known, path, level)
        known = self._conjoined(known, path)
        if "$ref" in known:
            return self._convert(known, path, level)
        for word in ALTERNATIVES:
            if isinstance(known.get(word), list) and known[word]:
                found = self._alternatives(word, known, path, level)
                if found is not None:
                    return found
                known = {key: value for key, value in known.items() if key != word}
        return self._typed(known, path, level)

    def _referred(self, schema: Schema, path: tuple[str, ...], level: int) -> Form:
        pointer = str(schema["$ref"])
        beside = {key: value for key, value in schema.items() if key != "$ref" and key not in _DEFINITIONS}
        target = resolved(self._document, pointer)
        if target is None:
            self._leave_out(path, f"$ref {pointer}")
            return self._convert(beside, path, level)
        constraining = beside.keys() - ANNOTATIONS
        if constraining:
            known = cast(Schema, target) if isinstance(target, dict) and pointer not in self._open else None
            both = merged(beside, known) if known is not None else None
            if both is not None:
                return self._convert(both, path, level)
            self._leave_out(path, *sorted(constraining))
        name = self._open.get(pointer)
        if name is not None:
            self._recursive.add(name)
            return Reference(name, self._named, likely_kinds(target))
        if pointer in self._name_of:
            name = self._name_of[pointer]
            return Reference(name, self._named, self._named[name].kinds)
        name = f"part_{self._made}"
        self._open[pointer] = name
        try:
            form = self._convert(
                target if constraining or not isinstance(target, dict) else {**target, **beside}, path, level
            )  # pyright: ignore[reportUnknownArgumentType]
        finally:
            del self._open[pointer]
        if name not in self._recursive:
            return form
        if isinstance(form, Reference) and form.name == name:
            form = _any()
        self._named[name] = form
        self._name_of[pointer] = name
        return Reference(name, self._named, form.kinds)

    def _conjoined(self, schema: Schema, path: tuple[str, ...]) -> Schema:
        """The schema with each part of ``allOf`` that can be written into it."""
        parts = schema.get("allOf")
        if not isinstance(parts, list):
            return schema
        result = {key: value for key, value in schema.items() if key != "allOf"}
        for number, part in enumerate(cast("list[Any]", parts)):
            held = self._plainly(part)
            both = merged(result, held) if held is not None else None
            if both is None:
                self._leave_out(path, f"allOf[{number}]")
            else:
                result = self._conjoined(both, path)
        return result

    def _plainly(self, part: Any) -> Schema | None:
        """A schema without a reference at its top, unless that would never end."""
        held: Any = part
        for _ in range(_MAX_CHAIN):
            if held is True:
                return {}
            if not isinstance(held, dict):
                return None
            known = cast(Schema, held)
            if "$ref" not in known or known["$ref"] in self._open:
                return None if "$ref" in known else known
            target: Any = resolved(self._document, str(known["$ref"]))
            beside = {key: value for key, value in known.items() if key != "$ref"}
            both: Any = merged(beside, cast(Schema, target)) if isinstance(target, dict) else None
            held = both if beside else cast(Any, target)
        return None

    def _alternatives(self, word: str, schema: Schema, path: tuple[str, ...], level: int) -> Form | None:
        """A union; None where the alternatives can't be joined with what stands beside them."""
        beside = {key: value for key, value in schema.items() if key != word and key not in _DEFINITIONS}
        constraining = {key: value for key, value in beside.items() if key not in ANNOTATIONS}
        branches: list[Any] = []
        for branch in cast("list[Any]", schema[word]):
            if branch is False:
                continue
            held = branch
            if constraining:
                plain = self._plainly(branch)
                held = merged(constraining, plain) if plain is not None else None
                if held is None:
                    self._leave_out(path, word)
                    return None
            branches.append(held)
        if word == "oneOf" and len(branches) > 1:
            self._leave_out(path, "oneOf: only one at a time")
        if not branches:
            raise NotExpressible(f"{_place(path)} allows no value at all")
        forms = [self._convert(branch, (*path, f"{word}[{number}]"), level) for number, branch in enumerate(branches)]
        return union(forms, description_of(beside))

    def _typed(self, schema: Schema, path: tuple[str, ...], level: int) -> Form:
        constants = constants_of(schema)
        if constants is not None:
            return self._enum(schema, constants, path)
        types = [name for name in types_of(schema) if name in _TYPES]
        if not types:
            types = self._guessed(schema, path)
        if not types:
            self._leave_out(path, *sorted(schema.keys() - ANNOTATIONS - frozenset(_DEFINITIONS)))
            return _any(description_of(schema))
        if len(types) == 1:
            return self._single(types[0], schema, path, level)
        # Bounds of one type say nothing of another, so each type takes what concerns it.
        return union(
            [self._single(name, concerning(name, schema), path, level) for name in types], description_of(schema)
        )

    def _guessed(self, schema: Schema, path: tuple[str, ...]) -> list[str]:
        """The type that a schema without one is about."""
        kind = "object" if any(word in schema for word in OBJECT_WORDS) else "array" if "items" in schema else None
        if kind is None:
            return []
        self._narrow(path, f"values that are no {kind}")
        return [kind]

    def _enum(self, schema: Schema, constants: list[Any], path: tuple[str, ...]) -> Form:
        types = types_of(schema)
        values = [value for value in constants if not types or is_of(value, types)]
        if not values:
            raise NotExpressible(f"{_place(path)} allows no value at all")
        texts = [value for value in values if isinstance(value, str)]
        too_long = len(texts) > LARGE_ENUM and sum(map(len, texts)) > MAX_LARGE_ENUM_STRINGS
        if too_long or len(values) > self._longest_enum:
            self._leave_out(path, f"enum of {len(values)} values")
            kinds = dict.fromkeys(kind_of(value) for value in values)
            return union([_any() if kind in ("object", "array") else Leaf({"type": kind}) for kind in kinds])
        rest = schema.keys() - {"type", "enum", "const", *ANNOTATIONS, *_DEFINITIONS}
        self._leave_out(path, *sorted(rest))
        forms: list[Form] = []
        for kind in dict.fromkeys(kind_of(value) for value in values if not isinstance(value, (dict, list))):
            alike = list({json.dumps(value): value for value in values if kind_of(value) == kind}.values())
            integers = kind == "number" and all(isinstance(value, int) for value in alike)
            leaf = {"type": "integer" if integers else kind}
            forms.append(NULL if kind == "null" else Leaf({**leaf, "enum": alike}))
        held = tuple(value for value in values if kind_of(value) in ("object", "array"))
        if held:
            forms.append(Wrapped(held))
        return union(forms, description_of(schema))

    def _single(self, kind: str, schema: Schema, path: tuple[str, ...], level: int) -> Form:
        kept = frozenset(CONSTRAINTS[kind]) | _HANDLED.get(kind, frozenset())
        others = schema.keys() - kept - {"type", *ANNOTATIONS, *_DEFINITIONS}
        self._leave_out(path, *sorted(others))
        if kind == "object":
            return self._object(schema, path, level)
        bounds = self._bounds(kind, schema, path)
        if kind == "array":
            if level > MAX_DEPTH:
                self._leave_out(path, "items")
                return Text((list,), f"a list, {_TOO_DEEP}")
            item = self._convert(schema.get("items", True), (*path, "[]"), level + 1)
            return Items(item, bounds, description_of(schema))
        description = description_of(schema)
        return Leaf({"type": kind, **bounds, **({"description": description} if description else {})})

    def _bounds(self, kind: str, schema: Schema, path: tuple[str, ...]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for word in CONSTRAINTS[kind]:
            if word not in schema:
                continue
            value = schema[word]
            known = (word != "format" or value in FORMATS) and (word != "pattern" or is_portable(str(value)))
            if known and not self._bare:
                kept[word] = value
            else:
                self._leave_out(path, word)
        return kept

    def _object(self, schema: Schema, path: tuple[str, ...], level: int) -> Form:
        named = cast("dict[str, Any]", schema.get("properties") or {})
        required = [name for name in cast("list[Any]", schema.get("required") or []) if isinstance(name, str)]
        free = self._free_keys(schema, path)
        if level > MAX_DEPTH:
            self._leave_out(path, *sorted(_HANDLED["object"] & schema.keys()))
            return Text((dict,), f"an object, {_TOO_DEEP}")
        if not named and not required and free is not None:
            if self._plainly(free) == {}:
                return Text((dict,), description_of(schema, _FREE_KEYS) or _FREE_KEYS)
            value = self._convert(free, (*path, "*"), level + 2)
            return Entries(value, description_of(schema))
        properties: dict[str, Property] = {}
        for name in dict.fromkeys([*named, *required]):
            inner = named.get(name, True)
            if inner is False and name not in required:
                continue
            form = self._convert(inner, (*path, name), level + 1)
            properties[name] = Property(form) if name in required else _optional(form, inner)
        others = None
        if free is not None:
            self._leave_out(path, *([] if self._plainly(free) == {} else ["additionalProperties"]))
            others = "other_properties"
            while others in properties:
                others += "_"
        return Fields(properties, others, description_of(schema))

    def _free_keys(self, schema: Schema, path: tuple[str, ...]) -> Any:
        """Schema of keys without a name of their own; None where there are none."""
        said = schema.get("additionalProperties")
        if schema.get("patternProperties"):
            self._leave_out(path, "patternProperties")
            return True
        if said is False:
            return None
        if said is None and "properties" in schema:
            self._narrow(path, "other properties")
            return None
        return True if said is None else said

    def _leave_out(self, path: tuple[str, ...], *words: str) -> None:
        for word in words:
            self._left_out[f"{_place(path)}: {word}"] = None

    def _narrow(self, path: tuple[str, ...], words: str) -> None:
        self._narrowed[f"{_place(path)}: {words}"] = None


def _optional(form: Form, schema: Any) -> Property:
    """A property that may be left out: null says so, unless null says something else."""
    if "null" not in form.kinds:
        return Property(union([form, NULL]), absent=None, required=False)
    if isinstance(schema, dict) and "default" in schema and schema["default"] is None:
        return Property(form, absent=None, required=False)
    held = union([form, Absent()])
    assert isinstance(held, Union)
    absent: Any = {"absent": True}
    tagged = [each for each in held.branches if isinstance(each, Tagged) and isinstance(each.inner, Absent)]
    if tagged:
        absent = {"variant": tagged[0].tag, "value": absent}
    return Property(held, absent=absent, required=False)


def _any(description: str | None = None) -> Form:
    """Any value: plain ones as they are, objects and lists as text."""
    return union([*(Leaf({"type": kind}) for kind in ("string", "number", "boolean")), NULL, Wrapped()], description)


def _place(path: tuple[str, ...]) -> str:
    return ".".join(path) or "the root"
