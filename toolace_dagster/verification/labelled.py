"""Labelled dialogues of anybody: OpenAI messages and tools, with a word on whether they are good.

Belongs here: reading them into our own form, and what is broken in them already.
Does not belong here: checking or counting (``calibration``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from toolace_dagster.entities import Dialogue, Finding, Origin, Tool, ToolCall, ToolOutput, Turn
from toolace_dagster.execution.protocol import reports_error
from toolace_dagster.tool_pool.formats.document import Entry
from toolace_dagster.tool_pool.normal_form import import_entry

_ORIGIN = Origin(operation="trajectory_initialization")
_GOOD = {"good": True, "pass": True, "true": True, "1": True, "bad": False, "fail": False, "false": False, "0": False}


class LabelledFault(ValueError):
    """An entry that can't be used. The message names file, line and mend."""


@dataclass(frozen=True)
class Labelled:
    """A labelled dialogue.

    Attributes:
        dialogue: The dialogue.
        tools: Its tools by name.
        good: What the label says.
        checks: Checks that should find something, where the label names any.
        broken: What no dialogue of ours can hold, as findings: arguments that are no object, answers to no call.
    """

    dialogue: Dialogue
    tools: Mapping[str, Tool]
    good: bool
    checks: tuple[str, ...] = ()
    broken: tuple[Finding, ...] = ()


def read_labelled(path: Path) -> Iterator[Labelled | LabelledFault]:
    """Read a file of JSON lines with ``messages``, ``tools``, ``label`` and, if wanted, ``id`` and ``checks``.

    Args:
        path: The file.

    Yields:
        Each dialogue, or what is wrong with its line; the rest goes on.

    Raises:
        LabelledFault: If the file can't be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise LabelledFault(f"{path}: {fault}. Give a UTF-8 file with one JSON object a line.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _labelled(json.loads(line), f"line-{number}")
        except (ValueError, KeyError, TypeError) as fault:
            yield LabelledFault(f"{path} line {number}: {_plain(fault)} Mend the line; it was left out.")


def _labelled(value: Any, name: str) -> Labelled:
    row = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if not isinstance(row.get("messages"), list) or not row["messages"]:
        raise ValueError("there is no list of messages.")
    label = _GOOD.get(str(row.get("label")).lower())
    if label is None:
        raise ValueError(f"label is {row.get('label')!r}, neither good nor bad.")
    tools = _tools(row.get("tools") or [])
    reader = _Reader()
    for message in row["messages"]:
        reader.read(cast("dict[str, Any]", message))
    turns = reader.finished()
    dialogue = Dialogue(
        id=str(row.get("id") or name), domain="labelled", initial_tools=tuple(tools), turns=tuple(turns)
    )
    return Labelled(dialogue, tools, label, tuple(map(str, row.get("checks") or ())), tuple(reader.broken))


def _tools(listed: Any) -> dict[str, Tool]:
    if isinstance(listed, str):
        listed = json.loads(listed)
    found: dict[str, Tool] = {}
    for position, value in enumerate(listed, 1):
        tool, note = import_entry(
            Entry(value=value), position=position, domain="labelled", source="labelled", licence=None
        )
        if tool is None:
            raise ValueError(f"tool {note.item}: {note.reason}. {note.mend}")
        # Calls name a tool as the row does, whatever names the normal form allows.
        found[tool.provenance.original_name or tool.name] = tool
    return found


class _Reader:
    """Turns from messages."""

    def __init__(self) -> None:
        self.broken: list[Finding] = []
        self._turns: list[Turn] = []
        self._outputs: list[ToolOutput] = []
        self._names: dict[str, str] = {}

    def read(self, message: Mapping[str, Any]) -> None:
        role, content = message.get("role"), _text(message.get("content"))
        if role == "tool":
            call_id = str(message.get("tool_call_id") or "")
            if call_id not in self._names:
                self._found("rule.call_ids", "An output answers no call.", call_id)
            value = _value(content)
            name = str(message.get("name") or self._names.get(call_id) or "unknown")
            self._outputs.append(ToolOutput(call_id=call_id, name=name, content=value, is_error=reports_error(value)))
            return
        self._close()
        if role == "user" and content.strip():
            self._add(role="user", content=content)
        elif role == "assistant":
            calls = tuple(self._call(each, at) for at, each in enumerate(message.get("tool_calls") or ()))
            if calls or content.strip():
                self._add(role="assistant", content=content, tool_calls=calls)
        elif role not in ("system", "developer", "user"):
            raise ValueError(f"a message has the role {role!r}.")

    def finished(self) -> list[Turn]:
        self._close()
        return self._turns

    def _call(self, call: Mapping[str, Any], at: int) -> ToolCall:
        function = call.get("function") or call
        call_id = str(call.get("id") or f"call_{len(self._turns)}_{at}")
        name = str(function.get("name"))
        given = function.get("arguments")
        arguments: Any
        try:
            arguments = json.loads(given) if isinstance(given, str) else given or {}
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            self._found("rule.arguments_schema", f"The arguments of {name} are no JSON object.", str(given))
            arguments = {}
        self._names[call_id] = name
        return ToolCall(id=call_id, name=name, arguments=cast("dict[str, Any]", arguments))

    def _close(self) -> None:
        if self._outputs:
            self._add(role="tool", outputs=tuple(self._outputs))
            self._outputs = []

    def _add(self, **fields: Any) -> None:
        self._turns.append(Turn(id=f"t{len(self._turns):02d}", sub_task=0, origin=_ORIGIN, **fields))

    def _found(self, check: str, message: str, evidence: str) -> None:
        turn_id = f"t{len(self._turns):02d}"
        self.broken.append(Finding(check=check, severity="hard", turn_id=turn_id, evidence=evidence, message=message))


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = (cast("dict[str, Any]", part) for part in cast("list[Any]", content) if isinstance(part, dict))
        return "".join(str(part.get("text", "")) for part in parts)
    return "" if content is None else content if isinstance(content, str) else json.dumps(content)


def _value(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _plain(fault: Exception) -> str:
    return str(fault).splitlines()[0] if str(fault) else type(fault).__name__
