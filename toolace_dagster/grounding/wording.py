"""Words that say little, words that turn a meaning round, and words in another form.

Belongs here: judging single words of English. Does not belong here: notations of a value (``folding``).
"""

from __future__ import annotations

import re

from toolace_dagster.grounding.context import Heard
from toolace_dagster.grounding.folding import Span

FILLERS = frozenset(
    "a an and any at by for from has have in is it its my of on or our that the their to use user with your".split()
)
NEGATED = re.compile(
    r"\b(?:no|not|without|don't|do not|doesn't|never|skip|non|nicht|kein\w*|ohne|pas|sans|sin|off|disable|unless"
    r"|needn't)\b"
)


def _stem(word: str) -> str:
    for ending in ("ations", "ation", "ings", "ing", "ies", "ed", "es", "er", "ly", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def has_stem(word: str, words: frozenset[str]) -> bool:
    """Whether one of some words has the same stem as a word, and little more."""
    stem = _stem(word)
    return len(stem) >= 4 and any(other.startswith(stem) and len(other) <= len(word) + 4 for other in words)


def stem_span(heard: Heard, word: str) -> Span | None:
    """Where a word of the same stem stands in a text."""
    stem = _stem(word)
    if len(stem) < 4:
        return None
    found = re.search(rf"\b{re.escape(stem)}\w{{0,5}}\b", heard.text.folded)
    return found.span() if found else None
