"""Several limiters on one file, as processes have them; in virtual time unless a test says otherwise."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.llm.limits.virtual import Capped, Clock, Server, Sometimes, Tally, Window, all_rows
from toolace_dagster.llm.limits import Limiter, Limits


class Crowd:
    """Limiters that share, their callers, and what all saw together."""

    def __init__(self, folder: Path, limits: Limits, count: int) -> None:
        self.clock = Clock()
        self.limiters = [Limiter(limits, folder, "endpoint", clock=self.clock) for _ in range(count)]
        self.tallies = [Tally() for _ in range(count)]
        self.together = Tally()

    async def calls(self, me: int, server: Server, count: int, tokens: int = 0) -> None:
        """So many calls of one of them."""
        await all_rows(self.call(me, server, tokens) for _ in range(count))

    async def greedy(self, me: int, server: Server, tokens: int = 0) -> None:
        """Calls without end, always more than may start."""

        async def again_and_again() -> None:
            while True:
                await self.call(me, server, tokens)

        await all_rows(again_and_again() for _ in range(80))

    async def call(self, me: int, server: Server, tokens: int = 0) -> None:
        """One call; asks again when refused."""
        limiter, tally, together = self.limiters[me], self.tallies[me], self.together
        while True:
            permit = await limiter.admit(tokens)
            for seen in (tally, together):
                seen.in_flight += 1
                seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
                seen.starts.append(self.clock())
            reply = server.arrive(self.clock(), tokens)
            await asyncio.sleep(reply.after)
            tally.in_flight -= 1
            together.in_flight -= 1
            if reply.refused is None:
                permit.answered(tokens)
                tally.answered += 1
                together.answered += 1
                tally.ends.append(self.clock())
                return
            permit.refused(reply.refused)
            tally.refused += 1
            together.refused += 1
            await asyncio.sleep(reply.refused)


@pytest.mark.parametrize("most", [64, 10, 3])
def test_the_limit_holds_for_all_and_shares_are_even(most: int, tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(most), 4)

    async def work() -> None:
        endless = [asyncio.create_task(crowd.greedy(me, Sometimes(latency=0.5))) for me in range(4)]
        await asyncio.sleep(30)
        for task in endless:
            task.cancel()

    crowd.clock.run(work())
    assert crowd.together.most_in_flight == most
    counts = [tally.answered for tally in crowd.tallies]
    assert sum(counts) > 0.9 * most * 30 / 0.5
    assert min(counts) > 0.85 * max(counts)


def test_one_who_wants_little_gets_it_and_the_others_have_the_rest(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(32), 3)

    async def little() -> None:
        for _ in range(60):
            await crowd.calls(0, Sometimes(latency=0.5), 2)

    async def work() -> None:
        greedy = [asyncio.create_task(crowd.greedy(me, Sometimes(latency=0.5))) for me in (1, 2)]
        await little()
        for task in greedy:
            task.cancel()

    begun = crowd.clock()
    crowd.clock.run(work())
    took = crowd.clock() - begun
    assert took < 1.3 * 30
    assert crowd.together.most_in_flight <= 32
    for me in (1, 2):
        assert crowd.tallies[me].answered == pytest.approx(15 * took / 0.5, rel=0.15)


def test_a_newcomer_gets_its_share_as_calls_end_and_gives_it_back(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(16), 2)

    async def work() -> None:
        first = asyncio.create_task(crowd.calls(0, Sometimes(latency=1.0), 500))
        await asyncio.sleep(5)
        assert crowd.tallies[0].in_flight == 16
        second = asyncio.create_task(crowd.calls(1, Sometimes(latency=1.0), 80))
        await asyncio.sleep(3)
        assert (crowd.tallies[0].in_flight, crowd.tallies[1].in_flight) == (8, 8)
        await second
        crowd.limiters[1].close()
        await asyncio.sleep(2.5)
        assert crowd.tallies[0].in_flight == 16
        first.cancel()

    crowd.clock.run(work())
    assert crowd.together.most_in_flight == 16


def test_limits_per_minute_hold_for_all(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(64, requests_per_minute=600, tokens_per_minute=10**9), 4)
    server = Window(600)

    async def work() -> None:
        await asyncio.gather(*(crowd.calls(me, server, 300, 100) for me in range(4)))

    begun = crowd.clock()
    crowd.clock.run(work())
    assert crowd.together.refused <= 6
    assert crowd.clock() - begun < 1.1 * 120
    ends = [tally.ends[-1] - begun for tally in crowd.tallies]
    assert min(ends) > 0.85 * max(ends)


def test_tokens_go_to_those_who_want_them(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(64, tokens_per_minute=60_000), 2)

    async def little() -> None:
        for _ in range(30):
            await asyncio.gather(asyncio.sleep(2), crowd.call(0, Sometimes(latency=0.1), 200))

    async def work() -> None:
        greedy = asyncio.create_task(crowd.greedy(1, Sometimes(latency=0.1), 200))
        await little()
        greedy.cancel()

    begun = crowd.clock()
    crowd.clock.run(work())
    took = crowd.clock() - begun
    assert took < 1.15 * 60
    assert crowd.tallies[1].answered * 200 == pytest.approx(900 * took, rel=0.1)


def test_refusals_seen_by_one_slow_all(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(16), 2)
    one, other = crowd.limiters

    async def work() -> None:
        (await other.admit()).answered()
        for permit in [await one.admit() for _ in range(8)]:
            permit.refused(20.0)
        begun = crowd.clock()
        (await other.admit()).answered()
        assert crowd.clock() - begun == pytest.approx(20.0, abs=0.2)
        assert other.window == one.window < 16

    crowd.clock.run(work())


def test_headers_seen_by_one_pace_all(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(16), 2)
    one, other = crowd.limiters

    async def work() -> None:
        (await one.admit()).answered()
        one.note_headers({"x-ratelimit-limit-requests": "60"})
        begun = crowd.clock()
        for _ in range(10):
            (await other.admit()).answered()
        assert crowd.clock() - begun > 6

    crowd.clock.run(work())


def test_together_they_find_a_cap(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(64), 4)
    server = Capped(20, latency=1.0)

    async def work() -> None:
        await asyncio.gather(*(crowd.calls(me, server, 250) for me in range(4)))

    begun = crowd.clock()
    crowd.clock.run(work())
    assert crowd.clock() - begun < 1.5 * 50
    assert crowd.together.refused < 600
    ends = [tally.ends[-1] - begun for tally in crowd.tallies]
    assert min(ends) > 0.7 * max(ends)


def test_refusals_at_random_slow_nobody_down_for_long(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, Limits(64), 4)
    server = Sometimes(probability=0.1, random=random.Random(3))

    async def work() -> None:
        await asyncio.gather(*(crowd.calls(me, server, 1250) for me in range(4)))

    begun = crowd.clock()
    crowd.clock.run(work())
    assert crowd.clock() - begun < 1.4 * (5_000 / 0.9 / 64 * 0.05 + 3)


def test_what_was_learned_stays_from_stage_to_stage_and_is_forgotten_in_the_end(tmp_path: Path) -> None:
    clock = Clock()

    async def learn(limiter: Limiter) -> None:
        for permit in [await limiter.admit() for _ in range(64)]:
            permit.refused(5.0)
        limiter.note_headers({"x-ratelimit-limit-requests": "600"})

    async def use(limiter: Limiter) -> float:
        begun = clock()
        for _ in range(11):
            (await limiter.admit()).answered()
        return clock() - begun

    with Limiter(Limits(64), tmp_path, "endpoint", clock=clock) as limiter:
        clock.run(learn(limiter))
    with Limiter(Limits(64), tmp_path, "endpoint", clock=clock) as limiter:
        assert clock.run(use(limiter)) > 5 + 0.7
        assert limiter.window < 64
    with Limiter(Limits(64), tmp_path, "another endpoint", clock=clock) as limiter:
        assert clock.run(use(limiter)) == 0
    clock.run(asyncio.sleep(3600))
    with Limiter(Limits(64), tmp_path, "endpoint", clock=clock) as limiter:
        assert clock.run(use(limiter)) == 0
        assert limiter.window == 64


def test_debts_of_a_stage_are_paid_by_the_next(tmp_path: Path) -> None:
    clock = Clock()
    limits = Limits(8, tokens_per_minute=60_000)

    async def call(limiter: Limiter) -> float:
        begun = clock()
        (await limiter.admit(30_000)).answered(30_000)
        return clock() - begun

    with Limiter(limits, tmp_path, clock=clock) as limiter:
        assert clock.run(call(limiter)) == 0
    with Limiter(limits, tmp_path, clock=clock) as limiter:
        assert clock.run(call(limiter)) == pytest.approx(30, rel=0.05)


def test_after_a_fork_parent_and_child_have_a_part_each(tmp_path: Path) -> None:
    """In real time and real processes."""
    limiter = Limiter(Limits(8), tmp_path)

    async def first() -> None:
        (await limiter.admit()).answered()

    async def in_child() -> int:
        await asyncio.sleep(0.15)
        mine = 0
        for _ in range(8):
            await asyncio.wait_for(limiter.admit(), 1)
            mine += 1
        return mine

    asyncio.run(first())
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if asyncio.run(in_child()) == 8 else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    asyncio.run(first())
    assert limiter.note == ""
