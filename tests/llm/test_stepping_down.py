"""Endpoints that take less than is asked of them: asked again for less, once, however many calls are under way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, echo, refuses
from tests.llm.rows import all_came_out, calls, prompts, rows, run

Serve = Callable[[Behaviour], FlakyServer]


def format_of(body: Body) -> str:
    """The way a request asks for structured output."""
    return body.get("response_format", {}).get("type", "prompt")


@pytest.mark.parametrize(
    ("refused", "left"),
    [(set[str](), "json_schema"), ({"json_schema"}, "json_object"), ({"json_schema", "json_object"}, "prompt")],
)
@pytest.mark.parametrize("concurrency", [1, 16])
def test_format_steps_down(refused: set[str], left: str, concurrency: int, serve: Serve, tmp_path: Path) -> None:
    def behave(_: int, body: Body) -> Answer:
        way = format_of(body)
        return refuses(400, f"response_format {way} is not supported") if way in refused else echo(body, 0.01)

    server = serve(behave)
    assert all_came_out(run(tmp_path, server.url, rows(24), concurrency=concurrency), prompts(24))
    assert {format_of(body) for body in server.bodies[-4:]} == {left}
    assert {format_of(body) for body in server.bodies} == refused | {left}, "no step is skipped"
    assert len(server.bodies) <= 24 + (len(refused) + ("json_object" in refused)) * concurrency
    in_words = "follows this JSON Schema named value" in server.bodies[-1]["messages"][-1]["content"]
    assert in_words == (left != "json_schema")
    assert all(("JSON Schema named" in call["messages"]) == in_words for call in calls(tmp_path)), "kept as sent"


@pytest.mark.parametrize(
    ("message", "refused", "kept"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            "max_tokens",
            {"max_completion_tokens", "temperature", "seed"},
        ),
        ("Unsupported value: 'temperature' does not support 0.7", "temperature", {"max_tokens", "seed"}),
        ("[{'type': 'extra_forbidden', 'loc': ('body', 'seed')}]", "seed", {"max_tokens", "temperature"}),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_parameter_is_dropped(
    message: str, refused: str, kept: set[str], status: int, serve: Serve, tmp_path: Path
) -> None:
    server = serve(lambda _, body: refuses(status, message) if refused in body else echo(body, 0.01))
    assert all_came_out(run(tmp_path, server.url, rows(24)), prompts(24))
    assert len(server.bodies) <= 24 + 16
    parameters = {"max_tokens", "max_completion_tokens", "temperature", "seed"}
    assert all(parameters & body.keys() == kept for body in server.bodies[-4:])


def test_endpoint_that_takes_nothing(serve: Serve, tmp_path: Path) -> None:
    takes = {"model", "messages"}

    def behave(_: int, body: Body) -> Answer:
        more = sorted(body.keys() - takes)
        return refuses(400, f"Unknown parameter: {more[0]}") if more else echo(body, 0.01)

    server = serve(behave)
    assert all_came_out(run(tmp_path, server.url, rows(20)), prompts(20))
    assert server.bodies[-1].keys() == takes


def test_too_long_a_prompt_changes_nothing_for_others(serve: Serve, tmp_path: Path) -> None:
    words = "This model's maximum context length is 100 tokens; your prompt and max_tokens exceed it"
    server = serve(lambda number, body: refuses(400, words) if number == 1 else echo(body))
    outcomes = run(tmp_path, server.url, rows(10), concurrency=1)
    assert [outcome.error_kind for outcome in outcomes.values()].count("bad_request") == 1
    assert all("max_tokens" in body for body in server.bodies)


@pytest.mark.parametrize(
    "words",
    [
        "The conversation was flagged: 'what is the temperature in Oslo'",
        "Could not process messages[1]: order more seed potatoes",
        "Prompt holds a token that is reserved, near 'temperature and top_p of the reactor'",
    ],
)
def test_an_error_that_quotes_a_prompt_drops_no_parameter(words: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: refuses(400, words) if number == 1 else echo(body))
    run(tmp_path, server.url, rows(3), concurrency=1)
    assert all({"temperature", "seed"} <= body.keys() for body in server.bodies)
