"""Reading a chat-completions request: which task it is, and the data inside its tags.

Belongs here: the task's name, tagged JSON, tools as the model sees them, the
streams of random numbers. Does not belong here: composing an answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from random import Random
from typing import Any

from toolace_dagster.entities.base import canonical_json
from toolace_dagster.llm.offline.naming import first_word, last_word, parts, same_name, singular, stem
from toolace_dagster.llm.offline.schema import Schema, plain, properties, required
from toolace_dagster.llm.offline.shapes import as_object, objects_in

_OPENING = re.compile(r"^<([a-z_]+)>\n", re.MULTILINE)
_NAMED = re.compile(r"JSON Schema named [\"'`]?([A-Za-z0-9_-]+)")
_LOOKUPS = frozenset(
    "find search list get show read check track describe estimate fetch retrieve return look view query count "
    "compare".split()
)


@dataclass(frozen=True)
class Leaf:
    """One plain field of a tool's result."""

    name: str
    holder: str
    listed: bool
    schema: Schema


@dataclass(frozen=True)
class ToolView:
    """A tool as the prompt shows it."""

    name: str
    description: str
    parameters: Schema
    result: Schema | None

    @cached_property
    def params(self) -> dict[str, Schema]:
        """The plain schema of each parameter."""
        return {name: plain(schema, self.parameters) for name, schema in properties(plain(self.parameters)).items()}

    @cached_property
    def required(self) -> list[str]:
        """Names of required parameters, in the order of the schema."""
        needed = required(plain(self.parameters))
        return [name for name in self.params if name in needed] + [name for name in needed if name not in self.params]

    @cached_property
    def verb(self) -> str:
        """The first word of the description, or of the name, as a plain verb."""
        found = re.match(r"\s*([A-Za-z-]+)", self.description)
        word = found.group(1).lower() if found else (parts(self.name) or ("use",))[0]
        if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
            word = word[:-2] if word.endswith(("ches", "shes", "sses", "oes")) else word[:-1]
        return word

    @cached_property
    def looks_up(self) -> bool:
        """Whether it only finds something out."""
        return self.verb in _LOOKUPS or (parts(self.name) or ("",))[0] in _LOOKUPS

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """The plain fields of its result, outermost first."""
        found: list[Leaf] = []
        if self.result is not None:
            _leaves(self.result, self.result, "", False, found, 0)
        return tuple(found)

    @cached_property
    def noun(self) -> str:
        """What it is about, from its name: ``list_member_loans`` gives ``loan``."""
        found = [
            word
            for word in parts(self.name)
            if word not in ("write", "read", "get", "batch", "state", "body", "title", "details")
        ]
        return singular(found[-1]) if found else "result"

    def returns(self, name: str, schema: Schema) -> Leaf | None:
        """The field of its result that holds a value for a parameter, if it has one.

        Args:
            name: Parameter name.
            schema: Plain schema of the parameter.
        """
        pattern = schema.get("pattern")
        asked = (name, pattern if isinstance(pattern, str) else None)
        if asked not in self._returned:
            self._returned[asked] = self._find(name, asked[1])
        return self._returned[asked]

    @cached_property
    def _returned(self) -> dict[tuple[str, str | None], Leaf | None]:
        return {}

    def _find(self, name: str, pattern: str | None) -> Leaf | None:
        wanted = stem(name)
        for leaf in self.leaves:
            if same_name(leaf.name, name):
                return leaf
        for leaf in self.leaves:
            about = singular(leaf.holder) or self.noun
            if parts(leaf.name) in (("id",), ("name",), ("number",)) and wanted and wanted.split()[-1] == about:
                if (first_word(leaf.name) == "name") != (last_word(name) == "name"):
                    continue
                return leaf
        if pattern is not None and any(char.isdigit() or char == "\\" for char in pattern):
            return next(
                (
                    leaf
                    for leaf in self.leaves
                    if leaf.schema.get("pattern") == pattern and parts(leaf.name)[-1:] == ("id",)
                ),
                None,
            )
        return None


