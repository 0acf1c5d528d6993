"""Annotations of Python source as JSON Schema, read without running anything.

Belongs here: what an annotation, and the classes of the same file it names, say
about a JSON value. Does not belong here: functions (``python_module``) and
docstrings (``python_docstrings``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.formats.document import an_object
from toolace_dagster.tool_pool.formats.python_docstrings import read_docstring
from toolace_dagster.tool_pool.formats.python_values import (
    NO_VALUE,
    base_names,
    decorator_names,
    field_keywords,
    json_value,
    last_name,
)
from toolace_dagster.tool_pool.repairs import RepairLog

_PLAIN: dict[str, JsonObject] = {
    "str": {"type": "string"}, "int": {"type": "integer"}, "float": {"type": "number"}, "bool": {"type": "boolean"},
    "None": {"type": "null"}, "NoneType": {"type": "null"}, "Any": {}, "object": {}, "JsonValue": {}, "JSON": {},
    "bytes": {"type": "string"}, "complex": {"type": "string"}, "Decimal": {"type": "number"},
    "datetime": {"type": "string", "format": "date-time"}, "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"}, "timedelta": {"type": "string", "format": "duration"},
    "UUID": {"type": "string", "format": "uuid"}, "Path": {"type": "string"}, "PathLike": {"type": "string"},
    "EmailStr": {"type": "string", "format": "email"}, "AnyUrl": {"type": "string", "format": "uri"},
    "HttpUrl": {"type": "string", "format": "uri"}, "AnyStr": {"type": "string"}, "LiteralString": {"type": "string"},
    "Number": {"type": "number"}, "Real": {"type": "number"}, "Text": {"type": "string"},
}  # fmt: skip
_LISTS = frozenset(
    "list List Sequence MutableSequence Iterable Iterator Collection Generator AsyncIterator AsyncIterable "
    "AsyncGenerator deque Deque".split()
)
_SETS = frozenset("set Set frozenset FrozenSet AbstractSet MutableSet".split())
_MAPS = frozenset("dict Dict Mapping MutableMapping defaultdict DefaultDict OrderedDict Counter".split())
_WRAPPERS = frozenset("Required NotRequired ReadOnly Final ClassVar Awaitable InitVar".split())
_ENUMS = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})
_MODELS = frozenset({"BaseModel"})


class AnnotationReader:
    """Reads annotations of one file.

    Attributes:
        definitions: Schemas of the classes that annotations named, by name.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._aliases = dict(_aliases(tree))
        self.constants: JsonObject = {
            name: value for name, node in self._aliases.items() if (value := json_value(node, {})) is not NO_VALUE
        }
        for name, node in self._classes.items():
            if self.is_enum(node):
                for member, value in _members(node):
                    self.constants[f"{name}.{member}"] = value
        self.definitions: JsonObject = {}

    def schema(self, node: ast.expr | None, where: str, log: RepairLog) -> JsonObject:
        """Read one annotation.

        Args:
            node: The annotation; None when there is none.
            where: The parameter, for notes.
            log: Takes what could not be read.

        Returns:
            A schema, with ``#/$defs/Name`` for classes of the file; an empty one where any value is allowed.
        """
        if node is None:
            return {}
        if isinstance(node, ast.Constant):
            return self._constant(node, where, log)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union(list(_sides(node)), where, log)
        if isinstance(node, ast.Subscript):
            return self._generic(node, where, log)
        name = last_name(node)
        if not name:
            return self._unread(node, where, log)
        return self._named(name, node, where, log)

    def is_data(self, node: ast.ClassDef) -> bool:
        """Whether a class describes values rather than offering functions."""
        bases = set(self._all_bases(node))
        if bases & (_MODELS | _ENUMS | {"TypedDict", "NamedTuple", "Protocol", "Exception", "BaseException"}):
            return True
        return "dataclass" in decorator_names(node) or any(base.endswith(("Error", "Exception")) for base in bases)

    def is_enum(self, node: ast.ClassDef) -> bool:
        """Whether a class is an enumeration."""
        return bool(_ENUMS & set(self._all_bases(node)))

    def bases_in_file(self, node: ast.ClassDef) -> Iterator[ast.ClassDef]:
        """The classes of the file that a class inherits from, nearest first, itself left out."""
        seen = {node.name}
        waiting = base_names(node)
        while waiting:
            name = waiting.pop(0)
            if name not in seen and name in self._classes:
                seen.add(name)
                yield self._classes[name]
                waiting += base_names(self._classes[name])

    def _all_bases(self, node: ast.ClassDef) -> list[str]:
        return [*base_names(node), *(name for base in self.bases_in_file(node) for name in base_names(base))]

    def _constant(self, node: ast.Constant, where: str, log: RepairLog) -> JsonObject:
        if node.value is None:
            return {"type": "null"}
        if node.value is Ellipsis or not isinstance(node.value, str):
            return self._unread(node, where, log)
        try:
            inner = ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return self._unread(node, where, log)
        # Text within text would be no annotation either.
        return self._unread(node, where, log) if isinstance(inner, ast.Constant) else self.schema(inner, where, log)

    def _named(self, name: str, node: ast.expr, where: str, log: RepairLog) -> JsonObject:
        if name in self._classes:
            return self._class(self._classes[name], node, where, log)
        if name in self._aliases:
            # Taken out while it is read, since an alias may lead back to itself.
            target = self._aliases.pop(name)
            try:
                return self._alias(target, where, log)
            finally:
                self._aliases[name] = target
        if name in _PLAIN:
            return dict(_PLAIN[name])
        if name in _LISTS or name in ("tuple", "Tuple"):
            return {"type": "array"}
        if name in _SETS:
            return {"type": "array", "uniqueItems": True}
        if name in _MAPS:
            return {"type": "object"}
        return self._unread(node, where, log)

    def _alias(self, target: ast.expr, where: str, log: RepairLog) -> JsonObject:
        if isinstance(target, ast.Call):
            if last_name(target.func) == "NewType" and len(target.args) == 2:
                return self.schema(target.args[1], where, log)
            return self._unread(target, where, log)
        return self.schema(target, where, log)

    def _generic(self, node: ast.Subscript, where: str, log: RepairLog) -> JsonObject:
        name = last_name(node.value)
        inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Optional":
            return self._union([*inner[:1], ast.Constant(None)], where, log)
        if name == "Union":
            return self._union(inner, where, log)
        if name == "Literal":
            return self._literal(inner, node, where, log)
        if name == "Annotated":
            return self._annotated(inner, where, log)
        if name in _WRAPPERS:
            return self.schema(inner[0], where, log)
        if name == "Coroutine":
            return self.schema(inner[-1], where, log)
        if name in _LISTS:
            return {"type": "array", "items": self.schema(inner[0], where, log)}
        if name in _SETS:
            return {"type": "array", "items": self.schema(inner[0], where, log), "uniqueItems": True}
        if name in _MAPS:
            values = self.schema(inner[1], where, log) if len(inner) > 1 else {}
            return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
        if name in ("tuple", "Tuple"):
            return self._tuple(inner, where, log)
        if name in ("type", "Type", "Callable"):
            return self._unread(node, where, log)
        return self._named(name, node.value, where, log) if name else self._unread(node, where, log)

    def _tuple(self, inner: list[ast.expr], where: str, log: RepairLog) -> JsonObject:
        if len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is Ellipsis:
            return {"type": "array", "items": self.schema(inner[0], where, log)}
        if not inner:
            return {"type": "array", "maxItems": 0}
        items: list[JsonValue] = [self.schema(each, where, log) for each in inner]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}

    def _union(self, sides: list[ast.expr], where: str, log: RepairLog) -> JsonObject:
        schemas: list[JsonObject] = []
        for side in sides:
            schema = self.schema(side, where, log)
            if schema not in schemas:
                schemas.append(schema)
        if {} in schemas:
            return {}
        if len(schemas) == 1:
            return schemas[0]
        if all(set(schema) == {"type"} for schema in schemas):
            types: list[JsonValue] = []
            for schema in schemas:
                given = schema["type"]
                types += [word for word in (given if isinstance(given, list) else [given]) if word not in types]
            return {"type": types}
        return {"anyOf": [*schemas]}

    def _literal(self, inner: list[ast.expr], node: ast.expr, where: str, log: RepairLog) -> JsonObject:
        values = [json_value(each, self.constants) for each in inner]
        return self._unread(node, where, log) if NO_VALUE in values else enumeration(values)

    def _annotated(self, inner: list[ast.expr], where: str, log: RepairLog) -> JsonObject:
        schema = self.schema(inner[0], where, log)
        for note in inner[1:]:
            text = json_value(note, self.constants)
            if isinstance(text, str):
                schema = {**schema, "description": text}
            elif isinstance(note, ast.Call):
                keywords = field_keywords(note, self.constants)
                keywords.pop("default", None)
                schema = _fitting({**schema, **keywords})
        return schema

    def _class(self, node: ast.ClassDef, used: ast.expr, where: str, log: RepairLog) -> JsonObject:
        if self.is_enum(node):
            values = [value for _, value in _members(node)]
            return self._unread(used, where, log) if not values or NO_VALUE in values else enumeration(values)
        if not self.is_data(node) or set(self._all_bases(node)) & {"Protocol", "NamedTuple"}:
            return self._unread(used, where, log)
        if node.name not in self.definitions:
            # Holds the name, since the class may refer to itself.
            self.definitions[node.name] = {}
            self.definitions[node.name] = self._record(node, log)
        return {"$ref": f"#/$defs/{node.name}"}

    def _record(self, node: ast.ClassDef, log: RepairLog) -> JsonObject:
        """The schema of a TypedDict, dataclass or pydantic model."""
        properties: JsonObject = {}
        required: list[JsonValue] = []
        for owner in (*reversed(list(self.bases_in_file(node))), node):
            said = read_docstring(ast.get_docstring(owner))
            optional = any(
                word.arg == "total" and isinstance(word.value, ast.Constant) and word.value.value is False
                for word in owner.keywords
            )
            for line in owner.body:
                if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
                    continue
                name = line.target.id
                wrapper = last_name(line.annotation.value) if isinstance(line.annotation, ast.Subscript) else ""
                if name.startswith("_") or wrapper == "ClassVar" or name == "model_config":
                    continue
                where = f"{node.name}.{name}"
                schema = self.schema(line.annotation, where, log)
                has_default = False
                if line.value is not None:
                    schema, has_default = self.with_default(schema, line.value)
                if name in said.parameters and "description" not in schema:
                    schema = {**schema, "description": said.parameters[name]}
                properties[name] = schema
                needed = wrapper == "Required" or not (has_default or optional or wrapper == "NotRequired")
                required = [each for each in required if each != name] + ([name] if needed else [])
        made: JsonObject = {"type": "object", "properties": properties}
        text = read_docstring(ast.get_docstring(node)).description
        if text:
            made["description"] = text
        if required:
            made["required"] = required
        return made

    def with_default(self, schema: JsonObject, value: ast.expr) -> tuple[JsonObject, bool]:
        """Add what stands after the ``=`` of a parameter or field.

        Args:
            schema: What its annotation says.
            value: What stands there: a value, or a call of pydantic's ``Field`` or dataclasses' ``field``.

        Returns:
            The schema, and whether there is a default.
        """
        if isinstance(value, ast.Call) and last_name(value.func) in (
            "Field",
            "field",
            "Query",
            "Body",
            "Path",
            "Param",
        ):
            keywords = field_keywords(value, self.constants)
            has_default = any(word.arg in ("default", "default_factory", "factory") for word in value.keywords)
            first = value.args[0] if value.args else None
            has_default = has_default or (first is not None and not _is_ellipsis(first))
            has_default = has_default and not any(
                word.arg == "default" and _is_ellipsis(word.value) for word in value.keywords
            )
            if keywords.get("default", 0) is None and not _allows_null(schema):
                del keywords["default"]
            return _fitting({**schema, **keywords}), has_default
        default = json_value(value, self.constants)
        # None for a value that may not be null only says that the parameter can be left out.
        if default is NO_VALUE or (default is None and not _allows_null(schema)):
            return schema, not _is_ellipsis(value)
        return {**schema, "default": default}, True

    def _unread(self, node: ast.expr, where: str, log: RepairLog) -> JsonObject:
        written = ast.unparse(node)[:60]
        log.add(
            f"the annotation {written!r} is not read, so any value is allowed",
            "use builtin types, Literal, or a TypedDict, dataclass, Enum or pydantic model of the same file",
            where,
        )
        return {}


