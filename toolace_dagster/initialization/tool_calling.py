"""How a reply that holds tool calls is narrowed to the tools, and what is wrong with its calls.

The schema a model is asked to follow allows, for each call, one of the offered
tools with arguments of that tool's own schema. An endpoint that enforces schemas
can then write no other call; for one that does not, the calls are checked when the
reply is in, and the model is shown what is wrong with them.

Belongs here: narrowing reply schemas to tools, and checking calls of a reply. Does
not belong here: reply models (``replies``), or rules on finished dialogues
(``verification``).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic import BaseModel

from toolace_dagster.entities import Tool
from toolace_dagster.initialization.replies import CallReply, OutputReply
from toolace_dagster.tool_pool.arguments import argument_faults, says_nothing_of_other_names
from toolace_dagster.tool_pool.keywords import SCHEMA_LISTS, SCHEMA_MAPS, SINGLE_SCHEMAS

Schema = dict[str, Any]

_CALL = "CallReply"
_MAX_FAULTS = 5
_WORDS = frozenset({"title", "description", "examples", "example", "$comment"})


@dataclass(frozen=True)
class CallSchemas:
    """Schemas of a reply that holds tool calls.

    Attributes:
        full: A call is one of the tools, with arguments of that tool's schema.
        names: A call is one of the tools, with any arguments; for endpoints that find the other one too large.
    """

    full: Schema
    names: Schema


def call_schemas(reply_type: type[BaseModel], tools: Iterable[Tool]) -> CallSchemas:
    """Narrow the schema of a reply to the tools that may be called.

    Args:
        reply_type: A reply model that holds ``CallReply`` somewhere.
        tools: The tools, in any order: equal sets give equal schemas.

    Returns:
        The schema with the tools' parameters, and the one with their names alone.
    """
    callable_tools = sorted(tools, key=lambda tool: tool.name)
    names, full = (copy.deepcopy(_plain_schema(reply_type)) for _ in range(2))
    names["$defs"][_CALL]["properties"]["name"] = {"type": "string", "enum": [tool.name for tool in callable_tools]}
    if callable_tools:
        full["$defs"][_CALL] = {"anyOf": [_call_of(tool, number) for number, tool in enumerate(callable_tools)]}
    return CallSchemas(full, names)


@cache
def _plain_schema(reply_type: type[BaseModel]) -> Schema:
    """The schema as pydantic makes it, which takes far longer than a copy; not to be changed."""
    return reply_type.model_json_schema()


def call_faults(
    calls: Sequence[CallReply],
    outputs: Sequence[OutputReply],
    tools: Mapping[str, Tool],
    offered: Iterable[str],
) -> Iterator[str]:
    """Say what is wrong with calls that are meant to succeed.

    Args:
        calls: The calls.
        outputs: Their outputs, in order. A call whose output is an error may be as wrong as it likes.
        tools: Tools of the domain by name.
        offered: Names of the tools that may be called.

    Yields:
        Each fault in words.
    """
    known = sorted(set(offered) & tools.keys())
    for call, output in zip(calls, outputs, strict=False):
        if output.is_error:
            continue
        if call.name not in known:
            yield f"There is no tool {call.name!r} to call; there are {', '.join(known)}."
            continue
        for fault in argument_faults(tools[call.name], call.arguments):
            place = "".join(f"[{part!r}]" for part in fault.path)
            yield f"{fault.message.rstrip('.')}{f' (at {place})' if place else ''}."


def told(faults: Iterable[str]) -> str | None:
    """Faults as one message to the model, or None when there are none."""
    listed = list(dict.fromkeys(faults))
    more = f" And {len(listed) - _MAX_FAULTS} more." if len(listed) > _MAX_FAULTS else ""
    return " ".join(listed[:_MAX_FAULTS]) + more if listed else None


def _call_of(tool: Tool, number: int) -> Schema:
    parameters = _silent(tool.parameters)
    if says_nothing_of_other_names(tool):
        parameters["additionalProperties"] = False
    place = f"#/$defs/{_CALL}/anyOf/{number}/properties/arguments"
    return {
        "type": "object",
        "properties": {"name": {"type": "string", "enum": [tool.name]}, "arguments": _moved(parameters, place)},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _silent(schema: Any) -> Any:
    """A schema without its words, which the prompt has already; names of properties are no words."""
    if not isinstance(schema, dict):
        return schema
    kept: Schema = {}
    for key, value in cast(Schema, schema).items():
        if key in SCHEMA_MAPS or key in ("$defs", "definitions"):
            kept[key] = {name: _silent(inner) for name, inner in value.items()} if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType]
        elif key in SCHEMA_LISTS and isinstance(value, list):
            kept[key] = [_silent(inner) for inner in cast("list[Any]", value)]
        elif key in SINGLE_SCHEMAS:
            kept[key] = _silent(value)
        elif key not in _WORDS:
            kept[key] = value
    return kept


def _moved(schema: Any, place: str) -> Any:
    """A schema whose references into itself are right at another place of another document."""
    if isinstance(schema, list):
        return [_moved(inner, place) for inner in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    known = cast(Schema, schema)
    moved = {key: _moved(value, place) for key, value in known.items()}
    pointer = known.get("$ref")
    if isinstance(pointer, str) and pointer.startswith("#"):
        moved["$ref"] = place + pointer[1:]
    return moved
