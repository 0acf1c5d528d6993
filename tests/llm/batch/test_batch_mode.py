"""Rows through batches: the same results as live, whatever becomes of lines and batches."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web

from tests.llm.batch.endpoints import Body, Echo, batching, left_over, run
from tests.llm.flaky_server import prompt_of
from tests.llm.rows import all_came_out, calls, program, prompts, request, rows
from toolace_dagster.llm.offline.server import Fate, Refusal
from toolace_dagster.llm.progress import Progress
from toolace_dagster.llm.protocol import EndpointUnusable, Program, ask, ask_all


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolace_dagster.llm.batch.service._FIRST_WAIT", 0.01)


def twice(prompt: str) -> Program[str]:
    """A row that asks, and asks two more at once with what it got."""
    first = yield from ask(request(prompt))
    both = yield from ask_all([request(f"{first.reply.value} and {part}") for part in ("left", "right")])
    return " / ".join(answer.reply.value for answer in both)


def test_rows_go_in_waves_of_one_batch_each(tmp_path: Path) -> None:
    model = Echo()
    told: list[Progress] = []
    with batching(model) as (url, requests):
        outcomes = run(tmp_path, url, {prompt: twice(prompt) for prompt in prompts(20)}, progress=told)
    assert {row_id: outcome.row for row_id, outcome in outcomes.items()} == {
        prompt: f"{prompt} and left / {prompt} and right" for prompt in prompts(20)
    }
    assert requests.batches == 2
    assert requests.seen["POST /v1/chat/completions"] == 0
    assert set(model.paid.values()) == {1}
    kept = calls(tmp_path)
    assert len(kept) == 60
    assert {row["mode"] for row in kept} == {"batch"}
    assert len({row["batch_id"] for row in kept}) == 2
    assert all(row["batch_id"].startswith("batch_") and row["usable"] for row in kept)
    assert max(progress.in_flight for progress in told) == 40
    assert (told[-1].done, told[-1].in_flight, told[-1].prompt_tokens) == (60, 0, 600)
    assert left_over(tmp_path) == []


def test_a_second_run_is_answered_from_the_cache(tmp_path: Path) -> None:
    with batching() as (url, requests):
        run(tmp_path, url, rows(5))
        again = run(tmp_path, url, rows(7))
        assert all_came_out(again, prompts(7))
        assert requests.batches == 2
        live = run(tmp_path, url, rows(7), mode="live")
        assert all_came_out(live, prompts(7))
        assert requests.seen["POST /v1/chat/completions"] == 0
    assert len(calls(tmp_path)) == 7


def test_equal_requests_are_one_line(tmp_path: Path) -> None:
    model = Echo()

    def same(_: str) -> Program[str]:
        answer = yield from ask(request("the same"))
        return answer.reply.value

    with batching(model) as (url, _):
        outcomes = run(tmp_path, url, {prompt: same(prompt) for prompt in prompts(10)})
    assert {outcome.row for outcome in outcomes.values()} == {"the same"}
    assert model.paid == {"the same": 1}


def test_a_row_goes_on_when_its_own_batch_has_ended(tmp_path: Path) -> None:
    """The first batch takes long; rows of the second ask their second question before it is done."""
    ended: list[str] = []

    def row(prompt: str) -> Program[str]:
        yield from ask(request(prompt))
        answer = yield from ask(request(f"{prompt} again"))
        ended.append(prompt)
        return answer.reply.value

    fates = {1: Fate(seconds=1.0)}
    with batching(batch_fate=lambda number: fates.get(number, Fate())) as (url, _):
        outcomes = run(tmp_path, url, {prompt: row(prompt) for prompt in prompts(4)}, batch={"most_lines": 2})
    assert all(outcome.row for outcome in outcomes.values())
    assert set(ended[:2]) == {"row 2", "row 3"}


def test_inputs_are_split_at_the_limits(tmp_path: Path) -> None:
    with batching(most_lines=4, most_bytes=3_000) as (url, requests):
        outcomes = run(tmp_path / "lines", url, rows(10), batch={"most_lines": 4})
        assert all_came_out(outcomes, prompts(10))
        assert requests.batches == 3
        outcomes = run(tmp_path / "bytes", url, rows(10), batch={"most_bytes": 2_000})
        assert all_came_out(outcomes, prompts(10))
        assert requests.batches > 6
    assert {row["usable"] for row in calls(tmp_path / "bytes")} == {True}


def test_small_batches_keep_no_row_waiting_for_others(tmp_path: Path) -> None:
    told: list[Progress] = []
    with batching(most_lines=2) as (url, requests):
        assert all_came_out(run(tmp_path, url, rows(20), progress=told, batch={"most_lines": 2}), prompts(20))
    assert requests.batches == 10
    assert max(progress.in_flight for progress in told) == 20


@pytest.mark.parametrize("limit", [{"most_lines": 3}, {"most_bytes": 2_500}])
def test_limits_lower_than_told_are_found_out(tmp_path: Path, limit: dict[str, int]) -> None:
    model = Echo()
    with batching(model, **limit) as (url, _):
        outcomes = run(tmp_path, url, rows(16))
    assert all_came_out(outcomes, prompts(16))
    assert set(model.paid.values()) == {1}


def test_a_request_that_fits_into_no_batch_fails_alone(tmp_path: Path) -> None:
    with batching() as (url, _):
        asked = {**rows(3), "long": program("y" * 3000)}
        outcomes = run(tmp_path, url, asked, batch={"most_bytes": 2_500})
    assert all_came_out({row_id: outcomes[row_id] for row_id in prompts(3)}, prompts(3))
    assert (outcomes["long"].error_kind, "fits into no batch" in outcomes["long"].error) == ("bad_request", True)


def test_lines_that_fail_for_the_moment_go_into_the_next_batch(tmp_path: Path) -> None:
    def fails_once(times: int, body: Body) -> str | None:
        if times == 1 and prompt_of(body) in ("row 1", "row 3"):
            raise Refusal(503, "overloaded")
        return None

    told: list[Progress] = []
    with batching(Echo(fails_once)) as (url, requests):
        outcomes = run(tmp_path, url, rows(5), progress=told)
    assert all_came_out(outcomes, prompts(5))
    assert requests.batches == 2
    assert told[-1].retried == 2
    assert {row["dialogue_id"]: row["retries"] for row in calls(tmp_path)} == {
        "row 0": 0,
        "row 1": 1,
        "row 2": 0,
        "row 3": 1,
        "row 4": 0,
    }


def test_tries_end(tmp_path: Path) -> None:
    def fails(_: int, body: Body) -> str | None:
        if prompt_of(body) == "row 1":
            raise Refusal(500, "broken", kind="server_error")
        return None

    model = Echo(fails)
    with batching(model) as (url, requests):
        outcomes = run(tmp_path, url, rows(3), transport_retries=2)
        assert (requests.batches, model.paid["row 1"]) == (3, 3)
        assert outcomes["row 1"].error_kind == "server"
        assert "Status 500" in outcomes["row 1"].error
        assert outcomes["row 0"].row == "row 0"
        # A fault of the moment does not stand in the way of the next run.
        run(tmp_path, url, rows(3), transport_retries=2)
        assert (requests.batches, model.paid["row 1"]) == (6, 6)
    assert left_over(tmp_path) == []


def test_an_unusable_reply_is_shown_to_the_model_in_the_next_batch(tmp_path: Path) -> None:
    model = Echo(lambda times, body: "{nonsense" if times == 1 and prompt_of(body) == "row 0" else None)
    with batching(model) as (url, requests):
        outcomes = run(tmp_path, url, rows(2))
    assert all_came_out(outcomes, prompts(2))
    assert requests.batches == 2
    shown = [message["content"] for message in model.bodies[-1]["messages"]]
    assert shown[-2] == "{nonsense"
    assert "can't be used" in shown[-1]
    records = [(row["dialogue_id"], row["usable"], row["error_kind"]) for row in calls(tmp_path)]
    assert sorted(records, key=str) == [("row 0", False, "malformed"), ("row 0", True, None), ("row 1", True, None)]


def test_repairs_end(tmp_path: Path) -> None:
    model = Echo(lambda *_: "{nonsense")
    with batching(model) as (url, _):
        outcomes = run(tmp_path, url, rows(1), repair_tries=1)
    assert (outcomes["row 0"].error_kind, model.paid["row 0"]) == ("malformed", 2)


def test_an_endpoint_that_refuses_schemas_is_asked_by_the_next_manner(tmp_path: Path) -> None:
    def refuses(_: int, body: Body) -> str | None:
        if body.get("response_format", {}).get("type") == "json_schema":
            raise Refusal(400, "'response_format' of type 'json_schema' is not supported.", param="response_format")
        return None

    model = Echo(refuses)
    with batching(model) as (url, requests):
        outcomes = run(tmp_path, url, {prompt: twice(prompt) for prompt in prompts(4)})
    assert all(outcome.row for outcome in outcomes.values())
    assert requests.batches == 3
    formats = [body.get("response_format", {}).get("type") for body in model.bodies]
    assert formats == ["json_schema"] * 4 + ["json_object"] * 12


def test_a_refused_line_fails_its_row_alone(tmp_path: Path) -> None:
    def refuses(_: int, body: Body) -> str | None:
        if prompt_of(body) == "row 1":
            raise Refusal(400, "this prompt is refused")
        return None

    with batching(Echo(refuses)) as (url, requests):
        outcomes = run(tmp_path, url, rows(3))
    assert (outcomes["row 1"].error_kind, requests.batches) == ("bad_request", 1)
    assert "this prompt is refused" in outcomes["row 1"].error
    assert [outcomes[row].row for row in ("row 0", "row 2")] == ["row 0", "row 2"]


def test_what_an_expired_batch_left_is_submitted_again(tmp_path: Path) -> None:
    model = Echo()
    fates = {1: Fate(expires_after=0.5)}
    with batching(model, batch_fate=lambda number: fates.get(number, Fate())) as (url, requests):
        outcomes = run(tmp_path, url, rows(8))
    assert all_came_out(outcomes, prompts(8))
    assert (requests.batches, set(model.paid.values())) == (2, {1})


def test_expiry_ends_too(tmp_path: Path) -> None:
    with batching(batch_fate=Fate(expires_after=0.0)) as (url, requests):
        outcomes = run(tmp_path, url, rows(2), transport_retries=1)
    assert requests.batches == 2
    assert {outcome.error_kind for outcome in outcomes.values()} == {"timeout"}
    assert all("expired" in outcome.error for outcome in outcomes.values())


def test_a_cancelled_batch_keeps_what_it_has_and_ends_the_other_rows(tmp_path: Path) -> None:
    model = Echo()
    with batching(model, batch_fate=Fate(seconds=1.5)) as (url, requests):

        def cancel() -> None:
            with openai.OpenAI(base_url=url, api_key="k") as client:
                while not (batches := client.batches.list().data) or not model.paid:
                    time.sleep(0.02)
                client.batches.cancel(batches[0].id)

        thread = threading.Thread(target=cancel)
        thread.start()
        outcomes = run(tmp_path, url, rows(6))
        thread.join()
        answered = {prompt for prompt in prompts(6) if outcomes[prompt].row == prompt}
        assert answered == set(model.paid)
        assert 0 < len(answered) < 6
        lost = [outcome for outcome in outcomes.values() if outcome.row is None]
        assert {outcome.error_kind for outcome in lost} == {"batch"}
        assert all("cancelled" in outcome.error for outcome in lost)
        assert requests.batches == 1


def test_a_full_queue_is_waited_for_with_less_at_once(tmp_path: Path) -> None:
    """Ten lines fail like those beyond the limit of enqueued tokens, so do five; then three go at once."""

    def fate(number: int) -> Fate:
        return Fate(fails="token_limit_exceeded") if number <= 2 else Fate()

    model = Echo()
    with batching(model, batch_fate=fate) as (url, requests):
        outcomes = run(tmp_path, url, rows(10), batch={"poll": 0.02})
    assert all_came_out(outcomes, prompts(10))
    assert set(model.paid.values()) == {1}
    assert requests.batches == 2 + 4


@pytest.mark.parametrize(("code", "kind", "batches"), [("invalid_something", "batch", 1), ("server_error", "batch", 3)])
def test_a_batch_that_fails_ends_its_rows_with_the_reason(tmp_path: Path, code: str, kind: str, batches: int) -> None:
    with batching(batch_fate=Fate(fails=code)) as (url, requests):
        outcomes = run(tmp_path, url, rows(2), transport_retries=2)
    assert requests.batches == batches
    assert {outcome.error_kind for outcome in outcomes.values()} == {kind}
    assert all(code in outcome.error for outcome in outcomes.values())
    assert left_over(tmp_path) == []


def test_the_line_that_spoils_a_batch_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint fails the whole batch and names the line; the others go without it."""
    from toolace_dagster.llm.batch import lines

    encoded = lines.Line.encoded

    def spoilt(self: Any, url: str) -> bytes:
        text = encoded(self, url)
        return text.replace(b"POST", b"PUT ") if b"row 1" in text else text

    monkeypatch.setattr(lines.Line, "encoded", spoilt)
    model = Echo()
    with batching(model) as (url, requests):
        outcomes = run(tmp_path, url, rows(3))
    assert (outcomes["row 1"].error_kind, requests.batches) == ("bad_request", 2)
    assert "method of a request must be POST" in outcomes["row 1"].error
    assert model.paid == {"row 0": 1, "row 2": 1}


