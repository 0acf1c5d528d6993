"""Budgets: no more calls than allowed, whoever makes them, and nothing lost when they stop."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.llm.batch.endpoints import Echo, batch_settings, batching
from tests.llm.flaky_server import Behaviour, FlakyServer, echo, refuses, says
from tests.llm.rows import calls, journal, prompts, request, rows, settings, store, uses
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.money import Bill, Budget, BudgetReached, Ledger, Limits
from toolace_dagster.llm.money.prices import PriceTable, read_prices
from toolace_dagster.llm.progress import Progress
from toolace_dagster.llm.protocol import Program, Usage, ask, ask_all
from toolace_dagster.warehouse import sql

Serve = Callable[[Behaviour], FlakyServer]
# The server's replies are 10 and 5 tokens: a call costs one dollar.
ONE_DOLLAR = PriceTable(read_prices("[t.models]\nm = { prompt = 50_000, completion = 100_000 }", "t"))


def budget(**limits: Any) -> Budget:
    return Budget(ONE_DOLLAR, Limits(**limits))


def drive(
    folder: Path,
    url: str,
    given: Budget,
    programs: dict[str, Program[Any]],
    progress: list[Progress] | None = None,
    **more: Any,
) -> dict[str, RowOutcome[Any]]:
    told = progress.append if progress is not None else None
    return run_programs(Gateway(settings(url, **more), journal(folder), budget=given, on_progress=told), programs)


def stopped(outcomes: dict[str, RowOutcome[Any]]) -> list[str]:
    return [row for row, outcome in outcomes.items() if outcome.stopped]


def made(outcomes: dict[str, RowOutcome[Any]]) -> list[str]:
    return [row for row, outcome in outcomes.items() if outcome.row is not None]


@pytest.mark.parametrize(
    ("limit", "name", "words"),
    [
        ({"max_calls": 12}, "max_calls", "12 calls"),
        ({"max_cost": 12.0}, "max_cost", "$12.00"),
        ({"max_tokens_total": 180}, "max_tokens_total", "180 tokens"),
    ],
)
def test_a_limit_is_kept_to_the_call_and_rows_without_one_have_not_failed(
    serve: Serve, tmp_path: Path, limit: dict[str, Any], name: str, words: str
) -> None:
    server = serve(lambda _, body: echo(body, 0.01))
    outcomes = drive(tmp_path, server.url, budget(**limit), rows(40))
    assert len(server.bodies) == len(calls(tmp_path)) == len(made(outcomes)) == 12
    assert len(stopped(outcomes)) == 28
    assert not [outcome.error for outcome in outcomes.values() if outcome.error]
    reached = next(outcome.stopped for outcome in outcomes.values() if outcome.stopped)
    assert isinstance(reached, BudgetReached)
    assert reached.limit == name
    for word in (words, "12 calls, 180 tokens, $12.0000", f"higher {name}"):
        assert word in str(reached)


def test_a_stopped_run_without_a_price_says_that_its_cost_is_unknown(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    outcomes = drive(tmp_path, server.url, Budget(limits=Limits(max_calls=1)), rows(3))
    reached = next(outcome.stopped for outcome in outcomes.values() if outcome.stopped)
    assert "the limit max_calls of 1 call is reached: 1 call, 15 tokens, cost unknown." in str(reached)
    assert "$" not in str(reached)


def test_calls_of_unknown_price_are_told_beside_those_of_known_price(tmp_path: Path) -> None:
    shared = Budget(ONE_DOLLAR, Limits(max_calls=9), Ledger(tmp_path / "spent"))
    for model, count in (("m", 2), ("nobody's", 1)):
        for _ in range(count):
            shared.spend(Usage(prompt_tokens=10, completion_tokens=5), model, "h")
    assert shared.spent.words == "3 calls, 45 tokens, $2.0000 and 1 call of unknown price"


def test_the_next_run_goes_on_and_cached_answers_stay_free(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    drive(tmp_path, server.url, budget(max_calls=10), rows(30))
    second = drive(tmp_path, server.url, budget(max_calls=15), rows(30))
    assert len(made(second)) == 25
    third = drive(tmp_path, server.url, budget(max_calls=15), rows(30))
    assert sorted(made(third)) == sorted(prompts(30))
    assert sorted(call["dialogue_id"] for call in calls(tmp_path)) == sorted(prompts(30))
    assert len(server.bodies) == 30


def test_calls_in_flight_are_kept_when_the_limit_is_reached(serve: Serve, tmp_path: Path) -> None:
    """The first replies cost more than all that is left; those under way are waited for, not cut."""
    server = serve(lambda number, body: echo(body, 0.02 * number))
    outcomes = drive(tmp_path, server.url, budget(max_cost=0.5), rows(40))
    # While nothing is known of what a call costs, eight are let in.
    assert len(server.bodies) == len(calls(tmp_path)) == len(made(outcomes)) == 8


def test_parallel_requests_of_one_row_are_kept_too(serve: Serve, tmp_path: Path) -> None:
    def asks_four() -> Program[int]:
        answers = yield from ask_all([request(f"part {number}") for number in range(4)])
        return len(answers)

    server = serve(lambda number, body: echo(body, 0.02 * number))
    outcomes = drive(tmp_path, server.url, budget(max_calls=3), {"row": asks_four()})
    assert stopped(outcomes) == ["row"]
    assert len(server.bodies) == len(calls(tmp_path)) == 3
    again = drive(tmp_path, server.url, budget(max_calls=1), {"row": asks_four()})
    assert again["row"].row == 4


def test_a_row_in_the_middle_stops_and_others_that_need_nothing_are_made(serve: Serve, tmp_path: Path) -> None:
    def asks_three(name: str) -> Program[str]:
        for part in range(3):
            yield from ask(request(f"{name} {part}"))
        return name

    def asks_nothing() -> Program[str]:
        results = yield []
        return f"nothing {len(results)}"

    server = serve(lambda _, body: echo(body))
    programs = {"a": asks_three("a"), "b": asks_three("b"), "c": asks_nothing()}
    outcomes = drive(tmp_path, server.url, budget(max_calls=4), programs)
    assert outcomes["c"].row == "nothing 0"
    assert stopped(outcomes)
    assert len(calls(tmp_path)) == 4


def test_calls_that_only_met_faults_cost_nothing(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: refuses(500, "busy") if number % 3 == 0 else echo(body))
    outcomes = drive(tmp_path, server.url, budget(max_calls=20), rows(20), transport_retries=0)
    stored = calls(tmp_path)
    answered = [call for call in stored if call["error_kind"] is None]
    assert not stopped(outcomes)
    assert len(stored) == 20
    assert sum(call["cost"] for call in stored) == len(answered) < 20
    bill = Bill(**store(tmp_path).read(sql("costs/of_domain"))[0])
    assert (bill.calls, bill.unpriced, bill.cost) == (len(answered), 0, len(answered))


def test_every_try_is_paid_for(serve: Serve, tmp_path: Path) -> None:
    """A reply that can't be used costs as much as any."""
    server = serve(lambda number, body: says("not JSON") if number % 2 else echo(body))
    given = budget(max_calls=3)
    outcomes = drive(tmp_path, server.url, given, rows(2), concurrency=1)
    assert given.spent.calls == len(server.bodies) == 3
    assert len(made(outcomes)) == len(stopped(outcomes)) == 1


