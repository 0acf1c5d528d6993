"""Markdown and YAML from text that nobody vetted.

Belongs here: escaping, tables, code blocks. Does not belong here: what the card says
(``card``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

_MARKUP = re.compile(r"([\\`*_\[\]|<>#~!$])")


def cell(value: object) -> str:
    """Text for a table cell or a line: on one line, with no markup of its own and nothing invisible."""
    if isinstance(value, int):
        return f"{value:,}"
    return _MARKUP.sub(r"\\\1", visible(" ".join(str(value).split()))) or " "


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; columns of whole numbers are aligned right."""
    body = [list(row) for row in rows]
    numeric = [bool(body) and all(isinstance(row[i], int) for row in body) for i in range(len(header))]
    lines = [
        "| " + " | ".join(header) + " |",
        "|" + "|".join("---:" if right else "---" for right in numeric) + "|",
        *("| " + " | ".join(cell(value) for value in row) + " |" for row in body),
    ]
    return "\n".join(lines)


def code_block(value: Any) -> str:
    """A JSON value in a fenced block that no text inside can close.

    JSON keeps every string on one line, so a fence inside can't stand at a line's start;
    the block's own fence is longer than any run of backticks all the same.
    """
    text = visible(json.dumps(value, ensure_ascii=False, indent=2), keep="\n")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{text}\n{fence}"


def visible(text: str, keep: str = "") -> str:
    """Spell out characters that don't show: controls, line separators, marks that turn the reading direction."""
    # JSON's spelling of a character past 16 bits is a pair.
    return "".join(c if c.isprintable() or c in keep else json.dumps(c)[1:-1].replace("\x7f", "\\u007f") for c in text)


def yaml_lines(value: Any, indent: int = 0) -> list[str]:
    """Block YAML of plain dicts, lists and scalars; every string is quoted, in ASCII."""
    pad = " " * indent
    lines: list[str] = []
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        for key, item in pairs.items():
            if isinstance(item, (dict, list)) and item:
                lines += [f"{pad}{key}:", *yaml_lines(item, indent + 2)]
            else:
                lines.append(f"{pad}{key}: {json.dumps(item)}")
        return lines
    items: list[Any] = value
    for item in items:
        if isinstance(item, dict) and item:
            first, *rest = yaml_lines(item, indent + 2)
            lines += [f"{pad}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{pad}- {json.dumps(item)}")
    return lines
