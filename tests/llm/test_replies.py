"""Unusable replies: shown to the model and corrected, or the row fails by name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, echo, prompt_of, refuses, says
from tests.llm.rows import Value, all_came_out, calls, prompts, request, rows, run, store, uses
from toolace_dagster.llm.protocol import Program, ask
from toolace_dagster.warehouse import Store, sql

Serve = Callable[[Behaviour], FlakyServer]

BROKEN = says('{"value": "row')
BLANK_CHOICES = Answer({**echo({"messages": [{"role": "user", "content": "x"}]}).body, "choices": []})


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        pytest.param(BROKEN, "not JSON", id="broken"),
        pytest.param(says('{"values": "x"}'), "value: Field required", id="other_schema"),
        pytest.param(says('{"value": NaN}'), "NaN is no number", id="no_number"),
        pytest.param(says('{"value": "\\ud83d"}'), "half of a surrogate pair", id="half_a_character"),
        pytest.param(says('{"value": "row', finish_reason="length"), "cut at the token limit", id="truncated"),
        pytest.param(says(""), None, id="empty"),
        pytest.param(says(None), None, id="no_content"),
        pytest.param(says(5), None, id="number_as_content"),
        pytest.param(BLANK_CHOICES, None, id="no_choice"),
        pytest.param(says(None, refusal="I won't."), None, id="refusal"),
        pytest.param(says("", finish_reason="content_filter"), None, id="filtered"),
    ],
)
def test_second_try_is_shown_the_error(answer: Answer, shown: str | None, serve: Serve, tmp_path: Path) -> None:
    asked: set[str] = set()

    def behave(_: int, body: Body) -> Answer:
        first = prompt_of(body) not in asked
        asked.add(prompt_of(body))
        return answer if first else echo(body)

    server = serve(behave)
    assert all_came_out(run(tmp_path, server.url, rows(3)), prompts(3))
    assert len(server.bodies) == 6
    seconds = server.bodies[3:]
    if shown is None:
        assert all(len(body["messages"]) == 2 for body in seconds), "there is nothing to show"
    else:
        said = answer.body["choices"][0]["message"]["content"]
        assert all(body["messages"][-2] == {"role": "assistant", "content": said} for body in seconds)
        assert all(shown in body["messages"][-1]["content"] for body in seconds)
    assert {body["seed"] for body in seconds}.isdisjoint(body["seed"] for body in server.bodies[:3])
    stored = calls(tmp_path)
    assert [call["usable"] for call in stored].count(False) == 3
    kept = sorted((call["dialogue_id"], call["created_at"], json.loads(call["messages"])) for call in stored)
    assert [messages for *_, messages in kept] == [body["messages"] for body in sorted(server.bodies, key=prompt_of)]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (BROKEN, "malformed"),
        (says('{"values": 1}'), "schema"),
        (says("{", finish_reason="length"), "truncated"),
        (says(""), "empty"),
        (says(None, refusal="I won't."), "refused"),
        (says("x", finish_reason="content_filter"), "filtered"),
    ],
)
def test_row_that_never_gets_a_usable_reply(answer: Answer, kind: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: answer if prompt_of(body) == "row 1" else echo(body))
    outcomes = run(tmp_path, server.url, rows(3), repair_tries=2)
    assert outcomes["row 1"].error_kind == kind
    assert outcomes["row 1"].call_id is not None
    assert [outcomes[p].row for p in ("row 0", "row 2")] == ["row 0", "row 2"]
    assert server.prompts["row 1"] == 3
    assert [call["error_kind"] for call in calls(tmp_path) if call["dialogue_id"] == "row 1"] == [kind] * 3


@pytest.mark.parametrize(
    ("content", "repairs"),
    [
        ([{"type": "text", "text": '{"value": '}, {"type": "text", "text": '"row 0"}'}], []),
        ('```json\n{"value": "row 0"}\n```', ["taken out of a code fence"]),
        ('Sure: {"value": "row 0",}', ["trailing commas dropped"]),
        ('<think>{"value": 1}, or {x}?</think>\n{"value": "row 0"}', ["reasoning before the reply dropped"]),
        (
            'Is it {x}?</think>```json\n{"value": "row 0"}\n```',
            ["reasoning before the reply dropped", "taken out of a code fence"],
        ),
    ],
)
def test_what_is_mended_without_asking_again(content: Any, repairs: list[str], serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda *_: says(content))
    assert all_came_out(run(tmp_path, server.url, rows(1)), prompts(1))
    assert [call["repairs"] for call in calls(tmp_path)] == [repairs]
    assert all_came_out(run(tmp_path, "http://127.0.0.1:1/v1", rows(1)), prompts(1)), "and again from the cache"


@pytest.mark.parametrize("spoiled", [1, 2])
def test_a_stopped_run_goes_on_from_the_replies_it_could_not_use(spoiled: int, serve: Serve, tmp_path: Path) -> None:
    """They are paid for: the next run sends the next try, with what was wrong with the last reply."""

    def behave(number: int, body: Body) -> Answer:
        if number <= spoiled:
            return says(f"no json {number}")
        return refuses(429, "come back tomorrow", retry_after="90000") if number == spoiled + 1 else echo(body)

    server = serve(behave)
    (stopped,) = run(tmp_path, server.url, rows(1), concurrency=1).values()
    assert stopped.stopped is not None
    assert len(server.bodies) == spoiled + 1
    assert all_came_out(run(tmp_path, server.url, rows(1), concurrency=1), prompts(1))
    assert server.bodies[-2] == server.bodies[-1], "the try that came to nothing, and no earlier one"
    assert f"no json {spoiled}" in str(server.bodies[-1]["messages"])
    assert [call["usable"] for call in calls(tmp_path)] == [False] * spoiled + [True]


IN_VAIN = [
    pytest.param(says("no json"), "malformed", 3, id="malformed"),
    pytest.param(says(None, refusal="I won't."), "refused", 3, id="refused"),
    pytest.param(says("{", finish_reason="length"), "truncated", 3, id="truncated"),
    pytest.param(says("x", finish_reason="content_filter"), "filtered", 3, id="reply_filtered"),
    pytest.param(refuses(400, "not this", "content_filter"), "filtered", 1, id="prompt_filtered"),
]


@pytest.mark.parametrize(("answer", "kind", "asked"), IN_VAIN)
def test_tries_in_vain_are_not_paid_for_again_while_nobody_was_told_their_end(
    answer: Answer, kind: str, asked: int, serve: Serve, tmp_path: Path
) -> None:
    """As where a run is stopped before it has written its rows: they fail in the next, as they would have in that."""
    server = serve(lambda number, body: answer if number <= asked else echo(body))
    (failed,) = run(tmp_path, server.url, rows(1)).values()
    assert (failed.error_kind, len(server.bodies)) == (kind, asked)
    assert run(tmp_path, server.url, rows(1)) == {"row 0": failed}
    assert len(server.bodies) == asked
    assert [use["cached"] for use in uses(tmp_path)] == [False, True]


def test_many_tries_in_vain_are_found_by_one_query(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda *_: says("no json"))
    outcomes = run(tmp_path, server.url, rows(20))
    read, statements = Store.read, Counter[str]()

    def counted(of: Store, statement: str, params: Any = ()) -> list[dict[str, Any]]:
        statements[statement] += 1
        return read(of, statement, params)

    monkeypatch.setattr(Store, "read", counted)
    assert run(tmp_path, server.url, rows(20)) == outcomes
    assert len(server.bodies) == 60
    assert 1 <= statements[sql("calls/unusable_replies")] <= 2


def test_a_request_whose_tries_were_all_in_vain_is_asked_from_the_start_once_that_was_told(
    serve: Serve, tmp_path: Path
) -> None:
    """Whoever runs a failed row again wants it to be tried again; what is paid for then is gone on from too."""

    def behave(number: int, body: Body) -> Answer:
        if number <= 4:
            return says(f"no json {number}")
        return refuses(429, "come back tomorrow", retry_after="90000") if number == 5 else echo(body)

    server = serve(behave)
    (failed,) = run(tmp_path, server.url, rows(1)).values()
    assert failed.error_kind == "malformed"
    assert failed.call_id is not None
    told = {failed.call_id: datetime.now(UTC)}
    (stopped,) = run(tmp_path, server.url, rows(1), given_up=told).values()
    assert stopped.stopped is not None
    assert len(server.bodies) == 5
    assert len(server.bodies[3]["messages"]) == len(server.bodies[0]["messages"]), "from the start"
    assert all_came_out(run(tmp_path, server.url, rows(1), given_up=told), prompts(1))
    assert server.bodies[4] == server.bodies[5]
    assert "no json 4" in str(server.bodies[5]["messages"])


def test_where_nobody_keeps_failed_rows_tries_in_vain_are_made_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: says("no json") if number <= 3 else echo(body))
    (failed,) = run(tmp_path, server.url, rows(1), given_up=None).values()
    assert failed.error_kind == "malformed"
    assert all_came_out(run(tmp_path, server.url, rows(1), given_up=None), prompts(1))
    assert len(server.bodies) == 4
    assert len(server.bodies[-1]["messages"]) == len(server.bodies[0]["messages"])


def test_more_tries_than_before_go_on_where_those_ended(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: says(f"no json {number}") if number <= 3 else echo(body))
    run(tmp_path, server.url, rows(1))
    assert all_came_out(run(tmp_path, server.url, rows(1), repair_tries=3), prompts(1))
    assert len(server.bodies) == 4
    assert "no json 3" in str(server.bodies[-1]["messages"])


def test_replies_whose_texts_were_pruned_are_not_gone_on_from(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: says("no json") if number <= 3 else echo(body))
    run(tmp_path, server.url, rows(1))
    pruned = {name: [call[name] for call in calls(tmp_path)] for name in ("call_id", "created_at")}
    with store(tmp_path).write() as connection:
        named = {"call_ids": pruned["call_id"], "times": pruned["created_at"]}
        connection.execute(sql("calls/prune_model_calls"), named)
    assert all_came_out(run(tmp_path, server.url, rows(1)), prompts(1))
    assert len(server.bodies) == 4


def checked_row(check: Callable[[Value], str | None]) -> dict[str, Program[str]]:
    """A row whose reply is put to a check."""

    def program() -> Program[str]:
        answer = yield from ask(replace(request("row 0"), check=check))
        return answer.reply.value

    return {"row 0": program()}


def test_a_reply_kept_with_a_fault_is_kept_by_the_next_run_too(serve: Serve, tmp_path: Path) -> None:
    """None of its tries was usable, so it is not found among stored responses."""
    server = serve(lambda number, _: says('{"value": "rough"}') if number == 1 else says("no json"))
    for _ in range(2):
        (kept,) = run(tmp_path, server.url, checked_row(lambda value: f"{value.value} won't do")).values()
        assert kept.row == "rough"
        assert len(server.bodies) == 3
    assert "rough won't do" in str(server.bodies[1]["messages"])
    assert [call["error_kind"] for call in calls(tmp_path)] == ["check", "malformed", "malformed"]


def test_a_stored_reply_that_a_changed_check_accepts_is_taken(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, _: says('{"value": "rough"}') if number == 1 else says("no json"))
    run(tmp_path, server.url, checked_row(lambda _: "no"))
    (taken,) = run(tmp_path, server.url, checked_row(lambda _: None)).values()
    assert (taken.row, len(server.bodies)) == ("rough", 3)
