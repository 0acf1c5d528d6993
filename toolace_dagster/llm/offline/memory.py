"""What has been said and returned so far in a dialogue.

Belongs here: collecting user texts, calls and outputs, and finding values in
them. Does not belong here: deciding which value a call takes (``arguments``).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from toolace_dagster.llm.offline.naming import (
    is_identifier,
    last_word,
    looks_like_identifier,
    parts,
    same_name,
    singular,
    stem,
)
from toolace_dagster.llm.offline.request import ToolView
from toolace_dagster.llm.offline.schema import Schema, fits
from toolace_dagster.llm.offline.shapes import as_index, as_list, as_object, objects_in

Turn = dict[str, Any]
_LASTING = frozenset("name title address author city clinic museum gallery room".split())


@dataclass(frozen=True)
class Sighting:
    """A value in a tool's output.

    Attributes:
        field: Name of the field it stands in.
        value: The value.
        holder: The object around it.
        about: What the holder is, from the name of the list or object.
        position: Place in a list, or None.
        length: Length of that list.
        output: Number of the output, counted over the dialogue.
        sub_task: Sub-task of the output.
    """

    field: str
    value: Any
    holder: dict[str, Any]
    about: str
    position: int | None
    length: int
    output: int
    sub_task: int


class Memory:
    """The visible past of a dialogue."""

    def __init__(self) -> None:
        self.sightings: list[Sighting] = []
        self.texts: list[str] = []
        self.replies: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.outputs: list[tuple[str, dict[str, Any], Any, int]] = []
        self._pending: list[tuple[str, dict[str, Any]]] = []

    @classmethod
    def of(cls, turns: list[Turn]) -> Memory:
        """The memory of some turns; masked ones leave no trace."""
        memory = cls()
        for turn in turns:
            memory.add(turn)
        return memory

    @classmethod
    def summed_up(cls, earlier: list[dict[str, Any]]) -> Memory:
        """The memory of sub-tasks of which only summaries are shown."""
        memory = cls()
        for part in earlier:
            memory.texts.append(str(part.get("goal") or ""))
            for result in objects_in(part.get("results")):
                name, arguments = str(result.get("name")), as_object(result.get("arguments"))
                memory.calls.append((name, arguments))
                if not result.get("is_error"):
                    memory.add_output(name, arguments, result.get("content"), as_index(part.get("sub_task")))
        return memory

    def add(self, turn: Turn) -> None:
        """Take in one turn."""
        if turn.get("masked") and not (turn.get("content") or turn.get("tool_calls") or turn.get("outputs")):
            self._pending = []
            return
        content = str(turn.get("content") or "")
        role = turn.get("role")
        if role == "user":
            self.texts.append(content)
        elif role == "assistant" and turn.get("tool_calls"):
            self._pending = []
            for call in objects_in(turn["tool_calls"]):
                arguments = call.get("arguments")
                pair = (str(call.get("name")), as_object(arguments))
                self.calls.append(pair)
                self._pending.append(pair)
        elif role == "assistant":
            self.replies.append(content)
        elif role == "tool":
            for index, output in enumerate(objects_in(turn.get("outputs"))):
                call = (
                    self._pending[index] if index < len(self._pending) else (str(output.get("name")), as_object(None))
                )
                if not output.get("is_error"):
                    self.add_output(call[0], call[1], output.get("content"), as_index(turn.get("sub_task")))

    def add_output(self, tool: str, arguments: dict[str, Any], content: Any, sub_task: int) -> None:
        """Take in what a tool answered."""
        self.outputs.append((tool, arguments, content, sub_task))
        about = singular(last_word(tool)) if parts(tool) else "record"
        self._walk(content, about, None, 0, len(self.outputs) - 1, sub_task, 0)

    def candidates(self, name: str, schema: Schema) -> list[Sighting]:
        """Values that fit an identifier's parameter: newest output first, in the order of a list."""
        wanted = stem(name).split()[-1:] or [""]
        named: list[Sighting] = []
        alike: list[Sighting] = []
        pattern = schema.get("pattern")
        for seen in self.sightings:
            if isinstance(seen.value, (dict, list, bool)) or seen.value is None:
                continue
            found = parts(seen.field)
            if same_name(seen.field, name) or (
                found in (("id",), ("number",)) and wanted[0] and wanted[0] == (seen.about.split() or [""])[-1]
            ):
                named.append(seen)
            elif isinstance(pattern, str) and found[-1:] == ("id",) and looks_like_identifier(seen.value):
                alike.append(seen)
        usable = [s for s in named if fits(s.value, schema)] or [s for s in alike if fits(s.value, schema)]
        usable.sort(key=lambda s: (-s.output, s.position or 0))
        distinct: dict[str, Sighting] = {}
        for seen in usable:
            distinct.setdefault(str(seen.value), seen)
        return list(distinct.values())

    def field(self, name: str, schema: Schema) -> Any:
        """The newest value of a field of that name, or None."""
        for seen in reversed(self.sightings):
            if same_name(seen.field, name) and not isinstance(seen.value, (dict, list)) and fits(seen.value, schema):
                return seen.value
        return None

    def answered(self, tool: ToolView, arguments: dict[str, Any]) -> Any:
        """The newest answer to the same question, or None: equal required arguments, and for lists all equal."""
        for name, given, output, _ in reversed(self.outputs):
            if name != tool.name or not tool.required:
                continue
            exactly = given == arguments
            listed = not isinstance(output, dict) or any(isinstance(part, list) for part in as_object(output).values())
            if exactly or (not listed and all(given.get(key) == arguments.get(key) for key in tool.required)):
                return copy.deepcopy(as_object(output)) if isinstance(output, dict) else copy.deepcopy(output)
        return None

    def facts(self, asking: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What is known about the things whose identifiers a call names: their fields, newest first.

        Args:
            asking: The tool called; the very same call gives the very same answer.
            arguments: Its arguments.
        """
        keys = {
            str(value) for name, value in arguments.items() if is_identifier(name, {}) or looks_like_identifier(value)
        }
        known: dict[str, Any] = {}
        if not keys:
            return known
        for seen in reversed(self.sightings):
            if str(seen.value) in keys and parts(seen.field)[-1:] == ("id",):
                for name, value in seen.holder.items():
                    if not isinstance(value, (dict, list)):
                        known.setdefault(name, value)
        for tool, given, content, _ in reversed(self.outputs):
            if isinstance(content, dict) and any(str(value) in keys for value in given.values()):
                fields = as_object(content)
                same = tool == asking and given == arguments
                for name, value in fields.items():
                    lasting = isinstance(value, str) and last_word(name) in _LASTING
                    if not isinstance(value, (dict, list)) and (same or lasting):
                        known.setdefault(name, value)
        return known

    def _walk(
        self, value: Any, about: str, position: int | None, length: int, output: int, sub_task: int, depth: int
    ) -> None:
        if depth > 6:
            return
        if isinstance(value, dict):
            held = as_object(value)
            for name, part in held.items():
                if isinstance(part, (dict, list)):
                    self._walk(part, singular(name.lower().replace("_", " ")), None, 0, output, sub_task, depth + 1)
                else:
                    self.sightings.append(Sighting(name, part, held, about, position, length, output, sub_task))
        elif isinstance(value, list):
            items = as_list(value)
            for index, item in enumerate(items):
                self._walk(item, about, index, len(items), output, sub_task, depth + 1)
