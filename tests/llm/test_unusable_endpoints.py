"""Faults that no retry mends: the run stops soon, and says which setting to change."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.llm.flaky_server import Answer, Behaviour, Body, FlakyServer, echo, refuses
from tests.llm.rows import KEY, all_came_out, calls, prompts, rows, run
from toolace_dagster.llm.protocol import EndpointUnusable

Serve = Callable[[Behaviour], FlakyServer]


@pytest.mark.parametrize(
    ("answer", "mend"),
    [
        (refuses(404, "The model `m` does not exist", "model_not_found"), "--model"),
        (refuses(400, "m is not a valid model ID"), "--model"),
        (refuses(400, "Model Not Exist"), "--model"),
        (Answer("404 page not found", status=404), "OPENAI_BASE_URL"),
        (Answer("Method not allowed", status=405), "OPENAI_BASE_URL"),
        (refuses(401, "Incorrect API key provided"), "OPENAI_API_KEY"),
        (refuses(403, "No access"), "OPENAI_API_KEY"),
        (refuses(400, "API key not valid. Please pass a valid API key."), "OPENAI_API_KEY"),
        (refuses(429, "You exceeded your current quota", "insufficient_quota"), "out of credit"),
        (refuses(402, "Insufficient Balance"), "out of credit"),
        (Answer("<html>Welcome</html>", headers={"content-type": "text/html"}), "OPENAI_BASE_URL"),
    ],
)
def test_endpoint_is_given_up(answer: Answer, mend: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda *_: answer)
    with pytest.raises(EndpointUnusable, match=mend) as caught:
        run(tmp_path, server.url, rows(30), concurrency=4)
    assert server.url in str(caught.value)
    assert len(server.bodies) < 50


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "http://no-such-host.invalid/v1", "http://127.0.0.1:99999"])
def test_nobody_there(url: str, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(EndpointUnusable, match="--base-url"):
        run(tmp_path, url, rows(30))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://localhost/v1", "http://", "http://host:port/v1", "http://[::1/v1", "no url"]
)
def test_bad_base_url(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EndpointUnusable, match=r"^--base-url is .* Set it to one like http://localhost:8000/v1"):
        run(tmp_path, url, rows(1))
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(EndpointUnusable, match=r"^OPENAI_BASE_URL is"):
        run(tmp_path, "", rows(1))


@pytest.mark.parametrize("behind", ["?api-version=1", "#x"])
def test_base_url_with_a_query(behind: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    with pytest.raises(EndpointUnusable, match=r"llm\.query\."):
        run(tmp_path, f"{server.url}{behind}", rows(1))
    assert server.bodies == []


def test_password_in_base_url_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://someone:hunter2@127.0.0.1:1/v1")
    with pytest.raises(EndpointUnusable, match="user name or password") as caught:
        run(tmp_path, "", rows(1))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", [None, "", "  "])
def test_missing_key(key: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if key is None:
        monkeypatch.delenv("OPENAI_API_KEY")
    else:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(EndpointUnusable, match=r"OPENAI_API_KEY is not set\. Set it"):
        run(tmp_path, "http://127.0.0.1:1/v1", rows(1))


@pytest.mark.parametrize("key", ["ключ-ключ-ключ", "sk-1234\nsk-5678"])
def test_key_that_no_header_carries(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(EndpointUnusable, match="OPENAI_API_KEY holds") as caught:
        run(tmp_path, "http://127.0.0.1:1/v1", rows(1))
    assert key not in str(caught.value)


def test_key_from_a_file_ends_in_a_line_break(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    assert all_came_out(run(tmp_path, serve(lambda _, body: echo(body)).url, rows(1)), prompts(1))


def test_fault_found_late_keeps_what_was_paid(serve: Serve, tmp_path: Path) -> None:
    def behave(number: int, body: Body) -> Answer:
        return refuses(401, "Key revoked") if number > 20 else echo(body)

    with pytest.raises(EndpointUnusable, match="OPENAI_API_KEY"):
        run(tmp_path, serve(behave).url, rows(60), concurrency=4)
    assert 16 <= len(calls(tmp_path)) <= 20
    rest = serve(lambda _, body: echo(body))
    paid = len(calls(tmp_path))
    assert all_came_out(run(tmp_path, rest.url, rows(60)), prompts(60))
    assert len(rest.bodies) == 60 - paid


def test_endpoint_that_goes_away_is_given_up(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))

    def stop_after_a_row(prompt: str):
        row = yield from rows_of[prompt]
        if prompt == "row 5":
            server.stop()
        return row

    rows_of = rows(40)
    with pytest.raises(EndpointUnusable, match="could not be reached"):
        run(tmp_path, server.url, {p: stop_after_a_row(p) for p in rows_of}, concurrency=2, transport_retries=2)
    assert len(calls(tmp_path)) >= 6
