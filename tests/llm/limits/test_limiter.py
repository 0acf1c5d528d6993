"""The queue of one process: order, cancellation, permits that get lost, loops that come and go."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

from tests.llm.limits.virtual import Clock
from toolace_dagster.llm.limits import Limiter, Limits, Permit


async def settle() -> None:
    """Let everybody who can go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_first_come_first_served_and_no_barrier() -> None:
    clock = Clock()
    limiter = Limiter(Limits(2), clock=clock)
    order: list[int] = []

    async def call(number: int) -> None:
        permit = await limiter.admit()
        order.append(number)
        await asyncio.sleep(1000 if number == 0 else 1)
        permit.answered()

    async def all_calls() -> None:
        calls = [asyncio.create_task(call(number)) for number in range(50)]
        await asyncio.gather(*calls[1:])
        assert not calls[0].done(), "one slow reply holds up nobody"
        assert clock() - begun < 60
        await calls[0]

    begun = clock()
    clock.run(all_calls())
    assert order == list(range(50))
    assert limiter.in_flight == 0


def test_who_was_sent_before_does_not_queue_again() -> None:
    order: list[str] = []

    async def call(limiter: Limiter, name: str, *, again: bool) -> None:
        permit = await limiter.admit(again=again)
        order.append(name)
        permit.answered()

    async def work() -> None:
        limiter = Limiter(Limits(1))
        first = await limiter.admit()
        waiting = [asyncio.create_task(call(limiter, name, again=name == "again")) for name in ("new", "new", "again")]
        await settle()
        first.answered()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)

    asyncio.run(work())
    assert order == ["again", "new", "new"]


def test_a_permit_ends_once() -> None:
    async def work() -> None:
        limiter = Limiter(Limits(4))
        permits = [await limiter.admit() for _ in range(4)]
        for permit in permits:
            permit.answered(10)
            permit.refused(60)
            permit.failed()
        assert limiter.in_flight == 0
        assert limiter.window == 4
        await asyncio.wait_for(limiter.admit(), 1)

    asyncio.run(work())


def test_cancelled_while_waiting_gives_the_turn_on() -> None:
    async def work() -> None:
        limiter = Limiter(Limits(1))
        first = await limiter.admit()
        waiting = [asyncio.create_task(limiter.admit()) for _ in range(3)]
        await settle()
        waiting[0].cancel()
        await settle()
        first.answered()
        second = await asyncio.wait_for(waiting[1], 1)
        second.failed()
        (await asyncio.wait_for(waiting[2], 1)).answered()
        assert limiter.in_flight == 0

    asyncio.run(work())


def test_cancelled_just_when_admitted_gives_the_slot_back() -> None:
    async def work() -> None:
        limiter = Limiter(Limits(1, requests_per_minute=60))
        first = await limiter.admit()
        waiting = asyncio.create_task(limiter.admit())
        await settle()
        first.answered()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert limiter.in_flight == 0

    asyncio.run(work())


def test_a_permit_lost_in_an_exception_gives_the_slot_back() -> None:
    async def work() -> None:
        limiter = Limiter(Limits(1))

        async def loses() -> None:
            permit = await limiter.admit()
            assert permit.load == 1
            raise RuntimeError("lost")

        for _ in range(3):
            with pytest.raises(RuntimeError):
                await asyncio.wait_for(loses(), 1)
            gc.collect()
        assert limiter.in_flight == 0

    asyncio.run(work())


def test_loops_come_and_go() -> None:
    limiter = Limiter(Limits(1, requests_per_minute=6000))
    kept: list[Permit] = []

    async def leaves_things_behind() -> None:
        kept.append(await limiter.admit())
        asyncio.create_task(limiter.admit())  # noqa: RUF006 - cancelled when the loop ends
        await settle()

    async def goes_on() -> None:
        waiting = asyncio.create_task(limiter.admit())
        await settle()
        assert not waiting.done()
        kept.pop().answered()
        (await asyncio.wait_for(waiting, 5)).answered()

    for _ in range(3):
        asyncio.run(leaves_things_behind())
        asyncio.run(goes_on())
    assert limiter.in_flight == 0


def test_a_loop_closed_without_cancelling_leaves_nobody_in_the_way() -> None:
    limiter = Limiter(Limits(1))
    loop = asyncio.new_event_loop()
    permit = loop.run_until_complete(limiter.admit())
    abandoned = loop.create_task(limiter.admit())
    loop.run_until_complete(settle())
    loop.close()

    async def goes_on() -> None:
        permit.answered()
        (await asyncio.wait_for(limiter.admit(), 1)).answered()

    asyncio.run(goes_on())
    assert not abandoned.done()
    limiter.close()


def test_limits_that_leave_nothing_are_refused() -> None:
    for limits in ({"concurrency": 0}, {"concurrency": 1, "requests_per_minute": 0}):
        with pytest.raises(ValueError, match="must be 1 or more"):
            Limits(**limits)


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_clock_that_is_put_forward_or_back_stops_nobody(step: float) -> None:
    shift = [0.0]
    limiter = Limiter(Limits(4, 6000, 600_000), clock=lambda: time.time() + shift[0])

    async def work() -> None:
        for _ in range(3):
            (await limiter.admit(100)).refused(30)
        limiter.note_headers({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "30s"})
        shift[0] = step
        for _ in range(5):
            (await asyncio.wait_for(limiter.admit(100), 5)).answered(100)

    asyncio.run(work())
