"""Row programs: what one of them does wrong is its own affair."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, echo, prompt_of, refuses, says
from tests.llm.rows import KEY, calls, journal, program, prompts, request, rows, run, settings
from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.progress import Progress
from toolace_dagster.llm.protocol import EndpointUnusable, Program, ask, ask_all

Serve = Callable[[Behaviour], FlakyServer]


def bug_at_start() -> Program[str]:
    raise KeyError("before the first call")
    yield []  # pyright: ignore[reportUnreachable]


def bug_after_a_call() -> Program[str]:
    yield from ask(request("a"))
    raise ValueError(f"after a call with {KEY}")


def no_list() -> Program[str]:
    yield None  # pyright: ignore[reportReturnType]
    return "never"


def no_request() -> Program[str]:
    yield ["text"]  # pyright: ignore[reportReturnType]
    return "never"


def nothing_asked() -> Program[str]:
    results = yield []
    return f"{results}"


def no_call() -> Program[str]:
    return "at once"
    yield []  # pyright: ignore[reportUnreachable]


def swallows_the_failure() -> Program[str]:
    try:
        yield from ask(request("fails"))
    except Exception as failed:
        return f"went on after {type(failed).__name__}"
    return "never"


def many() -> Program[list[str]]:
    answers = yield from ask_all([request(f"m{number}") for number in range(10)])
    more = yield from ask_all([request(f"n{number}") for number in range(3)])
    return [answer.reply.value for answer in [*answers, *more]]


class Choking(BaseModel):
    value: str

    @field_validator("value")
    @classmethod
    def _choke(cls, value: str) -> str:
        return {}[value]


def choking_reply_type() -> Program[str]:
    yield from ask(request("choke", Choking))
    return "never"


def test_each_row_ends_as_it_should(serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def behave(_: int, body: Body) -> Answer:
        return refuses(500, "boom") if prompt_of(body) == "fails" else echo(body, 0.01)

    programs: dict[str, Program[Any]] = {
        "bug_at_start": bug_at_start(),
        "bug_after_a_call": bug_after_a_call(),
        "no_list": no_list(),
        "no_request": no_request(),
        "nothing_asked": nothing_asked(),
        "no_call": no_call(),
        "fails": program("fails"),
        "swallows": swallows_the_failure(),
        "many": many(),
        "choke": choking_reply_type(),
        **rows(20),
    }
    with caplog.at_level(logging.DEBUG, "asyncio"):
        outcomes = run(tmp_path, serve(behave).url, programs, transport_retries=0)
        gc.collect()
    assert list(outcomes) == list(programs)
    assert {row_id: outcomes[row_id].row for row_id in prompts(20)} == {prompt: prompt for prompt in prompts(20)}
    bugs = {row_id: outcome.error for row_id, outcome in outcomes.items() if outcome.error_kind == "bug"}
    assert bugs.keys() == {"bug_at_start", "bug_after_a_call", "no_list", "no_request"}
    assert bugs["bug_at_start"].startswith("KeyError: 'before the first call' (test_driver.py:")
    assert bugs["bug_after_a_call"].startswith("ValueError: after a call with [key] (test_driver.py:")
    assert len(outcomes["bug_after_a_call"].call_ids) == 1
    assert outcomes["fails"].error_kind == "server"
    assert outcomes["swallows"].row == "went on after CallFailed"
    assert outcomes["nothing_asked"].row == "[]"
    assert outcomes["no_call"].row == "at once"
    assert outcomes["many"].row == [f"m{n}" for n in range(10)] + [f"n{n}" for n in range(3)]
    assert len(outcomes["many"].call_ids) == 13
    assert outcomes["choke"].error_kind == "schema"
    assert "KeyError" in outcomes["choke"].error
    assert len([call for call in calls(tmp_path) if call["dialogue_id"] == "choke"]) == 3, "paid for, so kept"
    assert "never retrieved" not in caplog.text


def test_program_that_asks_much_is_stopped_cleanly(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    """Of many requests of a row some succeed, and several fail for good at the same time."""

    def behave(_: int, body: Body) -> Answer:
        return refuses(401, "no") if prompt_of(body) in ("m3", "m7") else echo(body, 0.05)

    # What tests before this one left in cycles is no fault of the run below.
    gc.collect()
    recwarn.clear()
    with pytest.raises(EndpointUnusable, match="OPENAI_API_KEY"):
        run(tmp_path, serve(behave).url, {"a": many(), "b": many(), **rows(20)})
    gc.collect()
    assert "never retrieved" not in caplog.text
    assert "destroyed" not in caplog.text
    assert "Unclosed" not in caplog.text
    assert [str(warning.message) for warning in recwarn] == []


def test_a_slow_row_holds_nobody_up(serve: Serve, tmp_path: Path) -> None:
    def two_steps(prompt: str) -> Program[str]:
        yield from ask(request(f"{prompt} first"))
        answer = yield from ask(request(f"{prompt} second"))
        return answer.reply.value

    server = serve(lambda _, body: echo(body, 0.6 if prompt_of(body) == "slow first" else 0.0))
    programs = {prompt: two_steps(prompt) for prompt in ("slow", *prompts(10))}
    outcomes = run(tmp_path, server.url, programs, concurrency=4)
    assert all(outcome.row for outcome in outcomes.values())
    assert prompt_of(server.bodies[-1]) == "slow second"


def test_listener_that_fails_costs_no_row(serve: Serve, tmp_path: Path) -> None:
    told: list[Progress] = []

    def listener(progress: Progress) -> None:
        told.append(progress)
        raise BrokenPipeError

    gateway = Gateway(settings(serve(lambda _, body: echo(body)).url), journal(tmp_path), on_progress=listener)
    outcomes = run_programs(gateway, rows(5))
    assert all(outcome.row for outcome in outcomes.values())
    assert len(told) == 1


def test_interrupt_from_a_program_ends_the_run_and_keeps_calls(serve: Serve, tmp_path: Path) -> None:
    def interrupted() -> Generator[Any, Any, str]:
        yield from ask(request("before"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, serve(lambda _, body: echo(body)).url, {"a": interrupted()})
    kept = journal(tmp_path)
    kept.open()
    kept.close()
    assert [call["dialogue_id"] for call in calls(tmp_path)] == ["before"]


def test_reply_with_the_word_that_serves_as_key(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    server = serve(lambda *_: says('{"value": "none of them"}'))
    assert run(tmp_path, server.url, rows(1))["row 0"].row == "none of them"
    assert calls(tmp_path)[0]["response"] == '{"value": "none of them"}'
