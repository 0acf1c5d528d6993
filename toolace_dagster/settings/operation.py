"""Values of settings that say how a home is operated: when schedules start, and who looks after its assets.

Such settings change nothing of what is made. Belongs here: what values they may have. Does not belong here: the
schedules and assets they are for (``orchestration``).
"""

from __future__ import annotations

import calendar
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

OPERATION_SETTINGS = frozenset({"explorer_url", "nightly_cron", "weekly_cron", "cron_timezone", "owners", "executor"})
"""Settings that change nothing of what is made."""

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_NAMES = {
    "month": {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name},
    "day of the week": {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))},
}
_ITEM = re.compile(r"(?:\*|(?P<low>[0-9a-z]{1,3})(?:-(?P<high>[0-9a-z]{1,3}))?)(?:/(?P<step>[1-9][0-9]?))?", re.ASCII)
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", re.ASCII)
_TEAM = re.compile(r"team:[A-Za-z0-9._ -]*[A-Za-z0-9][A-Za-z0-9._ -]*", re.ASCII)


def checked_cron(text: str) -> str:
    """A cron line of five fields, with one space between them.

    Args:
        text: Minute, hour, day of the month, month, day of the week. Each is ``*``, numbers or names, ranges such as
            ``1-5``, steps such as ``*/15``, or several of these with commas.

    Raises:
        ValueError: If it is none, or names a day that no month of it has.
    """
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"a cron line has five fields, minute hour day month weekday, such as '0 2 * * *', not {text!r}"
        )
    minutes, hours, days, months, weekdays = (
        _numbers(part, name, low, high) for part, (name, low, high) in zip(parts, _FIELDS, strict=True)
    )
    assert minutes
    assert hours
    assert weekdays
    if parts[4] == "*" and all(min(days) > _LONGEST_MONTHS.get(month, 31) for month in months):
        raise ValueError(f"no month of {text!r} has such a day")
    return " ".join(parts)


def _numbers(text: str, name: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r} is no {name} of a cron line")
        first, last, step = match["low"], match["high"], match["step"]
        if first is None:
            begin, end = low, high
        else:
            begin = _number(first, name, low, high)
            end = begin if last is None else _number(last, name, low, high)
            if end < begin or (step and last is None):
                raise ValueError(f"{item!r} is no {name} of a cron line; a range goes upwards, and a step needs one")
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str, name: str, low: int, high: int) -> int:
    number = _NAMES.get(name, {}).get(text, int(text) if text.isdigit() else -1)
    if not low <= number <= high:
        raise ValueError(f"{text!r} is no {name} of a cron line: from {low} to {high}")
    return number


def checked_timezone(name: str) -> str:
    """A time zone that this machine knows.

    Raises:
        ValueError: If it knows none of that name.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is no time zone this machine knows; one is such as 'Europe/Berlin' or 'UTC'"
        ) from None
    return name


def checked_owners(owners: tuple[str, ...]) -> tuple[str, ...]:
    """Owners as Dagster takes them.

    Raises:
        ValueError: If one is neither an e-mail address nor a team.
    """
    for owner in owners:
        if not (_EMAIL.fullmatch(owner) or _TEAM.fullmatch(owner)):
            raise ValueError(f"{owner!r} is neither an e-mail address nor a team, such as 'team:data'")
    return owners
