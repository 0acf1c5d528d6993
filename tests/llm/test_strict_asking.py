"""Asking for structured output: strict first, then less and less, found once for each endpoint and remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, JsonValue, field_validator

from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, echo, prompt_of, refuses, says
from tests.llm.rows import KEY, all_came_out, calls, journal, prompts, request, rows, settings
from tests.llm.strict_subset import refusal
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.memory import FORGOTTEN_AFTER, EndpointMemory
from toolace_dagster.llm.protocol import ModelRequest, Program, ask
from toolace_dagster.llm.schema import to_strict

Serve = Callable[[Behaviour], FlakyServer]


class Booking(BaseModel):
    """A reply with everything strict output has no words for."""

    city: str
    stars: int | None = None
    note: str = "none"
    details: dict[str, JsonValue] = Field(default_factory=dict)
    anything: JsonValue = None


BOOKING = {"city": "Ghent", "details": {"beds": 2, "views": ["sea"]}, "anything": {"a": [1, None]}}


def way_of(body: Body) -> str:
    """How a request asks for structured output, as an endpoint sees it."""
    asked = body.get("response_format")
    if asked is None:
        return "prompt"
    return "strict" if asked.get("json_schema", {}).get("strict") else asked["type"]


def strict(behaviour: Behaviour) -> Behaviour:
    """An endpoint that refuses what is outside the strict subset, before anything else."""

    def behave(number: int, body: Body) -> Answer:
        if way_of(body) == "strict" and (why := refusal(body["response_format"]["json_schema"]["schema"])):
            return refuses(400, f"Invalid schema for response_format 'value': {why}")
        return behaviour(number, body)

    return behave


def run(
    folder: Path,
    url: str,
    programs: dict[str, Program[Any]],
    memory: Path | None = None,
    told: list[str] | None = None,
    **more: Any,
) -> dict[str, RowOutcome[Any]]:
    """Run programs over a gateway of their own that remembers."""
    remembering = EndpointMemory(memory, None if told is None else told.append)
    gateway = Gateway(settings(url, **more), journal(folder), memory=remembering)
    return run_programs(gateway, programs)


def asking(made: ModelRequest[Any]) -> Program[Any]:
    """A row that asks one given request."""
    answer = yield from ask(made)
    return answer.reply


def valued(made: ModelRequest[Any]) -> Program[str]:
    """A row that wants the value of its reply."""
    answer = yield from ask(made)
    return answer.reply.value


def schema_of(number: int, **more: Any) -> dict[str, Any]:
    """The schema of ``Value``, another one for each number."""
    value = {"type": "string", "description": f"schema {number}", **more}
    return {"type": "object", "properties": {"value": value}, "required": ["value"], "additionalProperties": False}


def own_schemas(count: int, **more: Any) -> dict[str, Program[Any]]:
    """Rows whose requests have a schema of their own each."""
    found: dict[str, Program[Any]] = {}
    for number, prompt in enumerate(prompts(count)):
        plain = request(prompt)
        made = ModelRequest(
            plain.messages, plain.reply_type, plain.sampling, plain.purpose, schema_of(number, **more), schema_of(-1)
        )
        found[prompt] = valued(made)
    return found


def test_strict_comes_first_and_what_it_has_no_words_for_is_restored(serve: Serve, tmp_path: Path) -> None:
    encoded = to_strict(Booking.model_json_schema()).encode(BOOKING)
    server = serve(strict(lambda *_: says(json.dumps(encoded))))
    for url in (server.url, "http://127.0.0.1:1/v1"):
        outcomes = run(tmp_path, url, {"row": asking(request("row", Booking))})
        row = outcomes["row"].row
        assert row is not None, outcomes["row"].error
        assert row.model_dump(exclude_unset=True) == BOOKING, "the same when it comes from the cache"
    assert [way_of(body) for body in server.bodies] == ["strict"]
    assert set(encoded) == set(Booking.model_fields), "every property is there in the strict form"


@pytest.mark.parametrize(
    ("refused", "message", "left"),
    [
        ({"strict"}, "response_format.json_schema.strict: extra fields not permitted", "json_schema"),
        ({"strict", "json_schema"}, "'response_format' of type 'json_schema' is not supported", "json_object"),
        (
            {"strict", "json_schema", "json_object"},
            "[{'type': 'extra_forbidden', 'loc': ('body', 'response_format')}]",
            "prompt",
        ),
    ],
)
def test_each_refusal_is_met_once(refused: set[str], message: str, left: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(strict(lambda _, body: refuses(400, message) if way_of(body) in refused else echo(body)))
    for number in range(3):
        folder = tmp_path / str(number)
        assert all_came_out(run(folder, server.url, rows(6), tmp_path / "endpoints.json", concurrency=1), prompts(6))
    ways = [way_of(body) for body in server.bodies]
    assert ways.count(left) == 18
    assert len(ways) - 18 <= len(refused), "and never again by a later gateway"
    assert set(ways[-12:]) == {left}


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        # As OpenAI, vLLM, llama.cpp, Ollama and servers over pydantic word it.
        (
            "Invalid schema for response_format 'value': In context=('properties',), 'uri' is not a valid format.",
            "wide",
        ),
        ("Invalid schema for response_format 'value': 6 levels of nesting exceeds limit of 5.", "wide"),
        ("Invalid schema: Objects provided via 'anyOf' must not share identical first keys.", "wide"),
        ("The provided JSON schema contains features not supported by xgrammar.", "wide"),
        ("JSON schema conversion failed: Pattern must start with '^' and end with '$'", "wide"),
        ("invalid JSON schema in format", "wide"),
        ("Failed to parse grammar", "wide"),
        (
            "[{'loc': ('body', 'response_format', 'json_schema', 'strict'), 'msg': 'extra fields not permitted'}]",
            "loose",
        ),
        ("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", "object"),
        ("'response_format.type' must be 'json_object' or 'text'", "object"),
        ("[{'loc': ('body', 'seed'), 'msg': 'extra fields not permitted'}]", "seed"),
        ("Unsupported value: 'temperature' does not support 0.7 with this model.", "temperature"),
        ("This model's maximum context length is 100 tokens, your schema and max_tokens exceed it", None),
        ("Something else is wrong.", None),
    ],
)
def test_refusals_are_read_as_servers_word_them(message: str, sent: str | None, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: refuses(400, message) if number == 1 else echo(body))
    programs = own_schemas(1)
    outcomes = run(tmp_path, server.url, programs, repair_tries=0)
    if sent is None:
        assert outcomes["row 0"].error_kind == "bad_request"
        assert len(server.bodies) == 1
        return
    assert all_came_out(outcomes, prompts(1))
    first, second = server.bodies
    changed = {name for name in first if first[name] != second.get(name)}
    assert changed == ({sent} if sent in first else {"response_format", *(["messages"] if sent == "object" else [])})
    described = (
        second["response_format"].get("json_schema", {}).get("schema", {}).get("properties", {}).get("value", {})
    )
    found = {"strict": "wide", "json_schema": "loose", "json_object": "object"}[way_of(second)]
    assert found == (sent if sent not in first else "wide")
    assert sent != "wide" or described["description"] == "schema -1"


def test_refused_parameters_are_remembered_and_said_once(serve: Serve, tmp_path: Path) -> None:
    def behave(_: int, body: Body) -> Answer:
        odd = [name for name in ("seed", "temperature", "max_tokens") if name in body]
        return refuses(400, f"Unsupported parameter: '{odd[0]}', key {KEY}") if odd else echo(body)

    server = serve(behave)
    memory, told = tmp_path / "endpoints.json", list[str]()
    for number in range(2):
        assert all_came_out(run(tmp_path / str(number), server.url, rows(3), memory, told, concurrency=1), prompts(3))
    assert len(server.bodies) == 6 + 3
    assert [name for note in told for name in ("seed", "temperature", "max_tokens") if f"no {name}" in note] == [
        "seed",
        "temperature",
        "max_tokens",
    ]
    assert KEY not in memory.read_text() + "".join(told)


def test_memory_is_of_one_model_at_one_place_and_fades(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: refuses(400, "no seed, please") if "seed" in body else echo(body))
    memory = tmp_path / "endpoints.json"
    counted: list[int] = []

    def ask_again(**more: Any) -> int:
        before = len(server.bodies)
        outcomes = run(tmp_path / str(len(counted)), server.url, rows(1), memory, **more)
        assert all_came_out(outcomes, prompts(1))
        counted.append(len(server.bodies) - before)
        return counted[-1]

    assert ask_again() == 2
    assert ask_again() == 1
    assert ask_again(model="another") == 2
    stored = json.loads(memory.read_text())
    assert sorted(stored["endpoints"]) == [f"{server.url.removeprefix('http://')} {name}" for name in ("another", "m")]
    entries = [entry for listed in stored["endpoints"].values() for entry in listed]
    assert [(entry["what"], entry["value"]) for entry in entries] == [("parameter", "seed")] * 2
    old = datetime.now(UTC) - FORGOTTEN_AFTER - timedelta(minutes=1)
    for entry in entries:
        entry["at"] = old.isoformat()
    memory.write_text(json.dumps(stored))
    assert ask_again() == 2, "what is old is asked for again"
    for damage in ("", "[]", '{"endpoints": 5}', '{"endpoints": {"x": [{"what": "no"}, 7]}}'):
        memory.write_text(damage)
        assert ask_again() == 2, "a damaged file is as none"
        assert ask_again() == 1
    memory.unlink()
    assert ask_again() == 2
    (tmp_path / "file").write_text("")
    outcomes = run(tmp_path / "other", server.url, rows(1), tmp_path / "file" / "endpoints.json")
    assert all_came_out(outcomes, prompts(1)), "a memory that can't be kept fails no row"


def test_a_refused_schema_is_a_matter_of_its_own(serve: Serve, tmp_path: Path) -> None:
    """An odd keyword in one tool's parameters must not cost all other requests their strict schema."""

    def behave(_: int, body: Body) -> Answer:
        if way_of(body) in ("strict", "json_schema") and "schema 3" in json.dumps(body["response_format"]):
            return refuses(400, "Invalid schema for response_format 'value': In context=(), 'pattern' is not permitted")
        return echo(body)

    server = serve(strict(behave))
    memory, told = tmp_path / "endpoints.json", list[str]()
    programs = own_schemas(5, pattern="^row.*$")
    outcomes = run(tmp_path / "1", server.url, programs, memory, told, concurrency=1)
    assert all_came_out(outcomes, prompts(5))
    odd = [body for body in server.bodies if prompt_of(body) == "row 3"]
    assert [way_of(body) for body in odd] == ["strict", "strict", "strict"]
    patterns = ["pattern" in json.dumps(body["response_format"]) for body in odd]
    assert patterns == [True, False, False], "first without patterns, then the wider schema"
    assert "schema -1" in json.dumps(odd[-1]["response_format"])
    assert len(server.bodies) == 5 + 2
    assert len([note for note in told if "some requests" in note]) == 1
    before = len(server.bodies)
    run(tmp_path / "2", server.url, own_schemas(5, pattern="^row.*$"), memory, concurrency=1)
    assert len(server.bodies) - before == 5


