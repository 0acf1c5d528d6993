"""What readers of several formats have in common.

Belongs here: lists of objects, texts and tools of an example that may hold anything.
Does not belong here: any one format.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from toolace_dagster.dataset.checking.transcript import Report

Example = dict[str, Any]


def objects(value: Any, what: str, report: Report, *, quiet: bool = False) -> Iterable[tuple[str, Example]]:
    """The objects of a list, each with its place in words; what is none is reported unless quiet."""
    if not isinstance(value, list):
        if not quiet:
            report("empty", f"the example has no list of {what}s.")
        return
    for number, item in enumerate(cast("list[Any]", value), start=1):
        if isinstance(item, dict):
            yield f"{what} {number}", cast("Example", item)
        elif not quiet:
            report("message_shape", f"{what} {number} is no object.")


def items_of(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def text_of(value: Any, where: str, report: Report) -> str:
    """The value if it is a text, else its JSON, which is reported."""
    if isinstance(value, str):
        return value
    report("content_type", f"{where}: what is said is no text.")
    return "" if value is None else json.dumps(value)


def name_of(message: Example) -> str | None:
    """The tool that an answer says it is of, if it says one."""
    name = message.get("name")
    return name if isinstance(name, str) and name else None


def is_wrapped(tool: Any) -> bool:
    """Whether a tool is of the form ``{type: function, function: …}``."""
    if not isinstance(tool, dict):
        return False
    held = cast("Example", tool)
    return held.get("type") == "function" and "function" in held


def wraps_tools(tools: list[Any], otherwise: bool) -> bool:
    """Whether the first of the tools is of that form; ``otherwise`` where there is none."""
    return is_wrapped(tools[0]) if tools else otherwise


def functions(tools: Any, report: Report, *, wrapped: bool = False) -> list[Any]:
    """Definitions out of their wrapping.

    Args:
        tools: A list of tools, or anything else, which holds none.
        report: Told of tools of another form, where the format wraps them.
        wrapped: Whether it does.
    """
    found: list[Any] = []
    for number, tool in enumerate(items_of(tools), start=1):
        if is_wrapped(tool):
            found.append(tool["function"])
        else:
            if wrapped:
                report("tool_shape", f"tool {number} is not of the form {{type: function, function: …}}.")
            found.append(tool)
    return found
