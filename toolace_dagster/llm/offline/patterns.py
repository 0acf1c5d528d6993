"""A text that matches a regular expression.

Belongs here: generation for the plain expressions that tool schemas use
(literals, classes, groups, alternatives, counts). Does not belong here: what
to do about an expression beyond that; the caller falls back.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from random import Random

_CLASSES = {
    "d": string.digits,
    "w": string.ascii_lowercase + string.digits,
    "s": " ",
    "D": string.ascii_uppercase,
    "W": "-",
    "S": string.ascii_lowercase,
}
_DOT = string.ascii_lowercase
_MAX_REPEAT = 6


class _Unsupported(Exception):
    """The expression uses something this generator does not know."""


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str] | None:
    """The compiled expression, or None when Python's dialect does not have it."""
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


def matches(pattern: str, text: str) -> bool:
    """Whether the expression is found in the text; an unreadable expression matches everything."""
    expression = compiled(pattern)
    return expression is None or expression.search(text) is not None


def generate(pattern: str, rng: Random) -> str | None:
    """Make a text that matches.

    Args:
        pattern: Regular expression as in JSON Schema.
        rng: Source of choices.

    Returns:
        The text, or None when the expression is beyond this generator.
    """
    for _ in range(4):
        try:
            text, end = _alternatives(pattern, 0, rng)
        except (_Unsupported, IndexError, ValueError):
            return None
        if end != len(pattern):
            return None
        if matches(pattern, text):
            return text
    return None


def _alternatives(source: str, at: int, rng: Random) -> tuple[str, int]:
    branches: list[str] = []
    while True:
        text, at = _sequence(source, at, rng)
        branches.append(text)
        if at < len(source) and source[at] == "|":
            at += 1
            continue
        return rng.choice(branches), at


def _sequence(source: str, at: int, rng: Random) -> tuple[str, int]:
    parts: list[str] = []
    while at < len(source) and source[at] not in "|)":
        start = at
        atom, after = _atom(source, at, rng)
        low, high, at = _count(source, after)
        if low == high == 1:
            parts.append(atom)
            continue
        parts.extend(_atom(source, start, rng)[0] for _ in range(rng.randint(low, high)))
    return "".join(parts), at


def _atom(source: str, at: int, rng: Random) -> tuple[str, int]:
    char = source[at]
    if char in "^$":
        return "", at + 1
    if char == ".":
        return rng.choice(_DOT), at + 1
    if char == "(":
        return _group(source, at, rng)
    if char == "[":
        members, after = _members(source, at + 1)
        return rng.choice(members), after
    if char == "\\":
        return _escape(source, at, rng)
    if char in "*+?{":
        raise _Unsupported
    return char, at + 1


def _group(source: str, at: int, rng: Random) -> tuple[str, int]:
    inside = at + 1
    if source.startswith("?:", inside):
        inside += 2
    elif source.startswith("?P<", inside):
        inside = source.index(">", inside) + 1
    elif source.startswith("?", inside):
        raise _Unsupported
    text, end = _alternatives(source, inside, rng)
    if source[end] != ")":
        raise _Unsupported
    return text, end + 1


def _escape(source: str, at: int, rng: Random) -> tuple[str, int]:
    char = source[at + 1]
    if char in "bBAZz":
        return "", at + 2
    if char in _CLASSES:
        return rng.choice(_CLASSES[char]), at + 2
    if char.isalnum():
        raise _Unsupported
    return char, at + 2


def _members(source: str, at: int) -> tuple[str, int]:
    negated = source[at] == "^"
    at += negated
    found: list[str] = []
    first = True
    while source[at] != "]" or first:
        first = False
        if source[at] == "\\":
            found.append(_CLASSES.get(source[at + 1], source[at + 1]))
            at += 2
        elif source[at + 1] == "-" and source[at + 2] != "]":
            found.append("".join(chr(code) for code in range(ord(source[at]), min(ord(source[at + 2]), 0x2FF) + 1)))
            at += 3
        else:
            found.append(source[at])
            at += 1
    members = "".join(found)
    if negated:
        members = "".join(char for char in string.ascii_lowercase + string.digits + "-_ " if char not in members)
    if not members:
        raise _Unsupported
    return members, at + 1


def _count(source: str, at: int) -> tuple[int, int, int]:
    char = source[at] if at < len(source) else ""
    if char == "?":
        low, high, at = 0, 1, at + 1
    elif char == "*":
        low, high, at = 0, 3, at + 1
    elif char == "+":
        low, high, at = 1, 4, at + 1
    elif char == "{":
        end = source.index("}", at)
        first, comma, last = source[at + 1 : end].partition(",")
        low = int(first or 0)
        high = low if not comma else int(last) if last else low + 3
        low, high, at = low, max(low, min(high, low + _MAX_REPEAT)), end + 1
    else:
        return 1, 1, at
    if at < len(source) and source[at] in "?+":
        at += 1
    return low, high, at