@dataclass
class Request:
    """One request, read.

    Attributes:
        task: Name of the reply's schema.
        schema: JSON Schema of the reply, when the request carries one.
        data: What stood in tags, by tag.
        key: SHA-256 over seed and messages, hexadecimal.
        tools: The tools by name.
        shown: The texts inside the tags, in order.
    """

    task: str
    schema: Schema
    data: dict[str, Any]
    key: str
    tools: dict[str, ToolView] = field(default_factory=dict[str, ToolView])
    shown: tuple[str, ...] = ()

    def object(self, tag: str) -> dict[str, Any]:
        """The object inside a tag; an empty one when there is none."""
        return as_object(self.data.get(tag))

    def items(self, tag: str) -> list[dict[str, Any]]:
        """The objects listed inside a tag; none when there are none."""
        return objects_in(self.data.get(tag))

    def stream(self, name: str) -> Random:
        """A stream of random numbers of its own, fixed by the request."""
        return seeded(self.key, name)


def seeded(*texts: str) -> Random:
    """A stream fixed by texts, the same on every machine and in every process."""
    return Random(int.from_bytes(hashlib.sha256("\x1f".join(texts).encode()).digest()[:8], "big"))  # noqa: S311


def read(body: dict[str, Any]) -> Request:
    """Read a request body.

    Args:
        body: Body of a chat-completions request.

    Returns:
        The request; parts that are missing or unreadable are left empty.
    """
    messages: list[dict[str, Any]] = objects_in(body.get("messages"))
    key = hashlib.sha256(canonical_json([body.get("seed"), messages]).encode()).hexdigest()
    data: dict[str, Any] = {}
    shown: list[str] = []
    tools: dict[str, ToolView] = {}
    task, schema = _asked_schema(body)
    for message in messages:
        if message.get("role") != "user":
            continue
        text = _text(message.get("content"))
        if not task:
            named = _NAMED.findall(text)
            task = named[-1] if named else ""
        for tag, inside in _tagged(text):
            if tag == "tools" and not tools:
                tools = _tools(inside)
                shown.append(inside)
            elif tag not in data and tag != "tools":
                parsed = _parsed(inside)
                if parsed is not None:
                    data[tag] = parsed
                    shown.append(inside)
    return Request(task=task, schema=schema, data=data, key=key, tools=tools, shown=tuple(shown))


def _tagged(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while (found := _OPENING.search(text, at)) is not None:
        end = text.find(f"\n</{found[1]}>", found.end() - 1)
        if end < 0:
            at = found.end()
            continue
        yield found[1], text[found.end() : end]
        at = end + 1


def _asked_schema(body: dict[str, Any]) -> tuple[str, Schema]:
    asked = body.get("response_format")
    described = as_object(as_object(asked).get("json_schema"))
    return str(described.get("name", "")), as_object(described.get("schema"))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in objects_in(content))
    return ""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


@lru_cache(maxsize=512)
def _tools(text: str) -> dict[str, ToolView]:
    return tool_views(_parsed(text))


def tool_views(listed: Any) -> dict[str, ToolView]:
    """Definitions of tools, read; by name."""
    found: dict[str, ToolView] = {}
    for tool in objects_in(listed):
        if isinstance(tool.get("name"), str):
            found[tool["name"]] = ToolView(
                name=tool["name"],
                description=str(tool.get("description") or ""),
                parameters=as_object(tool.get("parameters")) or {"type": "object", "properties": {}},
                result=as_object(tool.get("result")) or None,
            )
    return found


def _leaves(schema: Any, root: Schema, holder: str, listed: bool, found: list[Leaf], depth: int) -> None:
    view = plain(schema, root)
    if depth > 5:
        return
    if view["type"] == "object":
        deeper: list[tuple[str, Any]] = []
        for name, part in properties(view).items():
            inner = plain(part, root)
            if inner["type"] in ("object", "array"):
                deeper.append((name, inner))
            else:
                found.append(Leaf(name, holder, listed, inner))
        for name, inner in deeper:
            _leaves(inner, root, name, listed, found, depth + 1)
    elif view["type"] == "array":
        _leaves(view.get("items"), root, holder, True, found, depth + 1)
    elif holder and depth:
        found.append(Leaf(holder, "", listed, view))
