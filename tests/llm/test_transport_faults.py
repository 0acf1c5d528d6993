"""Faults of network and endpoint that pass: every row comes out, and what it cost is written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.llm.flaky_server import CUT, Answer, Behaviour, Body, FlakyServer, echo, prompt_of, refuses
from tests.llm.rows import all_came_out, calls, prompts, rows, run, uses
from toolace_dagster.llm.progress import Progress

Serve = Callable[[Behaviour], FlakyServer]

SHORT = refuses(429, "Rate limit reached", "rate_limit_exceeded", retry_after="0.05")
SPOILED = {"finish_reason": "error", "error": {"message": "upstream"}, "message": {"content": ""}}
ON_DATE = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(refuses(500, "Internal error"), id="server_error"),
        pytest.param(refuses(503, "Overloaded", retry_after="0.01"), id="overloaded"),
        pytest.param(SHORT, id="rate_limit"),
        pytest.param(refuses(429, "Slow down", retry_after=ON_DATE), id="rate_limit_until_a_date"),
        pytest.param(refuses(429, "Slow down", retry_after_ms="20"), id="rate_limit_in_milliseconds"),
        pytest.param(CUT, id="cut_connection"),
        pytest.param(Answer(delay=5), id="hang"),
        pytest.param(Answer(trickle=5), id="keep_alive_without_end"),
        pytest.param(Answer("<html>Bad gateway</html>", headers={"content-type": "text/html"}), id="web_page"),
        pytest.param(Answer("{not json", headers={"content-type": "application/json"}), id="no_json"),
        pytest.param(Answer([1, 2]), id="list"),
        pytest.param(Answer({"error": {"message": "overloaded", "code": 502}}), id="error_with_status_200"),
        pytest.param(Answer({"choices": [], "error": {"message": "overloaded"}}), id="error_beside_no_choice"),
        pytest.param(Answer({"choices": [SPOILED]}), id="error_in_a_choice"),
        pytest.param(Answer({"choices": "none"}), id="no_choices"),
    ],
)
def test_every_tenth_reply_is_a_fault(fault: Answer, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: fault if number % 10 == 0 else echo(body))
    progress: list[Progress] = []
    outcomes = run(tmp_path, server.url, rows(40), progress, timeout=0.4 if fault.delay or fault.trickle else 10)
    assert all_came_out(outcomes, prompts(40))
    assert len(server.bodies) >= 44
    stored = calls(tmp_path)
    assert sorted(call["dialogue_id"] for call in stored) == sorted(prompts(40))
    retries = sum(call["retries"] for call in stored)
    assert retries >= len(server.bodies) - 40, "a try may end before it reaches the server"
    assert progress[-1] == Progress(
        rows=40, done=40, retried=retries, prompt_tokens=400, completion_tokens=200, unpriced=40
    )


def test_a_row_that_never_gets_through_costs_only_itself(serve: Serve, tmp_path: Path) -> None:
    def behave(_: int, body: Body) -> Answer:
        return refuses(500, "boom") if prompt_of(body) == "row 3" else echo(body)

    outcomes = run(tmp_path, serve(behave).url, rows(6), transport_retries=1)
    failed = outcomes.pop("row 3")
    assert all_came_out(outcomes, [prompt for prompt in prompts(6) if prompt != "row 3"])
    assert (failed.row, failed.error_kind) == (None, "server")
    assert "boom" in failed.error
    assert failed.call_id in {call["call_id"] for call in calls(tmp_path) if call["error_kind"] == "server"}
    assert len(uses(tmp_path)) == 6


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refuses(400, "Invalid value: 'messages'"), "bad_request"),
        (refuses(400, "This model's maximum context length is 10; lower max_tokens"), "bad_request"),
        (refuses(400, "Filtered", "content_filter"), "filtered"),
        (refuses(403, "Your input was flagged by moderation"), "filtered"),
        (refuses(408, "Timeout"), "server"),
        (Answer(delay=2), "timeout"),
        (CUT, "connection"),
        (refuses(429, "Slow down", retry_after="0"), "rate_limit"),
    ],
)
def test_fault_of_one_row_is_named(answer: Answer, kind: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: answer if prompt_of(body) == "row 0" else echo(body))
    outcomes = run(tmp_path, server.url, rows(2), transport_retries=0, timeout=0.5 if answer.delay else 10)
    assert outcomes["row 0"].error_kind == kind
    assert outcomes["row 1"].row == "row 1"


def test_busy_endpoint_costs_no_row(serve: Serve, tmp_path: Path) -> None:
    """Far more refusals than a row has tries, while others are answered."""
    allowed = {"since": 0.0, "left": 0}

    def behave(_: int, body: Body) -> Answer:
        if time.monotonic() - allowed["since"] > 0.1:
            allowed.update(since=time.monotonic(), left=16)
        allowed["left"] -= 1
        return echo(body) if allowed["left"] >= 0 else SHORT

    server = serve(behave)
    outcomes = run(tmp_path, server.url, rows(60), transport_retries=2, concurrency=64)
    assert all_came_out(outcomes, prompts(60))
    assert len(server.bodies) < 4 * 60


def test_refusals_hold_everyone_back(serve: Serve, tmp_path: Path) -> None:
    """A closed minute: after the first refusals nobody asks until the endpoint said they may."""
    closed_until = [0.0]

    def behave(number: int, body: Body) -> Answer:
        if number == 1:
            closed_until[0] = time.monotonic() + 0.6
        left = closed_until[0] - time.monotonic()
        return refuses(429, "Slow down", retry_after=f"{left:.3f}") if left > 0 else echo(body, 0.02)

    server = serve(behave)
    outcomes = run(tmp_path, server.url, rows(100), concurrency=32)
    assert all_came_out(outcomes, prompts(100))
    early = [at for at in server.arrivals if at < closed_until[0]]
    assert len(early) <= 32 + 2
    assert early[-1] - early[0] < 0.4
    assert len(server.bodies) == 100 + len(early)


def test_concurrency_is_kept(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body, 0.02))
    assert all_came_out(run(tmp_path, server.url, rows(50), concurrency=7), prompts(50))
    assert server.most_in_flight == 7


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": "many"}, {"prompt_tokens": -1, "completion_tokens": 10**12}])
def test_odd_usage_is_no_fault(usage: Any, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: Answer({**echo(body).body, "usage": usage}))
    assert all_came_out(run(tmp_path, server.url, rows(2)), prompts(2))
    assert len(calls(tmp_path)) == 2
