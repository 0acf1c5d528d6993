"""Values and names in Python source, read from its syntax tree.

Belongs here: literals as JSON values, names of decorators and bases, keywords of
``Field``. Does not belong here: types (``python_annotations``).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.tool_pool.formats.document import MAX_NESTING, nests_deeper, writable

NO_VALUE: Final[Any] = object()
"""In the place of a value that is not written out, or that JSON does not have."""

_FIELD_KEYWORDS = {
    "description": "description", "title": "title", "default": "default", "examples": "examples", "ge": "minimum",
    "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf",
    "pattern": "pattern", "regex": "pattern",
}  # fmt: skip
_LENGTHS = {"min_length": ("minLength", "minItems"), "max_length": ("maxLength", "maxItems")}


def json_value(node: ast.expr, constants: Mapping[str, JsonValue]) -> Any:
    """Read a value that is written out.

    Args:
        node: An expression.
        constants: Values of names the file gives, such as ``LIMIT`` or ``Colour.RED``.

    Returns:
        The JSON value, or ``NO_VALUE``.
    """
    name = dotted(node).removesuffix(".value")
    if name in constants:
        return constants[name]
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return NO_VALUE
    try:
        made = _as_json(value)
    except RecursionError:
        return NO_VALUE
    return NO_VALUE if made is NO_VALUE or nests_deeper(made, MAX_NESTING // 2) else made


def field_keywords(call: ast.Call, constants: Mapping[str, JsonValue]) -> JsonObject:
    """What a call such as ``Field(0, ge=0, description="...")`` says, in the words of JSON Schema.

    Args:
        call: The call; its function may be any that takes keywords of these names.
        constants: As in ``json_value``.

    Returns:
        Keywords of JSON Schema.
    """
    said: JsonObject = {}
    called = last_name(call.func)
    first = json_value(call.args[0], constants) if call.args else NO_VALUE
    if first is not NO_VALUE and called in ("Doc", "Description") and isinstance(first, str):
        said["description"] = first
    elif first is not NO_VALUE and called in ("Field", "Query", "Body", "Path", "Param"):
        said["default"] = first
    for word in call.keywords:
        value = json_value(word.value, constants)
        if value is NO_VALUE or word.arg is None:
            continue
        if word.arg in _FIELD_KEYWORDS:
            said[_FIELD_KEYWORDS[word.arg]] = value
        elif word.arg in _LENGTHS:
            # Of text or of a list: the keyword for the other type says nothing.
            for key in _LENGTHS[word.arg]:
                said[key] = value
    if said.get("description", "") is None:
        del said["description"]
    return said


def dotted(node: ast.AST) -> str:
    """A name such as ``typing.Optional`` as text; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def last_name(node: ast.AST) -> str:
    """The last part of a dotted name; empty for anything else."""
    return dotted(node).rpartition(".")[2]


def base_names(node: ast.ClassDef) -> list[str]:
    """Names of the classes a class inherits from, without their modules and parameters."""
    return [last_name(base.value if isinstance(base, ast.Subscript) else base) for base in node.bases]


def decorator_names(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names of decorators, without their modules and arguments."""
    return {last_name(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list}


def _as_json(value: object) -> Any:
    if isinstance(value, str):
        return writable(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        # JSON text of more digits than this is not read again.
        return value if abs(value) < 10**300 else NO_VALUE
    if isinstance(value, float):
        return value if math.isfinite(value) else NO_VALUE
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_as_json(item) for item in _in_order(value)]  # pyright: ignore[reportUnknownArgumentType]
        return NO_VALUE if NO_VALUE in items else items
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(key, str):
                return NO_VALUE
            made[writable(key)] = _as_json(inner)  # pyright: ignore[reportUnknownArgumentType]
        return NO_VALUE if any(inner is NO_VALUE for inner in made.values()) else made
    return NO_VALUE


def _in_order(value: Any) -> list[Any]:
    items: list[Any] = list(value)
    return sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items
