"""Durability: what was paid for is there after any end, once, and is not paid for again."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.llm.flaky_server import Behaviour, FlakyServer, echo
from tests.llm.rows import all_came_out, calls, journal, prompts, request, rows, run, settings, store, uses
from toolace_dagster.entities import canonical_json
from toolace_dagster.llm.driver import run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.llm.journal import CallJournal, JournalBroken, JournalInUse
from toolace_dagster.llm.journal.file import JournalFile, line
from toolace_dagster.llm.progress import Progress
from toolace_dagster.llm.records import CallRecord, CallUse
from toolace_dagster.settings import ModelSettings
from toolace_dagster.warehouse import Store, insert, sql

Serve = Callable[[Behaviour], FlakyServer]
ROOT = Path(__file__).parents[2]


def record(number: int) -> CallRecord:
    """A call as the gateway writes it down."""
    return CallRecord(
        key=f"{number:032x}",
        call_id=f"c-{number}",
        stage="skeletons",
        task="value",
        role="generator",
        domain="garages",
        dialogue_id=f"row {number}",
        round=0,
        turn_ids=("t00",),
        model="m",
        endpoint="e",
        messages=[{"role": "user", "content": "line\u2028separator \x00 \r\n 🛠"}],
        sampling={"seed": 0},
        response=f'{{"value": "row {number}"}}',
        usable=True,
        run_id="run-1",
        created_at=f"2026-01-01T00:00:{number:02d}",
    )


def use(number: int) -> CallUse:
    """A use of it."""
    return CallUse(
        call_id=f"c-{number}",
        run_id="run-1",
        stage="skeletons",
        domain="garages",
        dialogue_id=f"row {number}",
        round=0,
        turn_ids=(),
        cached=False,
    )


def fill(kept: CallJournal, count: int) -> None:
    """Append calls with a use each."""

    async def appends() -> None:
        for number in range(count):
            kept.note_use(use(number))
        await asyncio.gather(*(kept.append(record(number)) for number in range(count)))

    asyncio.run(appends())


def start(folder: Path, url: str, count: int, concurrency: int, *more: str) -> subprocess.Popen[str]:
    """Run rows in a process of their own."""
    command = [sys.executable, "-m", "tests.llm.rows", str(folder), url, str(count), str(concurrency), *more]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(reached: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_cached_rerun_makes_no_call(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    assert all_came_out(run(tmp_path, server.url, rows(100)), prompts(100))
    told: list[Progress] = []
    assert all_came_out(run(tmp_path, "http://127.0.0.1:1/v1", rows(100), told), prompts(100))
    assert len(server.bodies) == 100
    assert (told[-1].cached, told[-1].prompt_tokens) == (100, 0)
    assert [u["cached"] for u in uses(tmp_path)].count(True) == 100
    assert len(calls(tmp_path)) == 100


def test_whatever_else_decides_a_reply_is_part_of_what_was_asked(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    for extra in ({}, {"think": False}, {"think": True}, {"think": False}):
        run(tmp_path, server.url, rows(2), extra_body=extra)
    assert [body.get("think") for body in server.bodies] == [None, None, False, False, True, True]
    usual, rarer = (request("row 0").key(ModelSettings(error_rate=rate)) for rate in (1.0, 0.5))
    assert usual != rarer


def test_equal_requests_are_paid_once(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body, 0.02))
    same = {f"copy {number}": rows(1)["row 0"] for number in range(20)}
    outcomes = run(tmp_path, server.url, same)
    assert {outcome.row for outcome in outcomes.values()} == {"row 0"}
    assert len(server.bodies) == 1
    assert len(uses(tmp_path)) == 20


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_run_that_is_stopped_pays_again_for_what_was_in_flight(
    number: signal.Signals, serve: Serve, tmp_path: Path
) -> None:
    concurrency, count = 8, 100
    server = serve(lambda _, body: echo(body, 0.02))
    process = start(tmp_path, server.url, count, concurrency)
    wait_for(lambda: len(server.bodies) >= count // 2)
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    assert process.returncode != 0
    assert ("KeyboardInterrupt" in told) == (number == signal.SIGINT)
    assert "never retrieved" not in told
    assert "Unclosed" not in told
    assert len(server.bodies) < count

    assert all_came_out(run(tmp_path, server.url, rows(count)), prompts(count))
    assert set(server.prompts) == set(prompts(count))
    assert sum(server.prompts.values()) - count <= concurrency
    assert sorted(call["dialogue_id"] for call in calls(tmp_path)) == sorted(prompts(count))


def test_full_disk_stops_the_run(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    process = start(tmp_path, server.url, 200, 8, "30000")
    _, told = process.communicate(timeout=20)
    assert "JournalBroken: Responses can't be kept" in told
    assert "go" in told
    assert "never retrieved" not in told
    sent = len(server.bodies)
    assert sent < 100
    assert all_came_out(run(tmp_path, server.url, rows(200)), prompts(200))
    assert sum(server.prompts.values()) - 200 <= 8
    assert len(calls(tmp_path)) == 200


def test_journal_that_can_not_be_written_ends_all_waiting(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.open()
    assert kept._file is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, kept._file.fileno())
    os.close(full)

    async def appends() -> list[Any]:
        return await asyncio.gather(*(kept.append(record(number)) for number in range(5)), return_exceptions=True)

    assert all(isinstance(end, JournalBroken) for end in asyncio.run(asyncio.wait_for(appends(), 5)))


def test_fold_killed_between_commit_and_truncation(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.open()
    fill(kept, 5)
    lines = (tmp_path / "garages.jsonl").read_bytes()
    kept.close()
    assert (len(calls(tmp_path)), len(uses(tmp_path))) == (5, 5)
    (tmp_path / "garages.jsonl").write_bytes(lines)
    again = journal(tmp_path)
    again.open()
    assert (len(calls(tmp_path)), len(uses(tmp_path))) == (5, 5)
    assert (tmp_path / "garages.jsonl").stat().st_size == 0
    fill(again, 2)
    again.close()
    assert (len(calls(tmp_path)), len(uses(tmp_path))) == (7, 7)


@pytest.mark.parametrize("cut", [1, 5, 40, 200, 1000])
def test_torn_line_is_skipped(cut: int, tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.open()
    fill(kept, 3)
    kept.keep()
    path = tmp_path / "garages.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    left = sum(line.startswith(b'["call"') and line.endswith(b"]") for line in path.read_bytes().split(b"\n"))
    again = journal(tmp_path)
    again.open()
    fill(again, 1)
    again.close()
    assert len(calls(tmp_path)) == left + 1


@pytest.mark.parametrize("left", [b"", b"\n", b"\0\0\0\0\n", b"5\n", b"null\n", b'["journal"\n'])
def test_journal_that_begins_with_rubbish_still_opens(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "garages.jsonl").write_bytes(left)
    kept = journal(tmp_path)
    kept.open()
    fill(kept, 1)
    kept.close()
    assert len(calls(tmp_path)) == 1


def test_text_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.open()
    fill(kept, 1)
    kept.close()
    assert json.loads(calls(tmp_path)[0]["messages"]) == record(0).messages


def test_lines_that_wait_are_folded_too(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.open()

    async def cancelled_while_writing() -> None:
        waiting = asyncio.create_task(kept.append(record(0)))
        await asyncio.sleep(0)
        waiting.cancel()
        kept.close()

    asyncio.run(cancelled_while_writing())
    assert len(calls(tmp_path)) == 1


def test_what_is_stored_next_is_found_as_if_it_had_been_asked_for(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.open()

    async def appends(numbers: Sequence[int], **other: Any) -> None:
        await asyncio.gather(*(kept.append(CallRecord(**(vars(record(number)) | other))) for number in numbers))

    asyncio.run(appends([*range(60)]))
    asyncio.run(appends([59], response=None, usable=False, created_at="2026-02-01"))
    asyncio.run(appends([*range(60, 70)]))
    # Paid again, far from the first time: the later response counts, wherever it stands.
    asyncio.run(appends([58], response="later", created_at="2026-03-01"))
    kept.close()

    async def lookups(numbers: Sequence[int]) -> list[str | None]:
        return list(await asyncio.gather(*(kept.lookup(f"{number:032x}") for number in numbers)))

    kept.open()
    first, then = asyncio.run(lookups(range(40))), asyncio.run(lookups(range(40, 71)))
    again = asyncio.run(lookups(range(70)))
    kept.close()
    expected = [record(number).response for number in range(70)]
    expected[58] = "later"
    assert [*first, *then] == [*expected, None]
    assert again == expected


def test_second_run_for_the_domain_is_told(serve: Serve, tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.open()
    with pytest.raises(JournalInUse, match="Another run"):
        run(tmp_path, serve(lambda _, body: echo(body)).url, rows(1))
    fill(first, 1)
    first.close()
    assert len(calls(tmp_path)) == 1
    journal(tmp_path).open()


def test_a_run_waits_for_a_command_that_looks_after_the_home(serve: Serve, tmp_path: Path) -> None:
    held = JournalFile(tmp_path / "garages.jsonl", "toolace gc")
    told: list[str] = []
    kept = journal(tmp_path)

    async def opened() -> None:
        waiting = asyncio.create_task(kept.open_in_turn(told.append))
        await asyncio.sleep(0.25)
        assert not waiting.done()
        held.close()
        await waiting

    asyncio.run(opened())
    assert len(told) == 1, "told once"
    assert told[0].startswith("`toolace gc` is at work on this domain")
    kept.close()
    assert all_came_out(run(tmp_path, serve(lambda _, body: echo(body)).url, rows(1)), prompts(1))
    assert sorted(file.name for file in tmp_path.glob("garages.*")) == ["garages.duckdb", "garages.jsonl"]


def test_a_run_that_waited_in_vain_names_the_command_it_waited_for(tmp_path: Path) -> None:
    held = JournalFile(tmp_path / "garages.jsonl", "toolace gc")
    kept = CallJournal(store(tmp_path), tmp_path / "garages.jsonl", "run-1", patience=0.0)
    with pytest.raises(JournalInUse, match=r"`toolace gc` is at work .* same command goes on"):
        asyncio.run(kept.open_in_turn())
    held.close()
    asyncio.run(kept.open_in_turn())
    kept.close()


def test_upkeep_refuses_at_once_whoever_has_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "garages.jsonl"
    run_of = JournalFile(path)
    with pytest.raises(JournalInUse, match="Another run"):
        JournalFile(path, "toolace gc")
    with pytest.raises(JournalInUse, match="Another run"):
        asyncio.run(journal(tmp_path).open_in_turn())
    run_of.close()
    held = JournalFile(path, "toolace cache prune")
    with pytest.raises(JournalInUse, match="`toolace cache prune` is at work"):
        JournalFile(path, "toolace gc")
    held.close()
    JournalFile(path, "toolace gc").close()


def test_a_mark_that_a_killed_command_left_bars_nobody(tmp_path: Path) -> None:
    path = tmp_path / "garages.jsonl"
    path.with_suffix(".upkeep").write_text("toolace gc")
    first = JournalFile(path)
    with pytest.raises(JournalInUse, match="Another run"):
        JournalFile(path)
    first.close()
    JournalFile(path, "toolace gc").close()


def test_forked_child_leaves_the_parents_journal_alone(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    kept.open()
    fill(kept, 1)
    kept.note_use(use(7))
    child = os.fork()
    if child == 0:
        kept.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert calls(tmp_path) == []
    with pytest.raises(JournalInUse):
        journal(tmp_path).open()
    kept.close()
    assert (len(calls(tmp_path)), len(uses(tmp_path))) == (1, 2)


def test_failure_to_open_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: CallJournal) -> None:
        raise duckdb.IOException("no room")

    with monkeypatch.context() as patched:
        patched.setattr(CallJournal, "fold", no_room)
        with pytest.raises(duckdb.IOException):
            journal(tmp_path).open()
    journal(tmp_path).open()


def test_failing_fold_does_not_hide_why_a_run_ended(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = journal(tmp_path)

    class Stop(Exception):
        pass

    async def stop() -> None:
        async with Gateway(settings(serve(lambda _, body: echo(body)).url), kept):
            fill_in_loop = [kept.append(record(number)) for number in range(3)]
            await asyncio.gather(*fill_in_loop)
            monkeypatch.setattr(store(tmp_path).__class__, "write", None)
            raise Stop

    with pytest.raises(Stop):
        asyncio.run(stop())
    monkeypatch.undo()
    journal(tmp_path).open()
    assert len(calls(tmp_path)) == 3


def test_reader_of_the_file_does_not_stop_a_run(serve: Serve, tmp_path: Path) -> None:
    """Someone looks at the DuckDB file while calls are made."""
    server = serve(lambda _, body: echo(body, 0.01))
    run(tmp_path, server.url, rows(5))
    with store(tmp_path).reading():
        kept = journal(tmp_path)
        kept.open()
        fill(kept, 1)
        kept.keep()
    assert all_came_out(run(tmp_path, server.url, rows(10)), prompts(10))
    assert len(calls(tmp_path)) == 11


def test_run_without_rows(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    assert run_programs(Gateway(settings(server.url), journal(tmp_path)), {}) == {}


def test_a_domain_of_an_earlier_version_gains_what_it_lacks(tmp_path: Path) -> None:
    """Its file has no columns for the mode, and its journal holds a line without one."""
    earlier = sql("calls/tables").partition("-- Added later")[0]
    line = json.loads(canonical_json(record(1)))
    for added in ("mode", "batch_id", "cost", "price", "cache_write_tokens"):
        del line[added]
    with Store(tmp_path / "garages.duckdb", earlier).write() as connection:
        insert(connection, "model_calls", [line])
    with (tmp_path / "garages.jsonl").open("w") as file:
        file.write(f'["journal",{{"id":"j"}}]\n{json.dumps(["call", line | {"key": record(2).key}])}\n')
    opened = journal(tmp_path)
    opened.open()
    opened.close()
    assert sorted((row["key"], row["mode"], row["batch_id"]) for row in calls(tmp_path)) == [
        (record(1).key, "live", None),
        (record(2).key, "live", None),
    ]


def test_a_journal_that_was_removed_while_it_was_opened_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.jsonl"
    path.touch()

    def removed_first(file: Any, operation: int) -> None:
        # Whoever had the lock removes the domain and lets go of it just then.
        monkeypatch.undo()
        path.unlink()
        fcntl.flock(file, operation)

    monkeypatch.setattr("fcntl.flock", removed_first)
    opened = JournalFile(path)
    opened.append([line("call", {"key": "paid"})])
    with pytest.raises(JournalInUse):
        JournalFile(path)
    opened.close()
    assert b'"paid"' in path.read_bytes()
