"""Whether a tool's answer says that the call failed.

A call may be wrong on purpose where the tool says so. That is worth believing only of
an answer that has the shape of an error: a word such as "error" or "must" stands in
many a good answer.

Belongs here: this judgement. Does not belong here: what follows from it
(``checklist``).
"""

from __future__ import annotations

import re
from typing import Any, cast

from toolace_dagster.dataset.checking.values import lenient_json

_ERROR_KEY = re.compile(
    r"(is_?)?(error|exception|fault|failure)s?([_-]?(code|message|msg|type|text|details?|reason))?|err|traceback",
    re.IGNORECASE,
)
_ERROR_STATUS = re.compile(
    r"error|fail\w*|invalid\w*|(bad|unknown)[ _-]\w+|not[ _-](found|allowed|valid)|denied|unavailable|"
    r"timed?[ _-]?out",
    re.IGNORECASE,
)
_ERROR_TEXT = re.compile(
    r"\b(errors?|exception|traceback|fail(ed|s|ure)?|invalid|unknown|no such|does(n't| not) exist|missing|required|"
    r"not (found|valid|allowed|permitted|authori[sz]ed|available|supported|recogni[sz]ed)|unavailable|denied|refused|"
    r"forbidden|unauthori[sz]ed|timed? ?out|cannot|can't|could(n't| not)|unable to|must|out of range|bad request)\b",
    re.IGNORECASE,
)
_WRAPS = ("content", "results", "result", "text")
_BESIDE = frozenset({*_WRAPS, "name", "tool", "type", "role", "tool_call_id"})
_WORDS = frozenset({"message", "detail", "details", "reason", "title", "hint", "code", "type"})
_LEAST_HTTP_ERROR = 400
_DEEPEST = 6


def says_error(text: str) -> bool:
    """Whether an answer has the shape of an error.

    Args:
        text: The answer as it stands in the example.

    Returns:
        True for an object that names an error, a failed status or ``ok: false``, and for plain words that say so.
    """
    return _says_error(text, _DEEPEST)


def _says_error(value: Any, levels: int) -> bool:
    if not levels:
        return False
    match value:
        case str():
            inner = lenient_json(value)
            return _says_error(inner, levels - 1) if isinstance(inner, dict | list) else bool(_ERROR_TEXT.search(value))
        case list():
            items = cast("list[Any]", value)
            return bool(items) and all(_says_error(item, levels - 1) for item in items)
        case dict():
            return _object_says_error(cast("dict[str, Any]", value), levels)
        case _:
            return False


def _object_says_error(value: dict[str, Any], levels: int) -> bool:
    if any(_ERROR_KEY.fullmatch(key) and held for key, held in value.items()):
        return True
    if any(value.get(key) is False for key in ("ok", "success", "succeeded", "successful")):
        return True
    for key in ("status", "status_code", "code"):
        status = value.get(key)
        if isinstance(status, str) and _ERROR_STATUS.fullmatch(status.strip()):
            return True
        if isinstance(status, int) and status >= _LEAST_HTTP_ERROR:
            return True
    if value.keys() <= _BESIDE:
        return any(_says_error(value[key], levels - 1) for key in _WRAPS if key in value)
    if value.keys() <= _WORDS:
        return any(isinstance(held, str) and bool(_ERROR_TEXT.search(held)) for held in value.values())
    return False
