"""Whether a tool's answer says that the call failed, told by its content alone.

A file of anybody has no other sign of it, and a call may be wrong on purpose where the
tool says so. That is worth believing only of an answer that has the shape of an error:
words such as "error", "invalid" or "must" stand in many a good answer. So refinement and
verification ask the same of what is marked as an error here.

Belongs here: this judgement. Does not belong here: what follows from it
(``dataset.checking``, ``refinement``, ``verification``).
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

_ERROR_KEY = re.compile(
    r"(is_?)?(error|exception|fault|failure)s?([_-]?(code|message|msg|type|text|details?|reason))?|err|traceback",
    re.IGNORECASE,
)
_NOTHING = frozenset(
    {"", "0", "-", "none", "no", "null", "nil", "n/a", "false", "ok", "success", "no error", "no errors"}
)
"""What stands under a key for errors where there is none."""
_ERROR_STATUS = re.compile(
    r"errors?|fail(s|ed|ure|ing)?|invalid([ _-](argument|parameter|request|input|value|field)s?)?|"
    r"bad[ _-]request|unknown[ _-](tool|function|method|argument|parameter|field)|"
    r"not[ _-](found|allowed|valid)|denied|unavailable|timed?[ _-]?out",
    re.IGNORECASE,
)
_LOOKED_FOR = (
    r"tool|function|method|parameter|param|argument|field|property|key|value|type|format|option|input|unit|command"
)
_STATUS = (
    r"error\b(?!-)|bad request\b|unauthori[sz]ed\b|payment required\b|forbidden\b(?! \w)|not found\b(?! \w)"
    r"|method not allowed\b|not acceptable\b|request timeout\b|conflict\b(?! \w)|gone\b(?! \w)|unsupported media\b"
    r"|unprocessable (?:entity|content)\b|too many requests\b|(?:internal )?server error\b|client error\b"
    r"|bad gateway\b|service unavailable\b|gateway time-?out\b"
)
_FAILS_TO = (
    "find|locate|look up|parse|read|decode|convert|cast|interpret|understand|recogni[sz]e|identify|match|validate"
    "|verify|process|complete|perform|execute|run|call|invoke|handle|connect|reach|access|open|load|fetch|retrieve|get|query"
    "|resolve|determine|compute|calculate|create|add|insert|update|modify|change|set|save|write|store|delete|remove"
    "|cancel|book|reserve|schedule|order|place|register|submit|send|apply|accept|assign|authenticate|authori[sz]e"
)
_NO_ERRORS = r"(?!s?\s*:?\s*(?:none|no|0|nil|null|n/a)(?:\s*(?:$|[.,;!])| found\b| of \d))"
_STARTS = (
    r"Traceback \(most recent call",
    r"(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception)\b(?=\s*(?:[:(]|$))",
    r"(?i:(?:(?:an?|the|api|http|internal|server|client|service|system|tool|function|request|network|database|runtime"
    r"|validation|value|type|key|syntax|parse|parsing|input|argument|parameter|authentication|unexpected|unknown|fatal"
    r"|critical|mcp) ){0,3}(?:error|exception)s?(?=\s*(?:[:!(\[]|[-–—] |[#-]?\d|code\b|occurred\b|$))"
    + _NO_ERRORS
    + ")",
    r"(?i:(?:error|exception) (?:while|when|during|calling|executing|running|from"
    rf"|in (?:the )?(?:{_LOOKED_FOR}|request|call|query)s?)\b)",
    rf"(?i:(?:invalid|unknown|unexpected|unsupported|unrecogni[sz]ed|malformed|duplicate|missing)"
    rf" (?:required |keyword |query |such )?(?:{_LOOKED_FOR})s?"
    r"(?=\s*(?:$|['\"`.:;,!(=]|\w+\s*(?:$|[.:,!])|for\b|in\b)))",
    r"(?i:invalid)(?=\s*(?:$|[:(!])|\s+['\"`\d])",
    # Two or three words of a common noun: a name of its own, as of a firm, has capitals.
    r"(?i:invalid)(?: (?!was\b|were\b|is\b|are\b|has\b|have\b)(?:[a-z][\w-]*|[A-Z]{2,5}\b)){1,3}"
    r"(?=\s*(?:$|['\"`.:;,!(=]))",
    r"(?i:missing)(?: required)? ['\"`]?[a-z_]\w*['\"`]?\s*[.!]?$",
    r"(?i:unknown) [a-z_]\w*(?=\s*(?::|['\"`]))",
    r"(?i:no such (?!luck|thing)[\w-]+(?: or [\w-]+)?(?=\s*(?:$|['\"`.:;,!(]|(?:exists?|for|with|in|as)\b)))",
    r"(?i:bad request|(?:access|permission|authori[sz]ation) (?:is |was )?denied)\b(?! \w)",
    r"(?i:forbidden|unauthori[sz]ed)(?=\s*(?:$|[:.!(]|(?:access|request|operation)\b))",
    r"(?i:(?:(?!errors?\b|issues?\b|problems?\b|faults?\b|conflicts?\b)[\w'\"-]+ ){0,4}(?:is |was )?not found"
    r"(?=\s*(?:$|[:.!(])))",
    r"(?i:(?:cannot|can['’]t|can not|could not|couldn['’]t|unable to|failed to|failure to)"
    rf" (?:be |(?:{_FAILS_TO})(?:ed|d)?\b))",
    r"(?i:(?:the |http |api |tool |function |server )*(?:request|call|operation|query|search|lookup|validation"
    r"|connection|execution|command|authentication|login|booking|payment|transaction|upload|download)? ?(?:has )?"
    r"(?:failed|failure)(?=\s*(?:$|[:.!(]|(?:with|because|due|after)\b))" + _NO_ERRORS + ")",
    r"(?i:(?:the )?(?:request |connection |operation |service |server |call |query )?(?:has )?timed out)"
    r"(?=\s*(?:$|[.:;,!(]|(?:after|while|before|at|for|waiting)\b))",
    rf"(?i:(?!error)(?:{_STATUS}))\s*(?:[.!]?\s*$|: )",
    r"(?i:rate limit exceeded|something went wrong|operation not permitted|insufficient permissions?"
    r"|\d+ validation errors? for)\b",
    r"(?i:http(?:s|/[\d.]+)?(?: status)?(?: code| error)?|status(?: code)?)[ :=]+[45]\d\d(?=\s*(?:$|[:.,;)]|[-–—] ))",
    r"(?i:(?:http(?:s|/[\d.]+)?(?: status)?(?: code| error)?|status(?: code)?|code)?[ :=(]*"
    rf"[45]\d\d\)?[:,]?\s+(?:[-–—] )?(?:{_STATUS}))",
)
"""How a plain text begins that says nothing but an error: further in, or with another word behind, the same words stand
in good answers."""
_OF_A_VALUE = (
    r"(?:an? |the )?(?:valid|non-?\w+|positive|negative|whole|finite|unique|empty|blank|null|zero|true|false|numeric"
    r"|integer|number|string|text|bool\w*|list|array|object|dict\w*|date|time|datetime|e-?mail|url|uuid|iso)s?\b"
    r"|one of\b|either\b|any of\b|in (?:the )?(?:future|past|range|format|form|iso)\b|of (?:type|the form|length)\b"
    r"|at (?:least|most)\b|between\b|(?:on or )?(?:before|after)\b|(?:later|earlier|greater|less|larger|smaller|more"
    r"|fewer|longer|shorter|higher|lower) than\b|equal to\b|within\b|written\b|given (?:as|in)\b|formatted\b"
    r"|specified\b|divisible\b|a? ?multiple of\b|[\d'\"`\[]"
)
_COMPLAINTS = (
    r"(?:[\w'\"`\[\]-]+(?:\.[\w\[\]-]+)*:? ){1,5}?(?:must|should|needs? to|ha(?:s|ve) to) (?:not )?be "
    rf"(?:{_OF_A_VALUE})",
    r"[^.!?\n]{1,80}? (?:is|are|was|were)(?: not|n['’]t) (?:an? |the )?"
    r"(?:valid|supported|recogni[sz]ed|number|integer|whole|boolean|string|in the (?:form|format|range))(?: [\w-]+)?"
    r"(?=\s*(?:$|[.:;,!(]|for ['\"`\w]))",
    r"[^.!?\n]{1,80}? (?:is|are|was|were)(?: not|n['’]t) (?:one of\b|found\s*[.!]?$)",
    r"[^.!?\n]{1,80}? (?:does not|doesn['’]t|do not|don['’]t) exist\s*[.!]?$",
    r"[^.!?\n]{1,80}? (?:is|are) (?:invalid|malformed|out of (?:range|bounds))(?=\s*(?:$|[.:;,!(]))",
    rf"(?:{_LOOKED_FOR})s?(?: ['\"`]?[\w.\[\]-]+['\"`]?)? (?:(?:is|are) )?(?:required|missing)\s*[.!]?$",
    r"['\"`]?[\w.\[\]-]+['\"`]? is (?:missing|(?:a )?required(?: (?:field|parameter|argument|property|value))?)"
    r"\s*[.!]?$",
    r"expected [^.;]{1,60}?(?:,| but)(?: but)? (?:got|received|found) ",
    r"extra inputs are not permitted",
)
"""What a text says that finds fault with a value, in its first sentence."""
_ERROR_WORDS = re.compile(rf"[\s\W]{{0,20}}(?:(?:{'|'.join(_STARTS)})|(?i:{'|'.join(_COMPLAINTS)}))")

_WRAPS = ("content", "results", "result", "text")
_BESIDE = frozenset({*_WRAPS, "name", "tool", "type", "role", "tool_call_id"})
_SAYS = ("message", "msg", "detail", "details", "reason")
_WORDS = frozenset(
    {*_SAYS, "title", "hint", "code", "type", "field", "param", "parameter", "loc", "input", "path", "request_id"}
)
"""Keys of an object that holds nothing but words about what happened."""
_HTTP_ERRORS = range(400, 600)
_DEEPEST = 6


def says_error(content: Any, *, by_words: bool = True) -> bool:
    """Whether an answer has the shape of an error.

    Args:
        content: The answer: a text, which may be JSON, or a JSON value.
        by_words: Whether plain words count too. They may be of a tool's world, such as a parcel that could not be
            delivered, so alone they are no proof that a tool is missing.

    Returns:
        True for an object that names an error, a failed status or ``ok: false``, for FastAPI's list of what is wrong,
        and for words that begin as errors do or find fault with a value, plain or in an object of nothing else.
    """
    return _says_error(content, _DEEPEST, by_words)


def _says_error(value: Any, levels: int, by_words: bool) -> bool:
    if not levels:
        return False
    match value:
        case str():
            inner = _compound(value)
            if inner is not None:
                return _says_error(inner, levels - 1, by_words)
            return by_words and bool(_ERROR_WORDS.match(value))
        case list():
            items = cast("list[Any]", value)
            return bool(items) and all(_says_error(item, levels - 1, by_words) for item in items)
        case dict():
            return _object_says_error(cast("dict[str, Any]", value), levels, by_words)
        case _:
            return False


def _object_says_error(value: dict[str, Any], levels: int, by_words: bool) -> bool:
    if any(_ERROR_KEY.fullmatch(key) and _is_something(key, held) for key, held in value.items()):
        return True
    if any(value.get(key) is False for key in ("ok", "success", "succeeded", "successful")):
        return True
    said = (value.get("status"), value.get("code"))
    if any(isinstance(each, str) and _ERROR_STATUS.fullmatch(each.strip()) for each in said):
        return True
    # Elsewhere a code is one of products or places.
    numbers = ("status", "status_code", *(("code",) if value.keys() <= _WORDS else ()))
    if any(isinstance(value.get(key), int) and value[key] in _HTTP_ERRORS for key in numbers):
        return True
    if any(_is_list_of_faults(held) for held in (value.get("detail"), value.get("details"))):
        return True
    if value.keys() <= _BESIDE:
        return any(_says_error(value[key], levels - 1, by_words) for key in _WRAPS if key in value)
    if by_words and value.keys() <= _WORDS:
        return any(isinstance(value.get(key), str) and bool(_ERROR_WORDS.match(value[key])) for key in _SAYS)
    return False


def _is_something(key: str, held: Any) -> bool:
    """Whether what stands under a key for errors is one; numbers may be those of an estimate, or count."""
    match held:
        case str():
            return held.strip().rstrip(".").casefold() not in _NOTHING
        case bool():
            return held
        case float():
            return False
        case int():
            return held != 0 and not key.casefold().endswith("s")
        case list():
            # Faults of a car, or exceptions to a rule, are what a tool may be asked for.
            return bool(held) and "err" in key.casefold()  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return bool(held)


def _is_list_of_faults(held: Any) -> bool:
    """FastAPI's answer to arguments that are not valid: where each fault is, and what."""
    items = cast("list[Any]", held) if isinstance(held, list) else []
    return bool(items) and all(isinstance(item, dict) and {"loc", "msg"} <= item.keys() for item in items)  # pyright: ignore[reportUnknownMemberType]


def _compound(text: str) -> Any:
    """The object or list that a text is; None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