def test_when_every_schema_is_refused_it_is_no_matter_of_schemas(serve: Serve, tmp_path: Path) -> None:
    def behave(_: int, body: Body) -> Answer:
        if way_of(body) == "strict":
            return refuses(400, "The provided JSON schema contains features not supported by the grammar backend")
        return echo(body)

    server = serve(behave)
    outcomes = run(tmp_path, server.url, own_schemas(12), concurrency=1)
    assert all_came_out(outcomes, prompts(12))
    ways = [way_of(body) for body in server.bodies]
    assert ways.count("json_schema") == 12
    assert ways.count("strict") <= 6, "after three schemas nobody else has to find out"


def test_an_endpoint_that_ignores_the_schema_gets_it_in_words(serve: Serve, tmp_path: Path) -> None:
    def behave(_: int, body: Body) -> Answer:
        in_words = "JSON Schema named value" in body["messages"][1]["content"]
        return echo(body) if in_words else says('{"answer": "What would you like to know?"}')

    server = serve(behave)
    memory = tmp_path / "endpoints.json"
    assert all_came_out(run(tmp_path / "1", server.url, rows(20), memory, concurrency=4), prompts(20))
    ways = [way_of(body) for body in server.bodies]
    assert ways.count("strict") <= 5 + 4
    assert set(ways[-10:]) == {"json_object"}
    (listed,) = json.loads(memory.read_text())["endpoints"].values()
    assert [(entry["what"], entry["value"], entry["instead"]) for entry in listed] == [
        ("format", "strict", "object_schema")
    ]
    assert all_came_out(run(tmp_path / "2", server.url, rows(3), memory), prompts(3))
    assert len(server.bodies) == len(ways) + 3