def test_faults_of_the_moment_at_each_request_are_borne(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of each kind of request is answered with 503; nothing is paid twice."""
    monkeypatch.setattr("toolace_dagster.llm.batch.service._SURE_AFTER", 0.1)
    model = Echo()
    with batching(model) as (url, requests):
        requests.before = lambda route: (
            web.json_response({"error": {"message": "busy"}}, status=503, headers={"retry-after": "0"})
            if requests.seen[route] == 1
            else None
        )
        outcomes = run(tmp_path, url, rows(3))
    assert all_came_out(outcomes, prompts(3))
    assert set(model.paid.values()) == {1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batches": False}, ["has no Batch API", "status 404", "Leave out --mode batch"]),
        (
            {"batch_fate": Fate(rejected=Refusal(400, "Billing hard limit has been reached.", code="billing"))},
            ["refuses batches", "Billing hard limit", "--mode batch"],
        ),
        ({"batch_fate": Fate(fails="model_not_found")}, ["failed batch batch_", "model_not_found"]),
        ({"api_key": "other"}, ["refused the key", "OPENAI_API_KEY"]),
    ],
)
def test_endpoints_that_can_not_batch_stop_the_run(tmp_path: Path, options: dict[str, Any], words: list[str]) -> None:
    with batching(**options) as (url, _), pytest.raises(EndpointUnusable) as raised:
        run(tmp_path, url, rows(3))
    for word in [*words, url]:
        assert word in str(raised.value)
    assert ".." not in str(raised.value)
    assert left_over(tmp_path) == []


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(EndpointUnusable, match="could not be reached"):
        run(tmp_path, "http://127.0.0.1:9/v1", rows(2), transport_retries=1)


def test_the_embedded_model_has_no_batches(tmp_path: Path) -> None:
    with pytest.raises(EndpointUnusable, match="offline-model serve"):
        run(tmp_path, "http://127.0.0.1:9/v1", rows(2), model="offline")
