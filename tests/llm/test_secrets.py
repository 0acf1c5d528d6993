"""The API key is in the request's header and nowhere else, even when everything echoes it."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, prompt_of, refuses, says
from tests.llm.rows import KEY, calls, journal, rows, run
from toolace_dagster.llm.batch.lines import LineLost, read_results
from toolace_dagster.llm.protocol import EndpointUnusable

Serve = Callable[[Behaviour], FlakyServer]


def echo_the_key(_: int, body: Body) -> Answer:
    """An endpoint that tells the key in every way it can."""
    answers = {
        "row 0": says(f'{{"value": "your key is {KEY}"}}'),
        "row 1": says(f"no json but {KEY}"),
        "row 2": says(None, refusal=f"not with {KEY}"),
        "row 3": refuses(500, f"Bearer {KEY} made me fail"),
        "row 4": refuses(400, f"bad request of {KEY}", KEY),
        "row 5": Answer(f"<html>{KEY}</html>", headers={"content-type": "text/html"}),
        "row 6": Answer({"error": KEY}),
        "row 7": says(f'{{"{KEY}": 1}}'),
        "row 8": says('{"value": "x"}', finish_reason=KEY),
    }
    return answers[prompt_of(body)]


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("openai", "asyncio", "httpx2", "aiohttp", "toolace_dagster"):
        caplog.set_level(logging.DEBUG, name)


def test_key_is_kept_out_of_files_and_rows(serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outcomes = run(tmp_path, serve(echo_the_key).url, rows(9), transport_retries=0)
    assert outcomes["row 0"].row == "your key is [key]"
    assert KEY not in repr(outcomes)
    assert len(calls(tmp_path)) >= 9
    assert KEY not in repr(calls(tmp_path))
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    own = [record for record in caplog.records if not record.name.startswith(("aiohttp.", "openai"))]
    assert KEY not in repr([record.getMessage() for record in own])


def test_key_is_kept_out_of_the_journal_file(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolace_dagster.llm.journal.CallJournal.close", lambda kept: kept.keep())
    run(tmp_path, serve(echo_the_key).url, rows(9), transport_retries=0)
    lines = (tmp_path / "garages.jsonl").read_bytes()
    assert lines.count(b'["call"') >= 9
    assert KEY.encode() not in lines
    monkeypatch.undo()
    journal(tmp_path).open()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_key_is_kept_out_of_exceptions(status: int, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda *_: refuses(status, f"Incorrect API key provided: {KEY}"))
    with pytest.raises(EndpointUnusable) as caught:
        run(tmp_path, server.url, rows(1))
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert "[key]" in str(caught.value)


def test_key_in_the_base_url_is_not_told(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(lambda *_: refuses(404, "no"))
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}?api-key={KEY}")
    with pytest.raises(EndpointUnusable) as caught:
        run(tmp_path, "", rows(1))
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(f"{'x' * 85}{KEY}"),
        Answer(f'["{"x" * 85}{KEY}"]'),
        refuses(500, "x" * 380 + KEY),
        Answer({"error": {"message": "x" * 380 + KEY}}),
    ],
)
def test_no_part_of_a_key_is_left_where_a_message_is_cut(serve: Serve, tmp_path: Path, answer: Answer) -> None:
    server = serve(lambda _number, _body: answer)
    try:
        told = run(tmp_path, server.url, rows(1), transport_retries=0)["row 0"].error
    except EndpointUnusable as error:
        told = str(error)
    assert "xxx" in told
    assert KEY[:6] not in told


def test_lines_of_a_batch_tell_no_key(tmp_path: Path) -> None:
    path = tmp_path / "errors.jsonl"
    codes = ("batch_cancelled", "batch_expired", f"failed_with_{KEY}")
    lines = [{"custom_id": code, "error": {"code": code, "message": "x" * 280 + KEY}} for code in codes]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    results = [result for _, result in read_results(path, "http://127.0.0.1/v1")]
    assert all(isinstance(result, LineLost) and "xxx" in result.error.message for result in results)
    assert len(results) == 3
    assert KEY[:6] not in repr([result.error for result in results])