class Picky(BaseModel):
    """A reply whose validator asks for more than its schema."""

    value: str

    @field_validator("value")
    @classmethod
    def _is_rare(cls, value: str) -> str:
        if not value.startswith("yes"):
            raise ValueError("it starts with yes")
        return value


def test_a_model_that_keeps_to_the_schema_is_not_asked_otherwise(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    programs = {prompt: asking(request(prompt, Picky)) for prompt in prompts(6)}
    outcomes = run(tmp_path, server.url, programs, repair_tries=1)
    assert {outcome.error_kind for outcome in outcomes.values()} == {"schema"}
    assert {way_of(body) for body in server.bodies} == {"strict"}


@pytest.mark.parametrize("left", ["strict", "json_schema", "json_object", "prompt"])
@pytest.mark.parametrize(
    "around",
    ['```json\n{"value": "%s"}\n```', 'Here you are: {"value": "%s",}', '<think>{"no"}</think>{"value": "%s"}'],
)
def test_replies_are_extracted_in_every_manner(left: str, around: str, serve: Serve, tmp_path: Path) -> None:
    ways = ["strict", "json_schema", "json_object", "prompt"]
    refused = set(ways[: ways.index(left)])

    def behave(_: int, body: Body) -> Answer:
        if way_of(body) in refused:
            return refuses(400, f"response_format {'strict' if way_of(body) == 'strict' else ''} is unsupported")
        return says(around % prompt_of(body))

    server = serve(behave)
    assert all_came_out(run(tmp_path, server.url, rows(2), concurrency=1), prompts(2))
    assert way_of(server.bodies[-1]) == left
    assert all(call["repairs"] for call in calls(tmp_path))


def checking(prompt: str) -> Program[str]:
    """A row that wants a polite reply."""
    plain = request(prompt)
    made: ModelRequest[Any] = ModelRequest(
        plain.messages,
        plain.reply_type,
        plain.sampling,
        plain.purpose,
        check=lambda reply: None if reply.value.startswith("please") else "Say please.",
    )
    answer = yield from ask(made)
    return answer.reply.value


@pytest.mark.parametrize(
    ("answers", "row", "kinds"),
    [
        (['{"value": "please"}'], "please", [None]),
        (['{"value": "now"}', '{"value": "please"}'], "please", ["check", None]),
        (['{"value": "now"}', '{"value": "at once"}'], "at once", ["check", None]),
        (['{"value": "now"}', "?", "?"], "now", ["check", "malformed", "malformed"]),
        (["?", '{"value": "now"}', '{"value": "please"}'], "please", ["malformed", "check", None]),
        (["?", "?", '{"value": "now"}'], "now", ["malformed", "malformed", None]),
    ],
    ids=["fine", "mended", "taken_as_it_is", "the_better_of_the_bad", "after_a_repair", "no_try_left"],
)
def test_the_stages_check_is_shown_once(
    answers: list[str], row: str, kinds: list[str | None], serve: Serve, tmp_path: Path
) -> None:
    server = serve(lambda number, _: says(answers[number - 1]))
    outcomes = run(tmp_path, server.url, {"row": checking("row")}, repair_tries=2)
    assert outcomes["row"].row == row, outcomes["row"].error
    assert [call["error_kind"] for call in calls(tmp_path)] == kinds
    shown = [body["messages"][-1]["content"] for body in server.bodies[1:]]
    assert ["Say please." in text for text in shown] == [kind == "check" for kind in kinds[:-1]]


def test_without_repair_tries_nothing_is_asked_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda *_: says('{"value": "now"}'))
    outcomes = run(tmp_path, server.url, {"row": checking("row")}, repair_tries=0)
    assert outcomes["row"].row == "now"
    assert len(server.bodies) == 1


def test_a_server_that_fails_over_the_format_is_asked_another_way(serve: Serve, tmp_path: Path) -> None:
    """As llama-cpp-python does: status 500, and the validation error of the form it does not know."""
    words = "1 validation error: {'loc': ('body', 'response_format', 'type'), 'input': 'json_schema'}"

    def behave(_: int, body: Body) -> Answer:
        return echo(body) if body.get("response_format", {}).get("type") == "json_object" else refuses(500, words)

    server = serve(behave)
    assert all_came_out(run(tmp_path, server.url, rows(6), concurrency=1), prompts(6))
    forms = [body["response_format"] for body in server.bodies]
    assert [form["type"] for form in forms] == ["json_schema", *["json_object"] * 6]
    assert forms[-1]["schema"]["required"] == ["value"]


def test_a_server_that_is_merely_broken_is_not(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: refuses(500, "response_format worker died") if number == 1 else echo(body))
    assert all_came_out(run(tmp_path, server.url, rows(3), concurrency=1), prompts(3))
    assert {body["response_format"]["type"] for body in server.bodies} == {"json_schema"}
