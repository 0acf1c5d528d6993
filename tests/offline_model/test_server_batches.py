"""Files and batches, as the real ``openai`` client sees them."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import openai
import pytest
from openai.types import Batch

from tests.offline_model.drive import body, shipped_pools
from tests.pipeline.servers import served
from toolace_dagster.llm.offline import OfflineModel
from toolace_dagster.llm.offline.server import Fate, Refusal, make_app

ENDPOINT = "/v1/chat/completions"


@contextmanager
def connected(**settings: Any) -> Generator[openai.OpenAI]:
    app = make_app(OfflineModel(0), **settings)
    with served(app) as url, openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        yield client


def request(number: int = 1, **more: Any) -> dict[str, Any]:
    plan = {"persona": "x", "sub_tasks": [{"tools": ["find_household"], "steps": 1}]}
    asked = body("task_spec", tools=shipped_pools()["home_energy"], plan=plan, fault=None) | {"seed": number}
    return {"custom_id": f"row-{number}", "method": "POST", "url": ENDPOINT, "body": asked} | more


def upload(client: openai.OpenAI, lines: Sequence[dict[str, Any] | str]) -> str:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return client.files.create(file=("input.jsonl", text.encode()), purpose="batch").id


def create(client: openai.OpenAI, lines: Sequence[dict[str, Any] | str], **more: Any) -> Batch:
    return client.batches.create(
        input_file_id=upload(client, lines), endpoint=ENDPOINT, completion_window="24h", **more
    )


def ask_for(client: openai.OpenAI, asked: dict[str, Any]) -> Batch:
    return client.batches.create(**asked)


def ended(client: openai.OpenAI, batch: Batch) -> Batch:
    deadline = time.monotonic() + 20
    while batch.status in ("validating", "in_progress", "finalizing", "cancelling"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
        batch = client.batches.retrieve(batch.id)
    return batch


def lines_of(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()] if file_id else []


def test_a_batch_answers_each_line_as_a_live_call_would() -> None:
    with connected() as client:
        batch = create(client, [request(1), request(2)], metadata={"token": "t-1"})
        assert (batch.status, batch.object, batch.metadata) == ("validating", "batch", {"token": "t-1"})
        assert batch.expires_at == batch.created_at + 24 * 3600
        done = ended(client, batch)
        assert (done.status, done.error_file_id, done.errors) == ("completed", None, None)
        assert done.request_counts is not None
        assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (2, 2, 0)
        assert None not in (done.in_progress_at, done.finalizing_at, done.completed_at)
        output = lines_of(client, done.output_file_id)
        assert [line["custom_id"] for line in output] == ["row-1", "row-2"]
        assert len({line["id"] for line in output}) == 2
        for number, line in enumerate(output, start=1):
            assert (line["error"], line["response"]["status_code"]) == (None, 200)
            live = client.chat.completions.create(**request(number)["body"])
            assert line["response"]["body"] == live.to_dict()
        tokens = sum(line["response"]["body"]["usage"]["total_tokens"] for line in output)
        assert done.usage is not None
        assert done.usage.total_tokens == tokens


def test_a_batch_goes_through_its_statuses_and_can_be_watched() -> None:
    seen: list[str] = []
    counts: list[int] = []
    with connected(batch_fate=Fate(seconds=0.6)) as client:
        batch = create(client, [request(number) for number in range(4)])
        while batch.status not in ("completed", "failed"):
            if batch.status not in seen:
                seen.append(batch.status)
            assert batch.request_counts is not None
            counts.append(batch.request_counts.completed)
            time.sleep(0.01)
            batch = client.batches.retrieve(batch.id)
    assert seen == ["validating", "in_progress", "finalizing"]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2


@pytest.mark.parametrize(
    ("lines", "code", "line"),
    [
        ([request(1), "{broken"], "invalid_json_line", 2),
        ([request(1), "[1]"], "invalid_json_line", 2),
        ([request(1), request(1)], "duplicate_custom_id", 2),
        ([request(1, url="/v1/embeddings")], "url_mismatch", 1),
        ([request(1, method="GET")], "invalid_method", 1),
        ([request(1, custom_id=None)], "missing_required_parameter", 1),
        ([request(1, body="text")], "missing_required_parameter", 1),
        ([request(1, body=request()["body"] | {"model": "other"})], "model_not_found", 1),
        ([request(1), request(2, body=request()["body"] | {"model": "offline-2"})], "model_mismatch", 2),
        ([request(number) for number in range(4)], "too_many_tasks", None),
        (["  ", " "], "empty_file", None),
    ],
)
def test_a_wrong_file_fails_the_batch_and_says_where(
    lines: list[dict[str, Any] | str], code: str, line: int | None
) -> None:
    with connected(most_lines=3) as client:
        batch = ended(client, create(client, lines))
        assert (batch.status, batch.output_file_id, batch.error_file_id) == ("failed", None, None)
        assert batch.failed_at is not None
        assert batch.errors is not None
        assert [(error.code, error.line) for error in batch.errors.data or []] == [(code, line)]
        assert all(error.message for error in batch.errors.data or [])


def test_lines_that_fail_are_in_the_error_file() -> None:
    with connected(batch_fate=Fate(failing_share=0.5)) as client:
        bad = request(99, body=request()["body"] | {"messages": []})
        batch = ended(client, create(client, [*(request(number) for number in range(12)), bad]))
        output, errors = lines_of(client, batch.output_file_id), lines_of(client, batch.error_file_id)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (len(output), len(errors)) == (batch.request_counts.completed, batch.request_counts.failed)
    statuses = {line["custom_id"]: line["response"]["status_code"] for line in errors}
    assert statuses.pop("row-99") in (400, 500)
    assert set(statuses.values()) == {500}
    assert {line["custom_id"] for line in (*output, *errors)} == {f"row-{n}" for n in [*range(12), 99]}
    assert all(line["response"]["body"]["error"]["message"] for line in errors)


def test_a_batch_that_expires_keeps_what_it_has() -> None:
    with connected(batch_fate=Fate(expires_after=0.5)) as client:
        batch = ended(client, create(client, [request(number) for number in range(4)]))
        output, errors = lines_of(client, batch.output_file_id), lines_of(client, batch.error_file_id)
    assert (batch.status, len(output)) == ("expired", 2)
    assert batch.expired_at is not None
    assert [(line["custom_id"], line["response"], line["error"]["code"]) for line in errors] == [
        ("row-2", None, "batch_expired"),
        ("row-3", None, "batch_expired"),
    ]


def test_a_batch_can_be_cancelled_until_it_has_ended() -> None:
    with connected(batch_fate=Fate(seconds=3)) as client:
        batch = create(client, [request(number) for number in range(6)])
        while not batch.request_counts or batch.request_counts.completed < 1:
            time.sleep(0.02)
            batch = client.batches.retrieve(batch.id)
        assert client.batches.cancel(batch.id).status == "cancelling"
        batch = ended(client, batch)
        output, errors = lines_of(client, batch.output_file_id), lines_of(client, batch.error_file_id)
        assert batch.status == "cancelled"
        assert len(output) >= 1
        assert len(output) + len(errors) == 6
        assert {line["error"]["code"] for line in errors} == {"batch_cancelled"}
        with pytest.raises(openai.ConflictError, match="cancelled"):
            client.batches.cancel(batch.id)


def test_files() -> None:
    with connected(most_bytes=2_000) as client:
        first = client.files.create(
            file=("in put.jsonl", b"{}\n"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
        )
        assert (first.filename, first.bytes, first.purpose, first.status) == ("in put.jsonl", 3, "batch", "processed")
        assert first.expires_at == first.created_at + 3600
        second = client.files.create(file=("b.txt", b"text\r\n\x00"), purpose="user_data")
        assert client.files.content(second.id).content == b"text\r\n\x00"
        assert client.files.retrieve(second.id) == second
        assert [file.id for file in client.files.list()] == [second.id, first.id]
        assert [file.id for file in client.files.list(order="asc", limit=1)] == [first.id, second.id]
        assert [file.id for file in client.files.list(purpose="batch")] == [first.id]
        assert client.files.delete(first.id).deleted
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            client.files.content(first.id)


@pytest.mark.parametrize(
    ("name", "content", "purpose", "words"),
    [
        ("a.txt", b"{}", "batch", "Must be .jsonl"),
        ("a.jsonl", b"", "batch", "empty"),
        ("a.jsonl", b"x" * 2_001, "batch", "too large"),
        ("a.jsonl", b"{}", "cooking", "is not one of"),
    ],
)
def test_files_that_are_refused(name: str, content: bytes, purpose: Any, words: str) -> None:
    with connected(most_bytes=2_000) as client, pytest.raises(openai.APIStatusError, match=words) as raised:
        client.files.create(file=(name, content), purpose=purpose)
    assert raised.value.status_code == (413 if len(content) > 2_000 else 400)


def test_batches_that_are_refused() -> None:
    refusal = Refusal(429, "Too many batches.", code="rate_limit_exceeded", kind="requests")
    with connected(batch_fate=lambda number: Fate(rejected=refusal) if number == 1 else Fate()) as client:
        file = upload(client, [request()])
        other = client.files.create(file=("a.jsonl", b"{}"), purpose="user_data").id
        asked: dict[str, Any] = {"input_file_id": file, "endpoint": ENDPOINT, "completion_window": "24h"}
        wrong: list[dict[str, Any]] = [
            {"endpoint": "/v1/embeddings"},
            {"completion_window": "1h"},
            {"input_file_id": other},
            {"metadata": {"k" * 65: "v"}},
            {"metadata": {"k": "v" * 513}},
        ]
        for change in wrong:
            with pytest.raises(openai.BadRequestError):
                ask_for(client, asked | change)
        with pytest.raises(openai.NotFoundError):
            ask_for(client, asked | {"input_file_id": "file-none"})
        with pytest.raises(openai.NotFoundError, match="No batch found"):
            client.batches.retrieve("batch_none")
        with pytest.raises(openai.RateLimitError, match="Too many batches"):
            ask_for(client, asked)
        assert list(client.batches.list()) == []
        assert ended(client, ask_for(client, asked)).status == "completed"


def test_batches_are_listed_newest_first_page_by_page() -> None:
    with connected() as client:
        made = [create(client, [request()], metadata={"number": str(number)}).id for number in range(5)]
        first = client.batches.list(limit=2)
        assert ([batch.id for batch in first.data], first.has_more) == (made[:2:-1], True)
        assert [batch.id for batch in client.batches.list(limit=2)] == made[::-1]
        with pytest.raises(openai.BadRequestError, match="limit"):
            client.batches.list(limit=101)


def test_a_batch_can_fail_as_told() -> None:
    with connected(batch_fate=Fate(fails="token_limit_exceeded")) as client:
        batch = ended(client, create(client, [request()]))
    assert batch.errors is not None
    assert [error.code for error in batch.errors.data or []] == ["token_limit_exceeded"]


def test_an_endpoint_without_batches() -> None:
    with connected(batches=False) as client:
        with pytest.raises(openai.NotFoundError, match="Unknown request URL"):
            upload(client, [request()])
        with pytest.raises(openai.NotFoundError, match="Unknown request URL"):
            client.batches.list()


def test_the_key_is_asked_for_everywhere() -> None:
    with connected(api_key="right") as client:
        for call in (client.files.list, client.batches.list):
            with pytest.raises(openai.AuthenticationError):
                call()
