"""YAML read as the JSON value it stands for.

Belongs here: YAML's core schema (1.2), in which ``no`` is text and a date is no
date, with bounds on nesting and on what aliases expand to. Does not belong
here: what the values mean (the other modules of this package).

The values are built from the parser's events: ``yaml.load`` of a file that
nests deep enough ends the whole process, since libyaml's composer recurses in C.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import JsonValue

from toolace_dagster.tool_pool.formats.document import writable
from toolace_dagster.tool_pool.formats.json_text import finite, object_of_pairs
from toolace_dagster.tool_pool.repairs import Unusable

MAX_YAML_NESTING = 200
MAX_YAML_VALUES = 3_000_000
"""Values a file may hold once its aliases are written out."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MERGE = "<<"
_STRING_TAG = "tag:yaml.org,2002:str"


@dataclass
class _Open:
    """A list or mapping that is being read; ``size`` counts the values in it, aliases written out."""

    is_map: bool
    anchor: str | None
    items: list[JsonValue] = field(default_factory=list[JsonValue])
    size: int = 1


def parse_yaml(text: str) -> JsonValue:
    """Read one YAML document.

    Args:
        text: The whole file.

    Returns:
        Its value with text as keys; an object that repeats a key is an ``AmbiguousObject``.

    Raises:
        Unusable: It is not YAML (with line and column), holds several documents, nests too deep, or its aliases
            expand to too much.
    """
    try:
        loader = _LOADER(text)
    except (yaml.YAMLError, ValueError) as error:
        raise _fault(error) from error
    try:
        return _Builder().read(loader)
    except (yaml.YAMLError, ValueError) as error:
        raise _fault(error) from error
    finally:
        loader.dispose()


class _Builder:
    """Puts the events of one document together."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[JsonValue, int]] = {}
        self._documents: list[JsonValue] = []

    def read(self, loader: Any) -> JsonValue:
        while loader.check_event():
            self._take(loader.get_event())
        if len(self._documents) > 1:
            raise Unusable("the file holds several YAML documents", "keep one document in a file")
        return self._documents[0] if self._documents else None

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._put(_scalar(event), 1, event.anchor)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self._open) >= MAX_YAML_NESTING:
                raise Unusable(f"the file nests values more than {MAX_YAML_NESTING} deep", "flatten it")
            self._open.append(_Open(isinstance(event, yaml.MappingStartEvent), event.anchor))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            done = self._open.pop()
            self._put(_mapping(done.items) if done.is_map else done.items, done.size, done.anchor)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise Unusable(
                    f"the alias *{event.anchor[:40]} stands for nothing, or for what it stands in",
                    "define the anchor before it is used, and outside of it",
                )
            value, size = self._anchors[event.anchor]
            self._put(value, size, None)

    def _put(self, value: JsonValue, size: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = (value, size)
        if not self._open:
            self._documents.append(value)
            return
        around = self._open[-1]
        around.items.append(value)
        around.size += size
        if around.size > MAX_YAML_VALUES:
            raise Unusable(
                f"the file holds more than {MAX_YAML_VALUES:,} values once its aliases are written out",
                "split it, or use fewer aliases",
            )


def _scalar(event: Any) -> JsonValue:
    text = writable(str(event.value))
    if event.style or (event.tag and event.tag == _STRING_TAG):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text):
        return finite(text)
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not a JSON number")
    return text


def _mapping(items: list[JsonValue]) -> JsonValue:
    pairs: list[tuple[str, Any]] = []
    merged: dict[str, Any] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        if key == _MERGE and isinstance(value, (dict, list)):
            for source in value if isinstance(value, list) else [value]:
                if isinstance(source, dict):
                    merged = {**source, **merged}
        else:
            pairs.append((_key(key), value))
    own = object_of_pairs(pairs)
    return {**merged, **own} if merged else own


def _key(key: JsonValue) -> str:
    """Keys of JSON are text: a response code is ``200`` in YAML and ``"200"`` in JSON."""
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, (dict, list)):
        raise Unusable("a list or mapping stands where a key should", "write keys as text")
    return str(key)


def _fault(error: Exception) -> Unusable:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split("\n", 1)[0]
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    return Unusable(f"the file is not YAML: {problem[:200]}{place}", "correct the YAML there")
