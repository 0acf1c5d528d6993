"""From what a tool's code returned or raised to plain JSON values.

Belongs here: the conversion, and errors without this machine's paths. Does not
belong here: calling anything. Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import uuid
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, cast

_MAX_ERROR_CHARS = 2000


class NotJson(TypeError):
    """A value that has no JSON form."""


def as_json(value: Any) -> bytes:
    """Write a returned value as JSON.

    Besides JSON's own kinds these have a form: tuples and sets (lists), mappings, dataclasses and models with
    ``model_dump`` (objects), dates and times (ISO 8601), enums (their value), decimals and UUIDs (text).

    Raises:
        NotJson: If it has none: other objects, NaN, bytes, a value that holds itself.
    """
    try:
        return json.dumps(value, default=_plain, allow_nan=False).encode()
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except (TypeError, ValueError) as fault:
        raise NotJson(str(fault)) from None


def error_text(raised: BaseException, hidden: Iterable[str]) -> str:
    """What an exception says, as a tool would report it.

    Args:
        raised: The exception.
        hidden: Folders of this machine; they are cut out, longest first.
    """
    if isinstance(raised, KeyError) and raised.args:
        text = f"KeyError: {raised}"
    else:
        text = str(raised).strip() or type(raised).__name__
    for folder in sorted({folder.rstrip("/") for folder in hidden}, key=len, reverse=True):
        if len(folder) > 1:
            text = text.replace(f"{folder}/", "").replace(folder, ".")
    return text.encode(errors="replace").decode()[:_MAX_ERROR_CHARS]


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, AbstractSet):
        items = list(cast("AbstractSet[Any]", value))
        # Their order is an accident of hashing; a tool that returns them should not look random for it.
        return sorted(items, key=lambda item: (type(item).__name__, str(item)))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    if isinstance(value, Mapping):
        return dict(cast("Mapping[Any, Any]", value))
    raise TypeError(f"a {type(value).__name__} has no JSON form")
