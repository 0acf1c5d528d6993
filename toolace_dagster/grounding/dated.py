"""Where a day or a time of day comes from: said outright, held by a result, counted from today or from another day.

Belongs here: these searches. Does not belong here: reading days and times
(``dates``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from toolace_dagster.grounding.context import Context, Heard
from toolace_dagster.grounding.dates import (
    Day,
    Moment,
    days_in,
    days_of_month_in,
    moment_of,
    months_later,
    relative_days,
    speaks_of_today,
    times_in,
)
from toolace_dagster.grounding.finding import Found, from_heard, from_place, undecided
from toolace_dagster.grounding.folding import Span
from toolace_dagster.grounding.quantities import quantities

_ENDS = (0, 1439)
_STEPS = {"day": 1, "night": 1, "tag": 1, "nacht": 1, "jour": 1, "nuit": 1, "dia": 1, "noche": 1, "week": 7, "woche": 7,
          "semaine": 7, "semana": 7, "fortnight": 14}  # fmt: skip


def source(moment: Moment, context: Context, today: date | None, sub_task: int) -> Found | None:
    """Find the source of a day, a time, or both.

    Args:
        moment: What the value means.
        context: What was said and returned so far.
        today: The day the dialogue happens on, when it is known.
        sub_task: The sub-task of the call: what was said there comes first.
    """
    day = _day(moment, context, today, sub_task) if moment.days else None
    if moment.minutes is None or (moment.days and day is None):
        return day
    time = _time(moment.minutes, context, sub_task)
    if not moment.days:
        return time
    assert day is not None
    if time is not None:
        return replace(day, reason=day.reason or "another notation")
    if moment.minutes in _ENDS:
        return replace(day, state="derived", reason="the beginning or end of a day that was named")
    return None


def left_open(moment: Moment, context: Context, today: date | None) -> Found:
    """What is to be said of a day or time without a source."""
    if moment.days and today is None:
        for heard in reversed(context.said):
            if span := speaks_of_today(heard.text.folded):
                return Found(
                    "undecided",
                    "user",
                    heard.turn_id,
                    heard.path,
                    span,
                    "it is named from today, and what day that is is not known",
                )
    if not moment.days:
        return undecided("a time of day, which may be meant in other words")
    if moment.minutes is not None and _day(moment, context, today, -1) is not None:
        return undecided("the day was named; its time may be meant in other words")
    return Found(
        "ungrounded", reason="a day that nobody named, that no earlier result holds and that follows from none in sight"
    )


def _day(moment: Moment, context: Context, today: date | None, sub_task: int) -> Found | None:
    heards = list(context.said_here_first(sub_task))
    for heard in heards:
        if span := _named(moment, heard):
            return from_heard(heard, span, "another notation")
    if found := _in_results(moment, context):
        return found
    for heard in reversed(context.agreed):
        if span := _named(moment, heard):
            return from_heard(heard, span, "the user agreed to it")
    exact = [day.exact for day in moment.days if day.exact]
    if today is not None:
        for heard in heards:
            for first, last, span in relative_days(heard.text.folded, today):
                if any(first <= day <= last for day in exact):
                    return from_heard(heard, span, f"counted from today, {today.isoformat()}", state="derived")
        if today in exact:
            return Found("derived", "today", reason="the day the dialogue happens on")
    return _counted(exact, context, heards, today)


def _named(moment: Moment, heard: Heard) -> Span | None:
    return next(
        (
            span
            for said, span in days_in(heard.text.folded)
            for day in moment.days
            if said.fits(day) and (said.day is not None or day.day is None)
        ),
        None,
    )


def _in_results(moment: Moment, context: Context) -> Found | None:
    for day in moment.days:
        exact = day.exact
        if exact is not None and (place := context.scalar(exact.isoformat())):
            return from_place(place, "another notation")
    for text in reversed(context.texts):
        held = moment_of(text)
        if held is not None and any(left.fits(right) for left in held.days for right in moment.days):
            place = context.scalar(text)
            return from_place(place, "the day of a moment in a result") if place else None
    for heard in reversed(context.heard):
        if span := _named(moment, heard):
            return from_heard(heard, span, "another notation")
    return None


def _counted(exact: list[date], context: Context, heards: list[Heard], today: date | None) -> Found | None:
    """A day that lies some days, weeks or months that were said away from a day in sight; or bare ``the 14th``."""
    known = list(_known_days(context, heards))
    for heard in heards:
        text = heard.text.folded
        steps = {
            int(q.value) * _STEPS[_unit(q.unit)] for q in quantities(text) if _unit(q.unit) in _STEPS and q.value < 500
        }
        months = {int(q.value) for q in quantities(text) if _unit(q.unit) in ("month", "monat") and q.value < 60}
        words = heard.text.word_set
        steps |= {1} if words & {"after", "before", "next", "following", "overnight", "night", "day"} else set()
        steps |= {6, 7} if words & {"week", "weekly", "woche", "semaine", "semana"} else set()
        months |= {1} if words & {"month", "monthly", "monat"} else set()
        for day, other in ((day, other) for day in exact for other in known):
            apart = abs((day - other).days)
            if apart and (
                apart in steps or apart + 1 in steps - {1} or any(months_later(other, m) == day for m in months)
            ):
                return from_heard(heard, None, f"counted from {other.isoformat()}", state="derived")
        for number, span in days_of_month_in(text):
            if any(day.day == number and _near_months(day, known, today) for day in exact):
                return from_heard(heard, span, "its day of the month, with the month of another day", state="derived")
    return None


def _near_months(day: date, known: list[date], today: date | None) -> bool:
    others = [*known, *([today] if today else [])]
    return not others or any(abs((day.year - other.year) * 12 + day.month - other.month) <= 1 for other in others)


def _known_days(context: Context, heards: list[Heard]) -> Iterator[date]:
    years = {day.exact.year for text in context.texts for day in getattr(moment_of(text), "days", ()) if day.exact}
    for heard in heards:
        for day, _ in days_in(heard.text.folded):
            if day.exact:
                yield day.exact
            elif day.month and day.day:
                yield from (found for year in sorted(years) if (found := Day(year, day.month, day.day).exact))
    for text in context.texts:
        held = moment_of(text)
        if held is not None:
            yield from (day.exact for day in held.days if day.exact)


def _unit(unit: str) -> str:
    return unit.removesuffix("s") if unit not in _STEPS else unit


def _time(minutes: int, context: Context, sub_task: int) -> Found | None:
    for heard in context.said_here_first(sub_task):
        for time, span in times_in(heard.text.folded):
            if time == minutes % 1440:
                return from_heard(heard, span, "another notation")
    for text in reversed(context.texts):
        held = moment_of(text)
        if held is not None and held.minutes == minutes:
            place = context.scalar(text)
            return from_place(place, "the time of a moment in a result") if place else None
    for heard in (*reversed(context.heard), *reversed(context.agreed)):
        for time, span in times_in(heard.text.folded):
            if time == minutes % 1440:
                return from_heard(heard, span)
    return None
