"""Settings that say how a home is operated: what they refuse, and that Dagster takes what they let through."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dagster._core.definitions.utils import is_valid_owner
from dagster._utils.schedules import is_valid_cron_schedule, schedule_execution_time_iterator
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from toolace_dagster.configuration.names import setting_names
from toolace_dagster.settings import Settings
from toolace_dagster.settings.operation import OPERATION_SETTINGS, checked_cron

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    """One field: a star, a number, a range, with a step or without, or several."""
    number = st.integers(low, high)
    items: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        first, last = sorted((draw(number), draw(number)))
        step = draw(st.integers(1, 9))
        items.append(draw(st.sampled_from(["*", f"*/{step}", f"{first}", f"{first}-{last}", f"{first}-{last}/{step}"])))
    return ",".join(items)


@settings(max_examples=100, deadline=None)
@given(st.tuples(*(fields(low, high) for low, high in BOUNDS)).map(" ".join))
def test_dagster_finds_the_next_time_of_any_line_that_is_let_through(line: str) -> None:
    try:
        checked = checked_cron(line)
    except ValueError as error:
        assert "such a day" in str(error)  # noqa: PT017 - all else must be let through
        return
    assert is_valid_cron_schedule(checked)
    start = datetime(2026, 11, 21, tzinfo=UTC)
    assert next(schedule_execution_time_iterator(start.timestamp(), checked, "UTC", ascending=True)) >= start


@pytest.mark.parametrize("line", ["0 2 * * mon-fri", "*/5 * * jan,MAR *", "  0   4 * *  0 ", "0 0 29 2 *"])
def test_names_and_spaces_are_understood(line: str) -> None:
    assert is_valid_cron_schedule(Settings(nightly_cron=line).nightly_cron)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 2 * *", "five fields"),
        ("@daily", "five fields"),
        ("60 2 * * *", "'60' is no minute of a cron line: from 0 to 59"),
        ("0 24 * * *", "hour"),
        ("0 2 0 * *", "day of the month"),
        ("0 2 * 13 *", "month"),
        ("0 2 * * someday", "day of the week"),
        ("5-1 2 * * *", "upwards"),
        ("5/2 2 * * *", "step"),
        ("*/0 2 * * *", "minute"),
        ("0 0 31 2,4 *", "no month"),
    ],
)
def test_a_line_that_is_none_is_refused_with_the_field(line: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(weekly_cron=line)


@pytest.mark.parametrize("owner", ["team:data", "team:ml ops", "a.person+x@mail.example.org"])
def test_owners_are_as_dagster_takes_them(owner: str) -> None:
    assert Settings(owners=(owner,)).owners == (owner,)
    assert is_valid_owner(owner)


@pytest.mark.parametrize("owner", ["", "data", "team:", "team: ", "a@b", "a b@c.org", "<b>@x.org"])
def test_an_owner_that_is_none_is_refused(owner: str) -> None:
    with pytest.raises(ValidationError, match="team:data"):
        Settings(owners=(owner,))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="no time zone"):
        Settings(cron_timezone=zone)


def test_what_says_how_a_home_is_operated_are_settings() -> None:
    assert setting_names().keys() >= OPERATION_SETTINGS
