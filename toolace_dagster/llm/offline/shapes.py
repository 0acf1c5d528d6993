"""JSON of unknown shape, taken as what it is hoped to be.

Belongs here: narrowing of parsed JSON to objects and lists. Does not belong
here: anything that knows what the JSON means.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

JsonDict = dict[str, Any]


def as_object(value: Any) -> JsonDict:
    """The value if it is an object, else an empty one."""
    return cast(JsonDict, value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def objects_in(value: Any) -> list[JsonDict]:
    """The objects in a list; none when it is no list."""
    return [as_object(item) for item in as_list(value) if isinstance(item, dict)]


def as_index(value: Any) -> int:
    """The value if it is a whole number, else 0."""
    return value if isinstance(value, int) else 0


def is_number(value: Any) -> bool:
    """Whether a value is a number; ``True`` and ``False`` are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def leaves(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """All plain values inside a value, each with the name of its field."""
    if isinstance(value, dict) and depth < 8:
        for key, part in as_object(value).items():
            yield from leaves(part, str(key), depth + 1)
    elif isinstance(value, list) and depth < 8:
        for item in as_list(value):
            yield from leaves(item, name, depth + 1)
    else:
        yield name, value
