"""Fields of one result that have to agree with each other.

Belongs here: counts, sums, extremes, shares, orders. Does not belong here:
making the fields (``simulation``).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from toolace_dagster.llm.offline.naming import first_word, parts
from toolace_dagster.llm.offline.schema import Schema, fits, properties
from toolace_dagster.llm.offline.shapes import as_list, objects_in

_LEAST = frozenset("driest best lowest cheapest min minimum earliest smallest".split())
_MOST = frozenset("highest max maximum wettest top largest".split())
_COUNTS = ("total", "count", "found", "matches", "number")


def agree(made: dict[str, Any], view: Schema, root: Schema, fixed: frozenset[str]) -> None:
    """Bring fields of one object into agreement: sums, extremes, shares, orders."""
    _order(made)
    known = properties(view)
    used = next((v for n, v in made.items() if parts(n)[:1] == ("used",) and isinstance(v, float)), None)
    whole = next(
        (v for n, v in made.items() if set(parts(n)) & {"allowance", "quota", "capacity"} and isinstance(v, float)),
        None,
    )
    share = next((n for n in made if parts(n) == ("remaining", "percent")), None)
    if share is not None and used is not None and whole and used <= whole and "remaining_percent" not in fixed:
        made[share] = round(100 * (1 - used / whole), 1)
    for name, value in made.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and name not in fixed:
            total = _over_rows(name, made)
            if total is not None and fits(total, known[name], root):
                made[name] = total
    lists = [as_list(value) for value in made.values() if isinstance(value, list)]
    if len(lists) != 1:
        return
    for name, value in made.items():
        about = list(parts(name)) or [""]
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and {about[0], about[-1]} & set(_COUNTS)
            and len(about) < 3
        ):
            if about[0] in ("overdue", "unread", "waiting"):
                made[name] = min(value, len(lists[0]))
            elif fits(len(lists[0]), properties(view)[name], root):
                made[name] = len(lists[0])


def _over_rows(name: str, made: dict[str, Any]) -> int | float | None:
    """The least, largest or sum of a column, for a field such as ``best_yearly_cost`` or ``total_area_ha``."""
    head, *rest = parts(name) or ("",)
    fold = min if head in _LEAST else max if head in _MOST else sum if head == "total" else None
    if fold is None or not rest:
        return None
    for rows in made.values():
        listed = objects_in(rows)
        for key in listed[0] if listed else ():
            column: list[Any] = [row.get(key) for row in listed]
            if list(parts(key)) == rest and all(
                isinstance(v, (int, float)) and not isinstance(v, bool) for v in column
            ):
                return round(fold(column), 2)
    return None


def _order(made: dict[str, Any]) -> None:
    """Put pairs such as opening and closing time, or low and high price, in order."""
    moment = made.get("datetime")
    if isinstance(moment, str) and isinstance(made.get("day_of_week"), str):
        made["day_of_week"] = day_or(moment, dt.date.min).strftime("%A")
    times = [n for n in ("opens_at", "closes_at") if isinstance(made.get(n), str)]
    if len(times) == 2 and made["opens_at"] > made["closes_at"]:
        made["opens_at"], made["closes_at"] = made["closes_at"], made["opens_at"]
    for low in [n for n in made if parts(n)[:1] == ("low",)]:
        about = parts(low)[1:]
        trio = [
            low,
            *(n for n in made if parts(n)[1:] == about and first_word(n) not in ("low", "high")),
            *(n for n in made if parts(n) == ("high", *about)),
        ]
        if all(isinstance(made[n], (int, float)) for n in trio):
            made |= dict(zip(trio, sorted(made[n] for n in trio), strict=True))


def day_or(text: str, fallback: dt.date) -> dt.date:
    """The day a text begins with, or another."""
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return fallback
