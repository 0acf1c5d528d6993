"""Endpoints that refuse, each by rules of its own, in virtual time: how close to the best possible callers get.

The best possible is reckoned from the rules alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.llm.limits.virtual import Capped, Clock, Server, Sometimes, Tally, TokenBucket, Window, all_rows
from tests.llm.limits.virtual import call_until_answered as row
from toolace_dagster.llm.limits import Limiter, Limits


def simulate(
    server: Server, calls: int, limits: Limits, tokens: int = 0, used: int | None = None
) -> tuple[float, Tally]:
    """Seconds until all calls are answered, and what was seen."""
    clock, tally = Clock(), Tally()
    limiter = Limiter(limits, clock=clock)
    begun = clock()
    clock.run(all_rows(row(limiter, server, clock, tally, tokens, used) for _ in range(calls)))
    assert tally.answered == calls
    assert tally.most_in_flight <= limits.concurrency
    assert limiter.in_flight == 0
    return clock() - begun, tally


def test_an_endpoint_that_never_refuses_is_used_to_the_full_from_the_start() -> None:
    took, tally = simulate(Sometimes(latency=0.05), 1000, Limits(64))
    assert took < 1.1 * 1000 / 64 * 0.05
    assert tally.most_in_flight == 64


@pytest.mark.parametrize("seed", range(3))
def test_every_tenth_reply_a_refusal_stops_nobody_else(seed: int) -> None:
    """Its own call waits a second; two in a row of the same row are the least the rules allow."""
    took, tally = simulate(Sometimes(every=10, random=random.Random(seed)), 500, Limits(32))
    assert took < 1.5 * (2.0 + 555 / 32 * 0.05)
    assert sum(end - tally.starts[0] < 1.0 for end in tally.ends) > 440, "before anyone's second is over"


@pytest.mark.parametrize("seed", range(2))
def test_refusals_at_random_slow_nobody_down_for_long(seed: int) -> None:
    took, tally = simulate(Sometimes(probability=0.1, random=random.Random(seed)), 5_000, Limits(64))
    assert took < 1.3 * (5_000 / 0.9 / 64 * 0.05 + 3)
    assert tally.refused < 700


@pytest.mark.parametrize(
    ("server", "most"),
    [
        pytest.param(lambda: Capped(20, latency=1.0), 1.35, id="at_once"),
        pytest.param(lambda: Capped(20, latency=1.0, refuses_after=1.0), 1.2, id="after_a_while"),
        pytest.param(lambda: Capped(20, latency=0.05, wait=0.5), 1.6, id="fast"),
        pytest.param(lambda: Capped(1, latency=1.0), 1.6, id="one_at_a_time"),
        pytest.param(lambda: Capped(60, latency=1.0), 1.35, id="nearly_enough"),
    ],
)
def test_a_cap_on_calls_at_once_is_found(server: Callable[[], Capped], most: float) -> None:
    capped = server()
    calls = 40 * capped.cap
    took, tally = simulate(capped, calls, Limits(64))
    best = calls / capped.cap * capped.latency
    assert took < most * best + 2
    assert tally.refused < 0.4 * calls + 200


@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize(("rate", "burst"), [(20, 20), (100, 100), (2, 60)])
def test_a_limit_on_calls_a_second_that_nobody_told_is_found(rate: float, burst: float, whole_seconds: bool) -> None:
    calls = int(burst + 40 * rate)
    took, tally = simulate(TokenBucket(rate, burst, whole_seconds=whole_seconds), calls, Limits(64))
    assert took < 1.3 * 40 + 2
    assert tally.refused < 1.5 * calls + 100


def test_a_minute_that_is_used_up_is_waited_for_without_asking_again_and_again() -> None:
    took, tally = simulate(Window(600), 3000, Limits(64))
    assert took < 1.05 * 240
    assert tally.refused < 300


def test_a_known_limit_is_never_exceeded() -> None:
    took, tally = simulate(Window(600), 1800, Limits(64, requests_per_minute=600))
    assert tally.refused == 0
    assert took < 1.03 * 180


@pytest.mark.parametrize(("guess", "used"), [(500, 500), (2000, 500), (100, 500)])
def test_tokens_are_paced_by_what_calls_really_use(guess: int, used: int) -> None:
    """A guess that is too high must not cost time, one that is too low no refusals to speak of."""
    took, tally = simulate(Window(10**9, 60_000), 600, Limits(16, tokens_per_minute=60_000), guess, used)
    assert tally.refused <= 16
    assert took == pytest.approx(600 * used / 1000, rel=0.1)


def test_one_refusal_halves_nothing_and_a_burst_halves_once() -> None:
    clock = Clock()
    limiter = Limiter(Limits(64), clock=clock)

    async def work() -> None:
        permits = [await limiter.admit() for _ in range(64)]
        permits.pop().refused(1.0)
        for _ in range(16):
            permits.pop().answered()
        assert limiter.window == 64
        for _ in range(10):
            permits.pop().refused(0.01)
        halved = limiter.window
        assert 16 <= halved <= 24, "of the 47 in flight"
        for _ in range(20):
            permits.pop().refused(0.01)
        assert limiter.window == halved, "all were sent before the window was halved"
        for permit in permits:
            permit.answered()

    clock.run(work())


def test_answers_let_the_window_grow_back() -> None:
    clock = Clock()
    limiter = Limiter(Limits(64), clock=clock)

    async def work() -> None:
        for permit in [await limiter.admit() for _ in range(64)]:
            permit.refused(1.0)
        assert 30 <= limiter.window <= 32
        tally = Tally()
        await all_rows(row(limiter, Sometimes(latency=1.0), clock, tally) for _ in range(2000))
        assert limiter.window == 64

    clock.run(work())


def test_everybody_waits_as_long_as_the_endpoint_asks_when_all_are_refused() -> None:
    clock = Clock()
    limiter = Limiter(Limits(16), clock=clock)

    async def work() -> None:
        for permit in [await limiter.admit() for _ in range(16)]:
            permit.refused(30.0)
        begun = clock()
        starts: list[float] = []
        for _ in range(4):
            permit = await limiter.admit()
            starts.append(clock() - begun)
            permit.answered()
        assert starts[0] == pytest.approx(30.0, abs=0.01)
        assert starts[3] - starts[0] > 0.2, "and then starts one after the other"

    clock.run(work())


def test_headers_set_the_pace() -> None:
    clock = Clock()
    limiter = Limiter(Limits(64, requests_per_minute=6000), clock=clock)

    async def work() -> None:
        limiter.note_headers({"x-ratelimit-limit-requests": "60", "x-ratelimit-limit-tokens": "junk"})
        begun = clock()
        for _ in range(31):
            (await limiter.admit()).answered()
        assert clock() - begun == pytest.approx(30, rel=0.05)

    clock.run(work())


def test_headers_that_say_nothing_is_left_are_heeded() -> None:
    clock = Clock()
    limiter = Limiter(Limits(8), clock=clock)

    async def work() -> None:
        limiter.note_headers(
            {
                "x-ratelimit-limit-requests": "6",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1m0s",
            }
        )
        begun = clock()
        (await limiter.admit()).answered()
        assert clock() - begun == pytest.approx(10, rel=0.05)

    clock.run(work())
