"""Whether a tool's answer says that the call failed.

A call may be wrong on purpose where the tool says so. That is worth believing only of
an answer that has the shape of an error: a word such as "error" or "must" stands in
many a good answer. A tool that nobody offered is believed missing only where an object
says that the call failed.

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
_ERROR_START = re.compile(
    r"[\s\W]*(?:"
    r"Traceback \(most recent call"
    r"|(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception)\b(?=\s*(?:[:(]|$))"
    r"|(?:[\w-]+ ){0,2}(?i:error|exception)s?(?=\s*(?:[:!(\[]|#?\d|code\b|occurred\b|$))(?!s?\s*:\s*(?:none|0)\b)"
    r"|(?i:error|exception)\s+(?:in|while|when|during|calling|executing|running|from)\b"
    r"|(?i:invalid|bad request|forbidden|unauthori[sz]ed|not found|no such|unable to|could not|couldn['’]t|cannot"
    r"|failed to|failure:|failed:|(?:access|permission) denied|(?:request |connection )?timed out|missing required"
    r"|unknown (?:tool|function|method|parameter|argument|field|value))\b"
    r"|(?i:https?[ /\d.]*|status(?:[ _]code)?|code)[\s:=]*[45]\d\d\b"
    r"|[45]\d\d(?=\s*(?:$|[:\-–—)\]]|(?i:error|bad request|unauthori[sz]ed|payment required|forbidden|not found"
    r"|method not|conflict|gone|unprocessable|too many|internal|bad gateway|service unavailable|gateway)\b))"
    r")"
)
"""How a plain text begins that says nothing but an error; further in, the same words stand in good answers."""
_WRAPS = ("content", "results", "result", "text")
_BESIDE = frozenset({*_WRAPS, "name", "tool", "type", "role", "tool_call_id"})
_WORDS = frozenset({"message", "detail", "details", "reason", "title", "hint", "code", "type"})
_LEAST_HTTP_ERROR = 400
_DEEPEST = 6


def says_error(text: str, *, by_words: bool = True) -> bool:
    """Whether an answer has the shape of an error.

    Args:
        text: The answer as it stands in the example.
        by_words: Whether plain words count too. They may be of a tool's world, such as a parcel that could not be
            delivered, so alone they are no proof that a tool is missing.

    Returns:
        True for an object that names an error, a failed status or ``ok: false``, and for plain words that begin with
        an error.
    """
    return _says_error(text, _DEEPEST, by_words)


def _says_error(value: Any, levels: int, by_words: bool) -> bool:
    if not levels:
        return False
    match value:
        case str():
            inner = lenient_json(value)
            if isinstance(inner, dict | list):
                return _says_error(inner, levels - 1, by_words)
            return by_words and bool(_ERROR_START.match(value))
        case list():
            items = cast("list[Any]", value)
            return bool(items) and all(_says_error(item, levels - 1, by_words) for item in items)
        case dict():
            return _object_says_error(cast("dict[str, Any]", value), levels, by_words)
        case _:
            return False


def _object_says_error(value: dict[str, Any], levels: int, by_words: bool) -> bool:
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
        return any(_says_error(value[key], levels - 1, by_words) for key in _WRAPS if key in value)
    if by_words and value.keys() <= _WORDS:
        return any(isinstance(held, str) and bool(_ERROR_START.match(held)) for held in value.values())
    return False
