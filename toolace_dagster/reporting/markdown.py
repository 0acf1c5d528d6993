"""Dialogues and tables as Markdown, safe to show: text from tools and models can't become markup.

Belongs here: Markdown. Does not belong here: reading the warehouse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from toolace_dagster.entities import Dialogue, Turn

_SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]#|~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
"""What could become markup in the middle of a line; escaped text never opens one."""


def escaped(text: str) -> str:
    """Text with everything that Markdown or HTML could take as markup made harmless, on one line."""
    return " ".join(text.split()).translate(_SPECIAL)


def code(text: str) -> str:
    """Text as inline code, whatever it holds."""
    # Two backticks with nothing between them would open a longer span.
    plain = " ".join(text.split()) or " "
    fence = "`"
    while fence in plain:
        fence += "`"
    return f"{fence} {plain} {fence}" if fence != "`" or plain.startswith("`") else f"`{plain}`"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table; the columns are those of the first row."""
    if not rows:
        return "none"
    columns = list(rows[0])
    lines = ["| " + " | ".join(escaped(column) for column in columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = ("" if row[column] is None else escaped(str(row[column])) for column in columns)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def dialogue_markdown(dialogue: Dialogue) -> str:
    """A dialogue as a person reads it: who speaks, calls and outputs as code, what was injected."""
    lines: list[str] = []
    for index, turn in enumerate(dialogue.turns):
        if index == 0 or turn.sub_task != dialogue.turns[index - 1].sub_task:
            lines.append(f"*Sub-task {turn.sub_task + 1}*")
        lines += _turn(turn)
    return "\n\n".join(lines)


def _turn(turn: Turn) -> list[str]:
    mark = f" ({turn.origin.injection.value.replace('_', ' ')})" if turn.origin.injection is not None else ""
    lines: list[str] = []
    if turn.content:
        lines.append(f"**{turn.role}**{mark}: {escaped(turn.content)}")
    if turn.tools_added:
        lines.append(f"*now offered: {', '.join(code(name) for name in turn.tools_added)}*")
    lines += [f"**call**{mark}: {code(f'{call.name}({_json(call.arguments)})')}" for call in turn.tool_calls]
    for output in turn.outputs:
        kind = "error" if output.is_error else "result"
        lines.append(f"**{kind}**{mark}: {code(_json(output.content))}")
    return lines


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
