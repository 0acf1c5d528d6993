"""How long a call is tried again: waits that are asked for, refusals that no wait mends, faults that look final."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.llm.batch.endpoints import batching
from tests.llm.batch.endpoints import run as run_in_batches
from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, echo, prompt_of, refuses
from tests.llm.rows import all_came_out, calls, prompts, rows, run
from toolace_dagster.llm.protocol import EndpointBusy, EndpointUnusable

Serve = Callable[[Behaviour], FlakyServer]

TOO_LARGE = (
    "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 41000. "
    "The input or output tokens must be reduced in order to run successfully."
)
GROQ = "Request exceeds the rate limit on tokens per minute (TPM): Limit 6,000, Used 0, Requested 9,100."
IN_A_MOMENT = "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29500, Requested 2000."


@pytest.mark.parametrize("words", [TOO_LARGE, GROQ])
def test_a_request_over_the_limit_of_a_minute_is_not_sent_again(words: str, serve: Serve, tmp_path: Path) -> None:
    refusal = refuses(429, words, "rate_limit_exceeded")
    server = serve(lambda _, body: refusal if prompt_of(body) in ("row 0", "row 1", "row 2") else echo(body))
    outcomes = run(tmp_path, server.url, rows(12), concurrency=4)
    assert [outcomes[prompt].error_kind for prompt in prompts(3)] == ["bad_request"] * 3
    assert "lower max_tokens" in outcomes["row 0"].error
    assert server.prompts["row 0"] == 1
    assert all_came_out({prompt: outcomes[prompt] for prompt in prompts(12)[3:]}, prompts(12)[3:])


def test_a_request_that_has_to_wait_for_others_is_sent_again(serve: Serve, tmp_path: Path) -> None:
    refusal = refuses(429, IN_A_MOMENT, "rate_limit_exceeded", retry_after="0.01")
    server = serve(lambda number, body: refusal if number == 1 else echo(body))
    assert all_came_out(run(tmp_path, server.url, rows(3)), prompts(3))


def test_a_row_that_is_refused_for_ever_while_others_are_answered_ends(serve: Serve, tmp_path: Path) -> None:
    busy = refuses(429, "Too many requests", retry_after="0.01")

    def behave(_: int, body: Body) -> Answer:
        return busy if prompt_of(body) == "row 0" else echo(body, 0.01)

    server = serve(behave)
    outcomes = run(tmp_path, server.url, rows(200), concurrency=4, transport_retries=2)
    failed = outcomes.pop("row 0")
    assert failed.error_kind == "rate_limit"
    assert 3 < server.prompts["row 0"] <= 12 + 3
    assert all_came_out(outcomes, prompts(200)[1:])


def test_a_long_wait_is_kept_to(serve: Serve, tmp_path: Path) -> None:
    refused_at: dict[str, float] = {}
    early: list[str] = []

    def behave(_: int, body: Body) -> Answer:
        prompt = prompt_of(body)
        if prompt not in refused_at:
            refused_at[prompt] = time.monotonic()
            return refuses(429, "Slow down", retry_after="0.6")
        if time.monotonic() < refused_at[prompt] + 0.59:
            early.append(prompt)
        return echo(body)

    assert all_came_out(run(tmp_path, serve(behave).url, rows(4), longest_retry_after=1), prompts(4))
    assert early == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_is_too_long_stops_the_run_and_keeps_what_is_in_flight(
    status: int, serve: Serve, tmp_path: Path
) -> None:
    def behave(number: int, body: Body) -> Answer:
        if number <= 8:
            return echo(body, 0.5 if number == 8 else 0.0)
        return refuses(status, "Daily limit reached", retry_after="3.2")

    server = serve(behave)
    started = time.monotonic()
    outcomes = run(tmp_path, server.url, rows(40), concurrency=4, longest_retry_after=3)
    assert time.monotonic() - started < 3
    made = {prompt for prompt, outcome in outcomes.items() if outcome.row}
    stopped = [outcome.stopped for outcome in outcomes.values() if outcome.stopped]
    assert len(made) == 8
    assert len(stopped) == 32
    assert {type(one) for one in stopped} == {EndpointBusy}
    assert "asks to wait 3 s" in str(stopped[0])
    assert "the same command goes on" in str(stopped[0])
    # Nobody asks earlier than asked to: those in flight when the first refusal came are all.
    assert len(server.bodies) <= 8 + 4
    assert {call["dialogue_id"] for call in calls(tmp_path)} == made
    rest = serve(lambda _, body: echo(body))
    assert all_came_out(run(tmp_path, rest.url, rows(40)), prompts(40))
    assert len(rest.bodies) == 32


@pytest.mark.parametrize(("asked", "made"), [("0.4", True), ("1.5", False)])
def test_batches_keep_to_the_wait_that_is_asked_for(asked: str, made: bool, tmp_path: Path) -> None:
    with batching() as (url, requests):
        refused: list[float] = []

        def refuse(route: str) -> web.Response | None:
            if route != "POST /v1/files" or refused:
                return None
            refused.append(time.monotonic())
            return web.json_response({"error": {"message": "busy"}}, status=429, headers={"retry-after": asked})

        requests.before = refuse
        outcomes = run_in_batches(tmp_path, url, rows(3), longest_retry_after=1)
        if made:
            assert all_came_out(outcomes, prompts(3))
            assert time.monotonic() - refused[0] >= 0.4
        else:
            assert {type(outcome.stopped) for outcome in outcomes.values()} == {EndpointBusy}
            assert requests.seen["POST /v1/files"] == 1
            assert all_came_out(run_in_batches(tmp_path, url, rows(3)), prompts(3))


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_stray_refusal_costs_nothing(status: int, serve: Serve, tmp_path: Path) -> None:
    stray = refuses(status, "upstream route flapped")
    server = serve(lambda number, body: stray if number == 5 else echo(body, 0.01))
    assert all_came_out(run(tmp_path, server.url, rows(20), concurrency=4), prompts(20))
    assert len(server.bodies) == 21


def test_a_row_that_alone_is_forbidden_costs_itself(serve: Serve, tmp_path: Path) -> None:
    """As by a firewall that takes a prompt for an attack."""
    forbidden = Answer("<html>Blocked</html>", status=403)
    server = serve(lambda _, body: forbidden if prompt_of(body) == "row 3" else echo(body, 0.05))
    outcomes = run(tmp_path, server.url, rows(30), concurrency=2)
    failed = outcomes.pop("row 3")
    assert (failed.row, failed.error_kind) == (None, "server")
    assert "only this one is given up" in failed.error
    assert all_came_out(outcomes, [prompt for prompt in prompts(30) if prompt != "row 3"])


def test_a_key_that_is_revoked_ends_the_run_after_a_few_tries(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: refuses(401, "Key revoked") if number > 10 else echo(body))
    with pytest.raises(EndpointUnusable, match="OPENAI_API_KEY"):
        run(tmp_path, server.url, rows(30), concurrency=4)
    assert 10 + 5 <= len(server.bodies) <= 10 + 20 * 5