def test_cost_and_price_are_stored_with_the_call_and_told(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    progress: list[Progress] = []
    drive(tmp_path, server.url, budget(), rows(5), progress)
    assert [(call["cost"], call["price"], call["mode"]) for call in calls(tmp_path)] == [(1.0, "t m", "live")] * 5
    assert progress[-1].cost == 5.0
    # The price of the day stays, whatever becomes of the table; what came from the cache cost nothing.
    dearer = Budget(PriceTable(read_prices("[t.models]\nm = { prompt = 1, completion = 1 }", "t")))
    drive(tmp_path, server.url, dearer, rows(5), progress)
    assert progress[-1].cost == 0.0
    assert sum(call["cost"] for call in calls(tmp_path)) == 5.0
    assert sum(use["cached"] for use in uses(tmp_path)) == 5


def test_a_model_without_a_price_is_counted_in_tokens_only(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    progress: list[Progress] = []
    given = Budget(limits=Limits(max_tokens_total=100))
    drive(tmp_path, server.url, given, rows(3), progress)
    assert [(call["cost"], call["price"]) for call in calls(tmp_path)] == [(None, None)] * 3
    assert (progress[-1].cost, progress[-1].unpriced) == (0.0, 3)
    assert (given.spent.tokens, given.spent.cost) == (45, 0.0)


def test_near_a_limit_fewer_calls_are_in_flight(serve: Serve, tmp_path: Path) -> None:
    under_way: list[int] = []
    given = budget(max_cost=30.0)

    def behave(_: int, body: Any) -> Any:
        under_way.append(given.spent.in_flight)
        return echo(body, 0.01)

    server = serve(behave)
    drive(tmp_path, server.url, given, rows(60), concurrency=32)
    assert len(server.bodies) == 30
    # Eight while nothing is known, then no more than are left, though 32 may be in flight.
    assert 8 < max(under_way) <= 22


def _spend(path: Path, count: int) -> None:
    given = Budget(ONE_DOLLAR, Limits(max_calls=100), Ledger(path))

    async def work() -> None:
        for _ in range(count):
            admission = await given.admit()
            await asyncio.sleep(0)
            given.spend(Usage(prompt_tokens=10, completion_tokens=5), "m", "h", admission=admission)
            given.leave(admission)

    try:
        asyncio.run(work())
    except BudgetReached:
        os._exit(7)
    os._exit(0)


def test_processes_share_what_they_spend(tmp_path: Path) -> None:
    path = tmp_path / "run.ledger"
    parent = Budget(ONE_DOLLAR, Limits(max_calls=100), Ledger(path))
    parent.spend(Usage(prompt_tokens=10), "m", "h")
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_spend, args=(path, 40)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
    spent = parent.spent
    assert (spent.calls, spent.in_flight) == (100, 0)
    assert spent.tokens == 99 * 15 + 10
    assert 7 in [process.exitcode for process in processes]
    parent.forget()
    assert not path.exists()


def _die_in_flight(path: Path) -> None:
    given = Budget(ONE_DOLLAR, Limits(max_calls=3), Ledger(path))
    asyncio.run(given.admit())
    given.spend(Usage(), "m", "h")
    asyncio.run(given.admit())
    os.kill(os.getpid(), signal.SIGKILL)


def test_calls_of_a_killed_process_count_as_spent_but_not_as_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "run.ledger"
    process = multiprocessing.get_context("fork").Process(target=_die_in_flight, args=(path,))
    process.start()
    process.join(20)
    given = Budget(ONE_DOLLAR, Limits(max_calls=3), Ledger(path))
    began = time.monotonic()
    for _ in range(2):
        admission = asyncio.run(asyncio.wait_for(given.admit(), 10))
        given.spend(Usage(), "m", "h", admission=admission)
        given.leave(admission)
    with pytest.raises(BudgetReached):
        asyncio.run(given.admit())
    assert time.monotonic() - began < 5
    with pytest.raises(BudgetReached):
        given.check()


@pytest.fixture(autouse=True)
def _no_child_left() -> Generator[None]:
    yield
    assert multiprocessing.active_children() == []


def test_many_who_wait_look_no_more_often_than_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    changing = Ledger.changing

    def counted(ledger: Ledger) -> Any:
        nonlocal looks
        looks += 1
        return changing(ledger)

    monkeypatch.setattr(Ledger, "changing", counted)
    given = Budget(ONE_DOLLAR, Limits(max_calls=300), Ledger(tmp_path / "run.spent"))

    async def call() -> None:
        admission = await given.admit()
        await asyncio.sleep(0.5)
        given.spend(Usage(prompt_tokens=10), "m", "t", admission=admission)
        given.leave(admission)

    async def all_calls() -> None:
        await asyncio.gather(*(call() for _ in range(200)))

    asyncio.run(all_calls())
    assert given.spent.calls == 200
    # The looks of the calls themselves, and those of one who waits for half a second.
    assert looks < 4 * 200 + 100
    # Each stage of a run has an event loop of its own, and all have one budget.
    with pytest.raises(BudgetReached):
        asyncio.run(all_calls())


def test_a_call_of_unknown_price_counts_rather_too_much(serve: Serve, tmp_path: Path) -> None:
    """The replies' prompts are longer than the price is for: what they cost is not known, and the limit still holds."""
    short = "[t.models]\nm = { prompt = 50_000, completion = 100_000, max_prompt = 5 }"
    server = serve(lambda _, body: echo(body, 0.01))
    given = Budget(PriceTable(read_prices(short, "t")), Limits(max_cost=20.0))
    outcomes = drive(tmp_path, server.url, given, rows(40))
    # Twice a dollar each.
    assert len(server.bodies) == len(made(outcomes)) == 10
    assert {call["cost"] for call in calls(tmp_path)} == {None}


@pytest.mark.parametrize("limit", [{"max_calls": 12}, {"max_cost": 6.0}, {"max_tokens_total": 180}])
def test_a_batch_is_no_larger_than_the_budget(tmp_path: Path, limit: dict[str, Any]) -> None:
    """Half price: a call is half a dollar, which is known once the first batch is there."""
    priced = "[t.models]\noffline-served = { prompt = 50_000, completion = 100_000, batch = 0.5 }"
    prices = PriceTable(read_prices(priced, "t"))
    model = Echo()

    def asks_twice(name: str) -> Program[str]:
        for part in range(2):
            yield from ask(request(f"{name} {part}"))
        return name

    with batching(model) as (url, requests):

        def drive_batches(limits: Limits) -> dict[str, RowOutcome[Any]]:
            gateway = Gateway(batch_settings(url), journal(tmp_path), budget=Budget(prices, limits))
            return run_programs(gateway, {name: asks_twice(name) for name in prompts(10)})

        outcomes = drive_batches(Limits(**limit))
        assert sum(model.paid.values()) == 12
        assert (len(made(outcomes)), len(stopped(outcomes))) == (2, 8)
        assert len(made(drive_batches(Limits()))) == 10
        assert requests.seen["POST /v1/chat/completions"] == 0
    assert len(model.paid) == 20
    assert set(model.paid.values()) == {1}


@pytest.mark.parametrize(
    ("limit", "first"),
    # Of 50 tokens at most for the reply and some 130 for prompt and schema, by their bytes; half price.
    [({"max_tokens_total": 1_000}, range(3, 7)), ({"max_cost": 35.0}, range(3, 7)), ({"max_tokens_total": 60}, [1])],
    ids=["tokens", "dollars", "less than one call may take"],
)
def test_the_first_batch_is_sure_to_keep_to_a_limit_and_the_others_wait_for_it(
    tmp_path: Path, limit: dict[str, Any], first: Collection[int]
) -> None:
    prices = PriceTable(
        read_prices("[t.models]\noffline-served = { prompt = 50_000, completion = 100_000, batch = 0.5 }", "t")
    )

    def ask_once(name: str) -> Program[str]:
        answer = yield from ask(request(name, max_tokens=50))
        return answer.reply.value

    with batching(Echo()) as (url, _):
        given = Budget(prices, Limits(**limit))
        gateway = Gateway(batch_settings(url), journal(tmp_path), budget=given)
        outcomes = run_programs(gateway, {name: ask_once(name) for name in prompts(20)})
    batches = [call["batch_id"] for call in calls(tmp_path)]
    assert batches.count(batches[0]) in first
    assert given.spent.tokens <= limit.get("max_tokens_total", 10_000)
    assert given.spent.cost <= limit.get("max_cost", 10_000)
    # What the others cost is known then: they use what is left, a call of 15 tokens each.
    assert len(made(outcomes)) == min(20, int(limit.get("max_tokens_total", 10_000) // 15))
    assert (given.spent.in_flight, given.spent.pledged_tokens) == (0, 0)
    assert given.spent.pledged_cost == pytest.approx(0)
