"""The pace out of a limit per minute."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.llm.limits.bucket import Bucket


def started(bucket: Bucket, amounts: list[float], delays: list[float]) -> list[float]:
    """When calls start that each come a while after the last one could."""
    now, times = 1000.0, []
    for amount, delay in zip(amounts, delays, strict=True):
        now += delay
        while (wait := bucket.wait(now)) > 0:
            now += max(wait, 1e-6)
        bucket.take(amount)
        times.append(now)
    return times


@settings(max_examples=60)
@given(st.integers(1, 100), st.lists(st.floats(0, 3), min_size=50, max_size=150))
def test_no_minute_has_more_than_the_limit(limit: int, delays: list[float]) -> None:
    bucket = Bucket()
    bucket.set_limit(limit, 0.0)
    times = started(bucket, [1.0] * len(delays), delays)
    assert all(later - first >= 60 for first, later in zip(times, times[limit:], strict=False))


def test_starts_are_spread() -> None:
    bucket = Bucket()
    bucket.set_limit(600, 0.0)
    times = started(bucket, [1.0] * 600, [0.0] * 600)
    assert times[-1] - times[0] == pytest.approx(60, rel=0.02)
    assert all(times[index + 10] - times[index] > 0.7 for index in range(590)), "in no second many more than ten"


def test_a_call_larger_than_the_limit_starts_and_is_paid_for_after() -> None:
    bucket = Bucket()
    bucket.set_limit(1000, 0.0)
    times = started(bucket, [3000.0, 10.0], [0.0, 0.0])
    assert times[0] == 1000.0
    assert times[1] - times[0] == pytest.approx(180, rel=0.02)


def test_what_was_not_used_lets_the_next_start_sooner() -> None:
    spaced = {}
    for used in (1000.0, 100.0):
        bucket = Bucket()
        bucket.set_limit(6000, 0.0)
        bucket.wait(1000.0)
        bucket.take(1000.0)
        bucket.give_back(1000.0 - used)
        spaced[used] = bucket.wait(1000.0)
    assert spaced[1000.0] > 9
    assert spaced[100.0] < 1


def test_debts_stay_when_the_limit_changes() -> None:
    bucket = Bucket()
    bucket.set_limit(600, 0.0)
    bucket.wait(0.0)
    bucket.take(100)
    before = bucket.wait(0.0)
    bucket.set_limit(300, 0.0)
    assert bucket.wait(0.0) == pytest.approx(2 * before, rel=0.05)


def test_an_idle_minute_saves_nothing_up() -> None:
    bucket = Bucket()
    bucket.set_limit(60, 0.0)
    times = started(bucket, [1.0] * 6, [0.0, 0.0, 300.0, 0.0, 0.0, 0.0])
    assert min(later - first for first, later in itertools.pairwise(times)) > 0.7
