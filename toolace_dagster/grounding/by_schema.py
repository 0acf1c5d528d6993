"""What a parameter's schema gives: a default, a constant, a choice.

Belongs here: values that the schema names. Does not belong here: values that somebody said (``in_sight``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolace_dagster.grounding.asked import Asked
from toolace_dagster.grounding.codes import explained, is_offered_in_words
from toolace_dagster.grounding.context import Context
from toolace_dagster.grounding.finding import Found, from_heard, undecided
from toolace_dagster.grounding.folding import phrase_of
from toolace_dagster.grounding.identifiers import words_of
from toolace_dagster.grounding.wording import FILLERS, NEGATED, stem_span


def yes_or_no(asked: Asked, value: bool, context: Context) -> Found:
    """A switch: the default, or what the user's words say of it."""
    if "default" in asked.leaf.schema and asked.leaf.schema["default"] is value:
        return Found("grounded", "default", reason="the default")
    words = [word for word in words_of(asked.leaf.name) if word not in FILLERS and len(word) > 2]
    for heard in context.said_here_first(asked.turn.sub_task):
        if heard.sub_task != asked.turn.sub_task:
            break
        for word in words:
            span = heard.text.find(word) or stem_span(heard, word)
            if span is None:
                continue
            negated = bool(NEGATED.search(heard.text.folded[max(0, span[0] - 40) : span[0]]))
            if negated != value:
                return from_heard(heard, span, "by its wording")
    return undecided("whether it is wanted is a matter of words")


def by_schema(asked: Asked, context: Context) -> Found | None:
    """A default, the only value allowed, or a choice among those the schema offers."""
    value, schema = asked.value, asked.leaf.schema
    if "default" in schema and _same(schema["default"], value):
        return Found("grounded", "default", reason="the default")
    if "const" in schema and _same(schema["const"], value):
        return Found("grounded", "constant", reason="the schema allows nothing else")
    examples = schema.get("enum")
    offered = isinstance(examples, list) and any(_same(choice, value) for choice in examples)
    if offered and len(examples) == 1:  # pyright: ignore[reportArgumentType]
        return Found("grounded", "constant", reason="the schema allows nothing else")
    label = explained(value, schema)
    if label:
        for heard in context.said_here_first(asked.turn.sub_task):
            if span := heard.text.find_phrase(label):
                return from_heard(heard, span, f"the schema says that it stands for {label!r}", state="derived")
    if not offered and not (isinstance(value, str) and _is_listed(value, schema)):
        return None
    if isinstance(value, str):
        words = [word for word in phrase_of(value).split() if word not in FILLERS]
        for heard in context.said_here_first(asked.turn.sub_task):
            for word in words:
                if len(word) > 2 and (span := heard.text.find(word) or stem_span(heard, word)):
                    return from_heard(heard, span, "a choice by its wording", state="derived")
    return undecided("one of the choices of the schema; whether it is the right one is a matter of words", "choice")


def _same(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _is_listed(value: str, schema: Mapping[str, Any]) -> bool:
    description = schema.get("description")
    examples = schema.get("examples")
    if isinstance(examples, list) and value in examples:
        return False
    return isinstance(description, str) and is_offered_in_words(value, description)
