"""JSON and JSON lines, read strictly, with errors a user can act on.

Belongs here: from bytes to JSON values. Does not belong here: what the values
mean (the other modules of this package) and YAML (``yaml_text``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from toolace_dagster.tool_pool.repairs import Unusable


class AmbiguousObject(dict[str, Any]):
    """An object in which a key stands more than once; the last one counts.

    Attributes:
        repeated: Those keys.
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.repeated = tuple(sorted({key for key, _ in pairs if key in seen or seen.add(key)}))


@dataclass(frozen=True)
class Line:
    """One line of JSON lines.

    Attributes:
        number: From 1, as editors count.
        value: What it says, or why it could not be read.
    """

    number: int
    value: JsonValue | Unusable


def decoded(content: bytes) -> str:
    """Decode a file.

    Args:
        content: The file.

    Returns:
        Its text, without a byte order mark.

    Raises:
        Unusable: It is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"the file is not UTF-8 (byte {error.start})", "save it as UTF-8") from error


def parse_json(text: str) -> JsonValue:
    """Read one JSON document.

    Args:
        text: The whole file.

    Returns:
        Its value; an object that repeats a key is an ``AmbiguousObject``.

    Raises:
        Unusable: It is not JSON; the message has line and column.
    """
    try:
        return json.loads(text, object_pairs_hook=object_of_pairs, parse_constant=_no_number, parse_float=finite)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        mend = "correct the JSON there"
        if error.msg == "Extra data":
            mend = "keep one JSON document in a file, or one on each line"
        elif not text.strip():
            mend = "write tools into the file or delete it"
        raise Unusable(f"the file is not JSON: {error.msg} at {place}", mend) from error
    except RecursionError as error:
        raise Unusable("the file nests values too deep to read", "flatten it") from error
    except ValueError as error:
        raise Unusable(f"the file is not JSON: {error}", "replace the number") from error


def parse_json_lines(text: str) -> list[Line]:
    """Read a file with one JSON document on each line.

    Args:
        text: The whole file.

    Returns:
        A value, or a fault, for each line that is not blank; nothing when less than half of at least two lines
            hold an object or a list, since then the file is something else.
    """
    lines: list[Line] = []
    # Not splitlines(): a JSON string may hold other line separators as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                lines.append(Line(number, parse_json(line)))
            except Unusable as fault:
                lines.append(Line(number, Unusable(f"line {number}: {fault.reason}", fault.mend)))
    good = sum(isinstance(line.value, (dict, list)) for line in lines)
    return lines if len(lines) > 1 and 2 * good >= len(lines) else []


def object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object that knows when a key stood in it twice."""
    made = dict(pairs)
    return made if len(made) == len(pairs) else AmbiguousObject(pairs)


def finite(text: str) -> float:
    """Read a number with a fraction or exponent.

    Raises:
        ValueError: It is too large for a float.
    """
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
