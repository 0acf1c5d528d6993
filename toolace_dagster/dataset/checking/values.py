"""Reading JSON that anybody wrote, without trusting it.

Belongs here: what a JSON value must be before anything looks at it: only the kinds JSON
has, not nested without end, text that UTF-8 can hold. Does not belong here: what it
means (``checklist``, ``readers``).
"""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 100
"""Levels of nesting. Common parsers give up at 128 (serde, which `tokenizers` and many loaders read with)."""


def strict_json(text: str) -> Any:
    """Parse JSON, and nothing that only looks like it.

    Args:
        text: Of any origin.

    Raises:
        ValueError: Says why it is none, in a few words.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from error
    if fault := value_fault(value):
        raise ValueError(fault)
    return value


def lenient_json(text: str) -> Any:
    """The value of a JSON text, or None for what is none."""
    try:
        return strict_json(text)
    except ValueError:
        return None


def value_fault(value: Any) -> str | None:
    """Say why a value can't be looked at as JSON.

    Args:
        value: Of any kind; Parquet files and Python literals bring more than JSON has.

    Returns:
        The first fault, as the rest of a sentence about it; None for a sound value.
    """
    # By hand and not by recursion, which deep values would break.
    level: list[Any] = [value]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for each in level:
            match each:
                case dict():
                    if any(not isinstance(key, str) for key in each):  # pyright: ignore[reportUnknownVariableType]
                        return "an object has a key that is no text"
                    inner += [*each, *each.values()]  # pyright: ignore[reportUnknownArgumentType]
                case list():
                    inner += each  # pyright: ignore[reportUnknownArgumentType]
                case str():
                    if not each.isascii() and _is_broken(each):
                        return "a text holds half of a surrogate pair, which UTF-8 can't say"
                case float():
                    if not math.isfinite(each):
                        return f"{each} is no number of JSON"
                case bool() | int() | None:
                    pass
                case _:
                    return f"it holds a {type(each).__name__}, which JSON has not"
        if not inner:
            return None
        level = inner
    return f"it is nested more than {DEEPEST} levels deep"


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
