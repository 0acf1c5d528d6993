"""References and schemas of an OpenAPI description, brought to JSON Schema 2020-12.

Belongs here: following ``$ref`` within the description and to sibling files, and
what the schema dialects of OpenAPI 3.0 and Swagger 2.0 say in today's keywords.
Does not belong here: parameters and bodies (``openapi_operation``), and writing
references out (``references``).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.formats.document import MAX_NESTING, a_list, an_object, nests_deeper
from toolace_dagster.tool_pool.keywords import ANNOTATIONS, SCHEMA_LISTS, SCHEMA_MAPS, SINGLE_SCHEMAS
from toolace_dagster.tool_pool.old_keywords import converted
from toolace_dagster.tool_pool.references import at_pointer
from toolace_dagster.tool_pool.repairs import RepairLog, Unusable

Direction = Literal["request", "response"]
MAX_HOPS = 40
"""References that may lead to one another before one is given up."""
MAX_FILES = 400
"""Sibling files a description may be spread over."""

_DROPPED = frozenset({"xml", "externalDocs", "discriminator", "example", "x-nullable"})
_HIDDEN_IN: dict[Direction, str] = {"request": "readOnly", "response": "writeOnly"}


@dataclass(frozen=True)
class Located:
    """A value and the file it stands in, which its references are relative to; the description itself is ``""``."""

    value: JsonValue
    base: str


@dataclass(frozen=True)
class Root:
    """The description itself."""

    value: JsonObject
    base: str = ""


class Specification:
    """A description with the sibling files its references lead to."""

    def __init__(
        self,
        document: JsonObject,
        version: str,
        sibling: Callable[[str], bytes],
        parse: Callable[[bytes, str], JsonValue],
    ) -> None:
        self.root = Root(document)
        self.version = version
        self._sibling = sibling
        self._parse = parse
        self._files: dict[str, JsonValue | Unusable] = {"": document}

    def resolved(self, located: Located) -> Located:
        """Follow a reference object, and those it leads to; None as the value when it leads nowhere."""
        for _ in range(MAX_HOPS):
            if not isinstance(located.value, dict) or "$ref" not in located.value:
                return located
            target = self.target(located.value["$ref"], located.base)
            if target is None:
                return Located(None, located.base)
            located = target
        return Located(None, located.base)

    def target(self, reference: JsonValue, base: str) -> Located | None:
        """What a reference in the file ``base`` points at; None when that is nothing."""
        place = self._place(reference, base)
        if place is None:
            return None
        file, pointer = place
        document = self._file(file)
        if isinstance(document, Unusable):
            return None
        if not pointer:
            return Located(document, file)
        if not pointer.startswith("/"):
            return None
        value = at_pointer(document, pointer)
        return None if value is None else Located(value, file)

    def canonical(self, reference: JsonValue, base: str) -> str:
        """One name for all references that lead to the same place."""
        place = self._place(reference, base)
        return f"{place[0]}#{place[1]}" if place else str(reference)

    def why_lost(self, given: JsonValue) -> Unusable:
        """Why a path item or an operation could not be read."""
        reference = an_object(given).get("$ref")
        if reference is None:
            return Unusable("it is no object", "write it as OpenAPI says")
        place = self._place(reference, "")
        problem = self._files.get(place[0]) if place else None
        why = f": {problem.reason}" if isinstance(problem, Unusable) else ""
        return Unusable(f"the reference {str(reference)[:80]!r} leads nowhere{why}", "write it out in place")

    def _place(self, reference: JsonValue, base: str) -> tuple[str, str] | None:
        """File and JSON pointer of a reference."""
        if not isinstance(reference, str):
            return None
        file, _, pointer = reference.partition("#")
        if not file:
            return base, unquote(pointer)
        # Only after percent signs are read: they may hide another server's name.
        file = unquote(file)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\]", file):
            return None
        return posixpath.normpath(posixpath.join(posixpath.dirname(base), file)), unquote(pointer)

    def _file(self, name: str) -> JsonValue | Unusable:
        if name not in self._files:
            self._files[name] = self._read(name)
        return self._files[name]

    def _read(self, name: str) -> JsonValue | Unusable:
        if len(self._files) > MAX_FILES:
            return Unusable(f"the description is spread over more than {MAX_FILES} files", "join some of them")
        try:
            value = self._parse(self._sibling(name), name)
        except Unusable as fault:
            return fault
        if nests_deeper(value, MAX_NESTING):
            return Unusable(f"the file nests values more than {MAX_NESTING} deep", "flatten it")
        return value


class SchemaTranslator:
    """Translates the schemas of one operation in one direction; what they refer to is gathered in ``definitions``.

    Attributes:
        definitions: Schemas that were referred to, translated, by the name they have in ``$defs``.
        hidden: Names of properties that were left out, since only the other direction has them.
    """

    def __init__(self, specification: Specification, direction: Direction, log: RepairLog) -> None:
        self._specification = specification
        self._hidden = _HIDDEN_IN[direction]
        self._direction = direction
        self._log = log
        self._old = specification.version in ("2.0", "3.0")
        self._names: dict[str, str] = {}
        self._waiting: list[tuple[str, Located]] = []
        self.definitions: JsonObject = {}
        self.hidden: set[str] = set()

    def translated(self, schema: JsonValue, base: str, where: str) -> JsonValue:
        """Bring a schema and all schemas in it to 2020-12.

        Args:
            schema: The schema.
            base: The file it stands in.
            where: Its path in notes.

        Returns:
            The schema with references of the form ``#/$defs/Name``.
        """
        made = self._translated(schema, base, where)
        # One after the other: schemas may refer to one another in chains longer than calls can nest.
        while self._waiting:
            name, target = self._waiting.pop()
            self.definitions[name] = self._translated(target.value, target.base, name)
        return made

    def _translated(self, schema: JsonValue, base: str, where: str) -> JsonValue:
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return self._reference(schema, base, where)
        schema = self._in_new_words(schema, where)
        done: JsonObject = {}
        for key, value in schema.items():
            if key in SCHEMA_MAPS and isinstance(value, dict):
                done[key] = {
                    name: self._translated(child, base, f"{where}.{key}.{name}") for name, child in value.items()
                }
            elif key in SCHEMA_LISTS and isinstance(value, list):
                done[key] = [self._translated(child, base, f"{where}.{key}[{at}]") for at, child in enumerate(value)]
            elif key in SINGLE_SCHEMAS and isinstance(value, dict):
                done[key] = self._translated(value, base, f"{where}.{key}")
            elif key not in _DROPPED and not key.startswith("x-"):
                done[key] = value
        done = self._without_hidden(done, schema, base, where)
        return self._discriminated(done, schema, base, where)

    def _reference(self, schema: JsonObject, base: str, where: str) -> JsonValue:
        beside = {key: value for key, value in schema.items() if key != "$ref" and not key.startswith("x-")}
        if self._old and (dropped := [key for key in beside if key not in ANNOTATIONS]):
            self._log.add(
                f"{', '.join(sorted(dropped))} beside $ref has no meaning in OpenAPI 3.0 and was left out",
                "put the reference in allOf beside it",
                where,
            )
            beside = {key: value for key, value in beside.items() if key in ANNOTATIONS}
        own = self._translated(beside, base, where) if beside else {}
        name = self._defined(schema["$ref"], base)
        if name is None:
            self._log.add(
                f"the reference {str(schema['$ref'])[:80]!r} leads nowhere, so any value is allowed",
                "correct it or write the schema out in place",
                where,
            )
            return own
        return {**an_object(own), "$ref": f"#/$defs/{name}"}

    def _defined(self, reference: JsonValue, base: str) -> str | None:
        """Name in ``$defs`` of what a reference leads to."""
        place = self._specification.canonical(reference, base)
        if place in self._names:
            return self._names[place]
        target = self._specification.target(reference, base)
        if target is None or not isinstance(target.value, (dict, bool)):
            return None
        wanted = re.sub(r"[^A-Za-z0-9_.-]+", "_", place.rpartition("/")[2]).strip("_") or "schema"
        name, number = wanted, 2
        while name in self.definitions:
            name, number = f"{wanted}_{number}", number + 1
        self._names[place] = name
        self.definitions[name] = {}
        self._waiting.append((name, target))
        return name

    def _in_new_words(self, schema: JsonObject, where: str) -> JsonObject:
        if "example" in schema and "examples" not in schema:
            schema = {**schema, "examples": [schema["example"]]}
        if not self._old:
            return schema
        if schema.get("x-nullable") is True:
            schema = {**schema, "nullable": True}
        # nullable and exclusiveMinimum are right in this dialect, so translating them is no repair.
        foreign = isinstance(schema.get("items"), list) or "dependencies" in schema
        return converted(schema, where, self._log if foreign else RepairLog())

    def _without_hidden(self, done: JsonObject, schema: JsonObject, base: str, where: str) -> JsonObject:
        """Without properties that only the other direction has."""
        given = an_object(schema.get("properties"))
        hidden = {
            name
            for name, child in given.items()
            if an_object(self._specification.resolved(Located(child, base)).value).get(self._hidden) is True
            or an_object(child).get(self._hidden) is True
        }
        if not hidden:
            return done
        self.hidden |= hidden
        kind = "read-only" if self._direction == "request" else "write-only"
        side = "parameters" if self._direction == "request" else "result"
        shown = ", ".join(sorted(hidden))
        self._log.add(f"{kind} properties were left out of the {side}: {shown}", "nothing has to be done", where)
        kept = {name: child for name, child in an_object(done.get("properties")).items() if name not in hidden}
        done = {**done, "properties": kept}
        if isinstance(done.get("required"), list):
            done["required"] = [name for name in a_list(done["required"]) if name not in hidden]
        return done

    def _discriminated(self, done: JsonObject, schema: JsonObject, base: str, where: str) -> JsonObject:
        """Say in each branch which value of the discriminator it stands for."""
        discriminator = an_object(schema.get("discriminator"))
        field = discriminator.get("propertyName")
        if not isinstance(field, str):
            return done
        for key in ("oneOf", "anyOf"):
            branches = a_list(schema.get(key))
            if not branches or not all(isinstance(branch, dict) and "$ref" in branch for branch in branches):
                continue
            values = [self._values_of(an_object(branch)["$ref"], discriminator, base) for branch in branches]
            if not all(values):
                continue
            self._log.add(
                f"the values of the discriminator {field!r} were written into the branches",
                "nothing has to be done",
                where,
            )
            done = {
                **done,
                key: [
                    {"allOf": [branch, {"properties": {field: {"enum": allowed}}, "required": [field]}]}
                    for branch, allowed in zip(a_list(done[key]), values, strict=True)
                ],
            }
        return done

    def _values_of(self, reference: JsonValue, discriminator: JsonObject, base: str) -> list[JsonValue]:
        """Values that name a branch: those mapped to it, else the name of its schema."""
        place = self._specification.canonical(reference, base)
        mapped: list[JsonValue] = []
        for value, target in an_object(discriminator.get("mapping")).items():
            # A mapping may name the schema instead of referring to it.
            plain = isinstance(target, str) and re.fullmatch(r"[A-Za-z0-9._-]+", target) and "/" not in target
            meant = f"#/{self._components()}/{target}" if plain and not str(target).endswith(_FILES) else target
            if self._specification.canonical(meant, base if meant is target else "") == place:
                mapped.append(value)
        name = place.rpartition("/")[2]
        return mapped or [name]

    def _components(self) -> str:
        return "definitions" if self._specification.version == "2.0" else "components/schemas"


def preferred_media(content: JsonObject) -> JsonObject:
    """The media type object of JSON, else of a form, else the first.

    Args:
        content: Media type objects by media type.

    Returns:
        The object; empty when there is none.
    """

    def rank(media: str) -> int:
        plain = media.partition(";")[0].strip().lower()
        if plain == "application/json":
            return 0
        if plain.endswith(("+json", "/json")):
            return 1
        return 2 if plain in ("application/x-www-form-urlencoded", "multipart/form-data") else 3

    return an_object(content[min(content, key=rank)]) if content else {}


_FILES = (".json", ".yaml", ".yml")
