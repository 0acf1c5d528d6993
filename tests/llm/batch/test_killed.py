"""A run that is killed at any moment goes on where it was, and no line is paid for twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from aiohttp import web

from tests.llm.batch.endpoints import Body, Echo, Requests, batch_settings, batching, left_over, run, run_mortal
from tests.llm.flaky_server import prompt_of
from tests.llm.rows import KEY, all_came_out, calls, journal, prompts, rows
from toolace_dagster.llm.batch.submissions import under_way
from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.offline.server import Fate, Refusal
from toolace_dagster.llm.progress import Progress
from toolace_dagster.llm.protocol import EndpointUnusable

COUNT = 5
PAID = {"row 0": 2, "row 1": 2, "row 2": 1, "row 3": 1, "row 4": 1}
"""The first row is answered badly at first, the second with an error."""

UPLOAD, CREATE = "POST /v1/files", "POST /v1/batches"
LOOK, COLLECT = "GET /v1/batches/{id}", "GET /v1/files/{id}/content"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolace_dagster.llm.batch.service._SURE_AFTER", 0.5)
    monkeypatch.setattr("toolace_dagster.llm.batch.service._LOOK_EVERY", 0.1)


def bad_at_first(times: int, body: Body) -> str | None:
    if times == 1 and prompt_of(body) == "row 1":
        raise Refusal(503, "overloaded")
    return "{nonsense" if times == 1 and prompt_of(body) == "row 0" else None


def start(folder: Path, url: str, kept: int | None = None) -> ForkServerProcess:
    """A run in a process of its own, which needs no imports any more."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run_mortal.__module__])
    child = context.Process(target=run_mortal, args=(folder, url, COUNT, kept))
    child.start()
    return child


def end_of(child: ForkServerProcess) -> int | None:
    """The exit code, when it has ended."""
    child.join(60)
    # The fork server says 255 of a child whose end it missed, which one that kills itself can bring about.
    return -signal.SIGKILL if child.exitcode == 255 else child.exitcode


def goes_on(folder: Path, url: str, model: Echo) -> None:
    """A second run makes all rows, and nothing was paid for but once."""
    assert all_came_out(run(folder, url, rows(COUNT)), prompts(COUNT))
    assert model.paid == PAID
    kept = Counter((row["dialogue_id"], row["usable"]) for row in calls(folder))
    assert kept == {("row 0", False): 1} | {(prompt, True): 1 for prompt in prompts(COUNT)}
    assert left_over(folder) == []


@pytest.mark.parametrize(
    ("when", "route", "number"),
    [
        ("after", UPLOAD, 1),
        ("before", CREATE, 1),
        ("after", CREATE, 1),
        ("after", CREATE, 2),
        ("after", LOOK, 1),
        ("before", COLLECT, 1),
        ("after", COLLECT, 1),
        ("after", COLLECT, 3),
    ],
)
def test_killed_between_two_requests(tmp_path: Path, when: str, route: str, number: int) -> None:
    """The server kills the client when a request comes, before it is worked off or before it is answered."""
    model = Echo(bad_at_first)
    with batching(model) as (url, requests):
        child = start(tmp_path, url)

        def strike(seen: str) -> web.Response | None:
            if seen != route or requests.seen[route] != number or not child.is_alive():
                return None
            child.kill()
            child.join()
            return web.Response(status=503)

        def strike_after(seen: str) -> None:
            strike(seen)

        if when == "before":
            requests.before = strike
        else:
            requests.after = strike_after
        assert end_of(child) == -signal.SIGKILL
        requests.before = requests.after = None
        goes_on(tmp_path, url, model)


@pytest.mark.parametrize("kept", [0, 2, 5])
def test_killed_while_responses_are_written_down(tmp_path: Path, kept: int) -> None:
    model = Echo(bad_at_first)
    with batching(model) as (url, _):
        assert end_of(start(tmp_path, url, kept)) == -signal.SIGKILL
        goes_on(tmp_path, url, model)


def test_interrupted_while_a_batch_is_under_way(tmp_path: Path) -> None:
    """Ctrl-C keeps everything; the batch goes on, and the next run collects it."""
    model = Echo()
    with batching(model, batch_fate=Fate(seconds=1.0)) as (url, requests):

        def interrupt() -> None:
            while not requests.seen[LOOK]:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, url, rows(COUNT))
        thread.join()
        assert under_way(tmp_path / "garages.batches") == 1
        told: list[Progress] = []
        assert all_came_out(run(tmp_path, url, rows(COUNT), progress=told), prompts(COUNT))
        assert requests.seen[CREATE] == 1
    assert set(model.paid.values()) == {1}
    assert max(progress.in_flight for progress in told) == COUNT
    assert under_way(tmp_path / "garages.batches") == 0