def enumeration(values: list[JsonValue]) -> JsonObject:
    """The schema of a fixed list of values.

    Args:
        values: The values.

    Returns:
        ``enum``, with ``type`` when all have the same.
    """
    names: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
    kinds = {names.get(type(value)) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    distinct: list[JsonValue] = []
    for value in values:
        if not any(value == other and type(value) is type(other) for other in distinct):
            distinct.append(value)
    return {"type": kind, "enum": distinct} if kind else {"enum": distinct}


def snake(name: str) -> str:
    """A class name as a domain is written: ``TicketAPI`` is ``ticket_api``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _aliases(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _members(node: ast.ClassDef) -> Iterator[tuple[str, JsonValue]]:
    """Names and values of an enumeration, as far as they are written out."""
    for line in node.body:
        if isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name):
            name = line.targets[0].id
            if name.startswith("_"):
                continue
            automatic = isinstance(line.value, ast.Call) and last_name(line.value.func) == "auto"
            if automatic and "StrEnum" in base_names(node):
                yield name, name.lower()
            else:
                yield name, json_value(line.value, {})


def _sides(node: ast.expr) -> Iterator[ast.expr]:
    """Both sides of ``a | b | c``; not by recursion, since such a chain can be long."""
    sides: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides.append(node.right)
        node = node.left
    yield node
    yield from reversed(sides)


def _fitting(schema: JsonObject) -> JsonObject:
    """Without bounds on a length that another type would have."""
    other = {"string": "Items", "array": "Length"}.get(str(schema.get("type")))
    return {key: value for key, value in schema.items() if key not in (f"min{other}", f"max{other}")}


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _allows_null(schema: JsonObject) -> bool:
    if not schema:
        return True
    given = schema.get("type")
    if given == "null" or (isinstance(given, list) and "null" in given):
        return True
    branches = schema.get("anyOf")
    return isinstance(branches, list) and any(_allows_null(an_object(branch)) for branch in branches if branch)
