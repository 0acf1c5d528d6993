"""A row of the dataset: one accepted dialogue with all that an export needs.

Belongs here: the row, and what makes a row impossible to export. Does not belong
here: whether the dialogue is any good (``verification``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, get_args

from toolace_dagster.dataset.exact_json import numbers
from toolace_dagster.entities import Dialogue, Entity, TaskSpec, Tool

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""All sides of the dataset, in the order files and tables show them."""

_LARGEST = 2**64 - 1
_SMALLEST = -(2**63)
_PLAIN = 2**53


RowKind = Literal["dialogue", "single_turn", "parallel_calls", "irrelevance"]
"""What a row is: a whole dialogue, or an example cut out of one (``slices``)."""


class ExportError(ValueError):
    """A row that no file can hold, or a file that did not keep what was written to it."""


class DatasetRow(Entity):
    """One dialogue of the dataset.

    Attributes:
        dialogue: The accepted dialogue.
        spec: The task it came from.
        tools: All tools that were offered at any point, by name.
        split: Its side of the dataset; None until splits are assigned.
        kind: What it is.
        cut_from: Id of the dialogue it was cut out of; None for a whole one.
    """

    dialogue: Dialogue
    spec: TaskSpec
    tools: dict[str, Tool]
    split: Split | None = None
    kind: RowKind = "dialogue"
    cut_from: str | None = None


def row_faults(row: DatasetRow) -> list[str]:
    """Find what makes a row impossible to export.

    Ask it before exporting, to reject such a dialogue with a reason: the writers
    raise on it, since an export never leaves a row out.

    Args:
        row: The row; its split does not matter.

    Returns:
        Sentences; an empty list for a row that every export can hold.
    """
    added = (name for turn in row.dialogue.turns for name in turn.tools_added)
    missing = sorted({*row.dialogue.initial_tools, *added} - row.tools.keys())
    faults = [f"The tool {name} is offered, but its definition is not in the row." for name in missing]
    for turn in row.dialogue.turns if not _has_only_plain_numbers(_values(row.dialogue)) else ():
        values = [call.arguments for call in turn.tool_calls] + [output.content for output in turn.outputs]
        faults += [f"Turn {turn.id} holds {fault}." for fault in _number_faults(values)]
    for name, tool in sorted(row.tools.items()):
        faults += [f"The definition of {name} holds {fault}." for fault in _tool_faults(tool)]
    return faults


def _values(dialogue: Dialogue) -> list[Any]:
    """All that calls and outputs of a dialogue hold."""
    # No comprehension: it runs for every row, most of whose turns hold neither.
    found: list[Any] = []
    for turn in dialogue.turns:
        if turn.tool_calls:
            found += [call.arguments for call in turn.tool_calls]
        elif turn.outputs:
            found += [output.content for output in turn.outputs]
    return found


_faults_of_tools: dict[str, tuple[str, ...]] = {}


def _tool_faults(tool: Tool) -> tuple[str, ...]:
    # The same few tools come with every row.
    if tool.fingerprint not in _faults_of_tools:
        _faults_of_tools[tool.fingerprint] = tuple(_number_faults(tool.parameters))
    return _faults_of_tools[tool.fingerprint]


def _has_only_plain_numbers(value: Any) -> bool:
    """Whether no number in a value can be at fault; quick, since nearly all are plain."""
    return all(math.isfinite(each) if isinstance(each, float) else -_PLAIN < each < _PLAIN for each in numbers(value))


def _number_faults(value: Any) -> Iterator[str]:
    if _has_only_plain_numbers(value):
        return
    match value:
        case dict():
            for item in value.values():  # pyright: ignore[reportUnknownVariableType]
                yield from _number_faults(item)
        case list():
            for item in value:  # pyright: ignore[reportUnknownVariableType]
                yield from _number_faults(item)
        case float() if not math.isfinite(value):
            yield f"the number {value}, which JSON cannot write"
        case int() if not _SMALLEST <= value <= _LARGEST:
            # One such number makes `datasets` refuse the whole file ("Value is too big!").
            yield f"the whole number {value}, which does not fit 64 bits"
        case _:
            pass
