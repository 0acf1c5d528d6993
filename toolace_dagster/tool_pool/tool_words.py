"""The words a tool is described with.

Belongs here: cutting names and texts into words. Does not belong here: what is
done with them (``clustering``, ``likenesses``).
"""

from __future__ import annotations

import re

from toolace_dagster.entities import Tool

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Cut text, or a name in any spelling, into lower-case words."""
    return _WORD.findall(_HUMP.sub(" ", text).lower())


def name_words(tool: Tool) -> list[str]:
    """Words of the tool's name."""
    return words_of(tool.name)


def text_words(tool: Tool) -> list[str]:
    """Words of the tool's description and of its parameters' names."""
    return [*words_of(tool.description), *(word for name in tool.properties for word in words_of(name))]
