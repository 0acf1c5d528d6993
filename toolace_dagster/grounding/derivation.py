"""Numbers that follow from others by arithmetic: other units, rounding, sums, differences, products, counts.

Any number can be reached from enough others, so only steps that people take are tried: with numbers the user
said on one side at least, or over one field of one result.

Belongs here: these steps. Does not belong here: numbers that stand in sight as they are (``tracing``).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, product
from math import isclose

from toolace_dagster.grounding.context import Context, Place
from toolace_dagster.grounding.finding import Found, from_heard, from_place
from toolace_dagster.grounding.units import other_units

_MOST = 200
"""Numbers of results that are looked at, the latest."""
_MOST_SAID = 24


def number(value: float, context: Context) -> Found | None:
    """How a number follows from those in sight.

    Args:
        value: The number.
        context: What was said and returned so far.

    Returns:
        The source of its first part with the step taken, or None.
    """
    return _converted(value, context) or _from_results(value, context) or _with_said(value, context)


def _converted(value: float, context: Context) -> Found | None:
    for quantity, heard in context.quantities_said():
        if any(_is_near(value, other) for other in other_units(quantity.value, quantity.unit)):
            return from_heard(heard, quantity.span, "in another unit", state="derived")
        if quantity.value != value and _is_rounding(value, quantity.value):
            return from_heard(heard, quantity.span, "rounded", state="derived")
    return None


def _from_results(value: float, context: Context) -> Found | None:
    latest = context.numbers[-_MOST:]
    for found, place in reversed(latest):
        if _is_rounding(value, found):
            return from_place(place, "rounded", state="derived")
        if value and found in (value * 100, value / 100):
            return from_place(place, "as a percentage, or in cents", state="derived")
    for items, place in reversed(context.lists[-50:]):
        if len(items) == value and value > 1:
            return from_place(place, "the number of things in a list", state="derived")
    fields: dict[tuple[int, int, str], list[tuple[float, Place]]] = defaultdict(list)
    for found, place in latest:
        fields[id(place.turn), place.output, place.name].append((found, place))
    for group in reversed(fields.values()):
        if len(group) < 2:
            continue
        numbers = [found for found, _ in group]
        total = sum(numbers)
        if _is_near(value, total) or _is_near(value, total / len(numbers)):
            return from_place(group[0][1], "the sum or mean of a field", state="derived")
        if len(numbers) <= 12 and any(
            _is_near(value, left + right) or _is_near(value, abs(left - right))
            for left, right in combinations(numbers, 2)
        ):
            return from_place(group[0][1], "the sum or difference of two values of a field", state="derived")
    return None


def _with_said(value: float, context: Context) -> Found | None:
    said = [(quantity.value, quantity, heard) for quantity, heard in context.quantities_said()][:_MOST_SAID]
    for (left, quantity, heard), (right, _, _) in combinations(said, 2):
        if left and right and _follows(value, left, right):
            return from_heard(heard, quantity.span, f"from {left:g} and {right:g}", state="derived")
    for (left, quantity, heard), (right, _) in product(said, context.numbers[-_MOST:]):
        if left and right and _follows(value, left, right):
            return from_heard(heard, quantity.span, f"from {left:g} and {right:g}", state="derived")
    return None


def _follows(value: float, left: float, right: float) -> bool:
    if value in (left, right):
        return False
    if _is_near(value, left + right) or _is_near(value, abs(left - right)) or _is_near(value, left * right):
        return True
    if _is_near(value, left * right / 100) or _is_near(value, right / left) or _is_near(value, left / right):
        return True
    return _is_near(value, right * (1 + left / 100)) or _is_near(value, right * (1 - left / 100))


def _is_near(value: float, other: float) -> bool:
    """Whether a number is another, or that one rounded as people round."""
    if isclose(value, other, rel_tol=1e-9, abs_tol=1e-12):
        return True
    return abs(value - other) < 0.01 * max(1.0, abs(other) * 0.01) and _is_rounding(value, other)


def _is_rounding(value: float, other: float) -> bool:
    """Whether a number is another with fewer digits after the point, or with zeros for its last digits."""
    if value == other:
        return True
    if abs(other) < 1 and value == 0:
        return False
    return any(value == round(other, digits) for digits in (0, 1, 2, 3) if other % 1) or (
        abs(other) >= 100
        and any(value == round(other, -digits) for digits in (1, 2, 3) if abs(other) >= 10 ** (digits + 1))
    )
