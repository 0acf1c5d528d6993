"""Carrying real values into calls that were written against invented ones.

A sub-trajectory is generated as a whole, calls and outputs together. Where its tools
are run for real, a later call that takes an identifier from an invented output
would fail. The value at the same place of the real output takes its place, so a
whole chain of calls can be run without asking a model between them.

Belongs here: pairing invented with real values, and replacing them in arguments.
Does not belong here: running tools, or rewriting words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from toolace_dagster.entities.base import JsonObject

Replacements = dict[str | int | float, JsonValue]
_MIN_CHARS = 3


def replaced_values(invented: JsonValue, real: JsonValue, said: str) -> Replacements:
    """Pair the values of an invented output with those of the real one, place by place.

    Args:
        invented: What the model wrote.
        real: What the tool answered.
        said: Everything the user said so far; values from there stay what they are.

    Returns:
        Real values by invented ones, for those that differ and are specific enough to be known again.
    """
    found: Replacements = {}
    for old, new in _pairs(invented, real):
        if isinstance(old, bool) or isinstance(new, (bool, dict, list)) or new is None or old == new:
            continue
        if is_specific(old) and str(old) not in said:
            found.setdefault(old, new)
    return found


def rebound(arguments: JsonObject, replacements: Mapping[str | int | float, JsonValue]) -> JsonObject:
    """Arguments with replaced values, wherever they stand."""
    return {name: _rebound(value, replacements) for name, value in arguments.items()}


def _rebound(value: JsonValue, replacements: Mapping[str | int | float, JsonValue]) -> JsonValue:
    if isinstance(value, dict):
        return rebound(value, replacements)
    if isinstance(value, list):
        return [_rebound(item, replacements) for item in value]
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return replacements.get(value, value)
    return value


def _pairs(invented: JsonValue, real: JsonValue) -> Iterator[tuple[str | int | float, JsonValue]]:
    if isinstance(invented, dict) and isinstance(real, dict):
        for name in invented.keys() & real.keys():
            yield from _pairs(invented[name], real[name])
    elif isinstance(invented, list) and isinstance(real, list) and real:
        for place, item in enumerate(invented):
            # The real list may be shorter; its last item is the best there is.
            yield from _pairs(item, real[min(place, len(real) - 1)])
    elif isinstance(invented, (str, int, float)):
        yield invented, real


def is_specific(value: str | int | float) -> bool:
    """Whether a value would hardly mean something else where it stands again."""
    if isinstance(value, str):
        return len(value) >= _MIN_CHARS and (any(char.isdigit() for char in value) or " " in value)
    return abs(value) >= 1000
