"""Limits on the way to a real server: what the settings say, what its headers say, what others use."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, echo, refuses
from tests.llm.rows import all_came_out, calls, prompts, rows, run
from tests.packaging.source_tree import ROOT

Serve = Callable[[Behaviour], FlakyServer]

TOLD = {
    "x-ratelimit-limit-requests": "600",
    "x-ratelimit-remaining-requests": "590",
    "x-ratelimit-reset-requests": "1s",
}


def spread(server: FlakyServer) -> float:
    """Seconds between the first and the last request."""
    return server.arrivals[-1] - server.arrivals[0]


def test_requests_per_minute_of_the_settings_are_kept(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    assert all_came_out(run(tmp_path, server.url, rows(15), requests_per_minute=600), prompts(15))
    # 1.15 s as they are sent; on a busy machine the first may be late. Without a limit they come at once.
    assert spread(server) > 0.7


def test_tokens_per_minute_count_what_calls_really_used(serve: Serve, tmp_path: Path) -> None:
    """15 tokens a call, 20 calls a second; the first guess is far higher."""
    server = serve(lambda _, body: echo(body))
    begun = time.monotonic()
    assert all_came_out(run(tmp_path, server.url, rows(25), tokens_per_minute=18_000, concurrency=2), prompts(25))
    assert 0.7 < time.monotonic() - begun < 8


@pytest.mark.parametrize("first", [lambda body: echo(body), lambda _: refuses(429, "Slow", retry_after="0.01")])
def test_headers_of_answers_and_refusals_set_the_pace(
    first: Callable[[Body], Answer], serve: Serve, tmp_path: Path
) -> None:
    def behave(number: int, body: Body) -> Answer:
        answer = first(body) if number == 1 else echo(body)
        return replace(answer, headers=answer.headers | TOLD)

    server = serve(behave)
    assert all_came_out(run(tmp_path, server.url, rows(15), concurrency=1), prompts(15))
    assert spread(server) > 1.0


def test_headers_that_make_no_sense_are_no_fault(serve: Serve, tmp_path: Path) -> None:
    odd = {"x-ratelimit-limit-requests": "-3", "x-ratelimit-reset-requests": "soon", "x-ratelimit-limit-tokens": "nan"}
    server = serve(lambda _, body: replace(echo(body), headers=odd))
    assert all_came_out(run(tmp_path, server.url, rows(20)), prompts(20))


def test_an_overloaded_server_is_asked_less(serve: Serve, tmp_path: Path) -> None:
    """It serves four at once and says 503 to the rest; no row is lost, and few calls are in vain."""
    serving: list[float] = []

    def behave(_: int, body: Body) -> Answer:
        now = time.monotonic()
        serving[:] = [until for until in serving if until > now]
        if len(serving) >= 4:
            return refuses(503, "Overloaded", retry_after="0.2")
        serving.append(now + 0.05)
        return echo(body, 0.05)

    server = serve(behave)
    assert all_came_out(run(tmp_path, server.url, rows(80), concurrency=32, transport_retries=20), prompts(80))
    assert len(server.bodies) < 3 * 80


def test_processes_share_one_endpoint(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body, 0.05))
    started = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.llm.rows",
                str(tmp_path / name),
                server.url,
                "60",
                "6",
                "0",
                str(tmp_path / "l"),
            ],
            cwd=ROOT,
        )
        for name in ("one", "two")
    ]
    assert [process.wait(60) for process in started] == [0, 0]
    assert len(server.bodies) == 120
    assert server.most_in_flight <= 6 + 1
    assert [len(calls(tmp_path / name)) for name in ("one", "two")] == [60, 60]
