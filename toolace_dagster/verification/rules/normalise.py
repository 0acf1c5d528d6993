"""Bringing texts to a form in which they can be compared.

Belongs here: what several rules share. Does not belong here: the notations of
argument values (``toolace_dagster.grounding``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import JsonValue

from toolace_dagster import grounding

_WORD_BREAKS = re.compile(r"[\s_\-–—/.,;:'\"’“”()\[\]{}<>?!]+")


def normal(text: str) -> str:
    """Casefolded text with punctuation, dashes and underscores as single spaces."""
    return " ".join(_WORD_BREAKS.split(text.casefold())).strip()


def scalars(value: JsonValue) -> Iterator[str | int | float | bool]:
    """All scalars inside a JSON value, without nulls."""
    if isinstance(value, dict):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif value is not None:
        yield value


def looks_like_identifier(value: JsonValue) -> bool:
    """Whether a value is a text that a system hands out, such as ``GR-771``."""
    return isinstance(value, str) and grounding.looks_like_identifier(value)