def test_rows_that_are_wanted_no_more_are_kept_for_who_wants_them(tmp_path: Path) -> None:
    """A run over fewer rows collects the whole batch; what it did not ask for is not paid for again later."""
    model = Echo()
    with batching(model) as (url, requests):
        _cut_off(tmp_path, url, requests)
        assert all_came_out(run(tmp_path, url, rows(2)), prompts(2))
        assert len(left_over(tmp_path)) == 1
        assert all_came_out(run(tmp_path, url, rows(COUNT)), prompts(COUNT))
        assert requests.seen[CREATE] == 1
    assert set(model.paid.values()) == {1}
    assert left_over(tmp_path) == []


def test_batches_of_another_endpoint_are_left_alone(tmp_path: Path) -> None:
    model = Echo()
    with batching(model) as (url, requests):
        _cut_off(tmp_path, url, requests)
        with batching() as (other, _):
            assert all_came_out(run(tmp_path, other, rows(2)), prompts(2))
        assert under_way(tmp_path / "garages.batches") == 1
        assert all_came_out(run(tmp_path, url, rows(COUNT)), prompts(COUNT))
        assert requests.seen[CREATE] == 1


def test_a_batch_the_endpoint_does_not_know_is_not_paid_for_again_unasked(tmp_path: Path) -> None:
    with batching() as (url, requests):
        _cut_off(tmp_path, url, requests)
        requests.before = lambda route: (
            web.json_response({"error": {"message": "No batch found"}}, status=404) if route == LOOK else None
        )
        with pytest.raises(EndpointUnusable, match=r"knows no batch batch_.*OPENAI_API_KEY.*garages\.batches"):
            run(tmp_path, url, rows(COUNT))
        assert requests.seen[CREATE] == 1
    assert under_way(tmp_path / "garages.batches") == 1


def test_a_manner_that_was_refused_before_the_kill_is_not_refused_further(tmp_path: Path) -> None:
    """Answers to lines of an earlier manner say nothing about the present one."""

    def refuses(_: int, body: Body) -> str | None:
        if body.get("response_format", {}).get("type") == "json_schema":
            raise Refusal(400, "'response_format' of type 'json_schema' is not supported.", param="response_format")
        return None

    model = Echo(refuses)
    with batching(model) as (url, requests):
        _cut_off(tmp_path, url, requests, number=2)
        assert all_came_out(run(tmp_path, url, rows(COUNT)), prompts(COUNT))
    formats = [body.get("response_format", {}).get("type") for body in model.bodies]
    assert formats == ["json_schema"] * COUNT + ["json_object"] * COUNT


def test_a_creation_whose_answer_is_lost_is_looked_up(tmp_path: Path) -> None:
    """The same process does what a restarted one would."""
    model = Echo()
    with batching(model) as (url, requests):
        lost: list[str] = []

        def lose(route: str) -> None:
            if route == CREATE and not lost:
                lost.append(route)
                raise ConnectionResetError

        requests.after = lose
        assert all_came_out(run(tmp_path, url, rows(COUNT)), prompts(COUNT))
        assert requests.seen[CREATE] == 1
        assert requests.seen["GET /v1/batches"] >= 1
    assert set(model.paid.values()) == {1}


def test_half_a_folder_is_no_submission(tmp_path: Path) -> None:
    (tmp_path / "garages.batches" / "torn").mkdir(parents=True)
    (tmp_path / "garages.batches" / "torn" / "input.jsonl").write_text("{")
    with batching() as (url, _):
        assert all_came_out(run(tmp_path, url, rows(2)), prompts(2))
    assert left_over(tmp_path) == []


def _cut_off(folder: Path, url: str, requests: Requests, number: int = 1) -> None:
    """Submit a batch and stop before it is looked at: the polls of a run are refused for good."""

    def refuse(route: str) -> web.Response | None:
        if route == LOOK and requests.seen[CREATE] == number:
            return web.json_response({"error": {"message": "stop"}}, status=401)
        return None

    requests.before = refuse
    with pytest.raises(EndpointUnusable, match="refused the key"):
        run_programs(Gateway(batch_settings(url), journal(folder)), rows(COUNT))
    requests.before = None
    assert under_way(folder / "garages.batches") == 1
    held = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in held if KEY.encode() in path.read_bytes()] == []
