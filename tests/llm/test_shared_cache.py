"""The cache that homes share: what one has paid for no other pays again, and its faults cost no row."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.llm.flaky_server import Behaviour, FlakyServer, echo, says
from tests.llm.rows import all_came_out, calls, journal, prompts, rows, settings, store, uses
from tests.llm.test_journal import ROOT, fill
from toolace_dagster.llm.cache import CachedResponse, ResponseCache
from toolace_dagster.llm.cache.shared import FILE_NAME, SharedCache
from toolace_dagster.llm.driver import RowOutcome, run_programs
from toolace_dagster.llm.gateway import Gateway
from toolace_dagster.warehouse import sql

Serve = Callable[[Behaviour], FlakyServer]
NOBODY = "http://127.0.0.1:1/v1"


def run(home: Path, url: str, count: int, cache: Path, warnings: list[str], run_id: str) -> dict[str, RowOutcome[Any]]:
    """Run rows in a home of their own that shares a cache."""
    shared = ResponseCache(cache, warnings.append)
    return run_programs(Gateway(settings(url), journal(home, run_id, shared)), rows(count))


def cached(number: int, created_at: str = "2026-01-01T00:00:00+00:00", text: str = "") -> CachedResponse:
    """A response as it is kept."""
    return CachedResponse(
        key=f"{number:032x}",
        stage="skeletons",
        task="value",
        role="generator",
        domain="garages",
        model="m",
        endpoint="e",
        response=text or f'{{"value": "row {number} 🛠\\u0000"}}',
        finish_reason="stop",
        prompt_tokens=10,
        cached_tokens=0,
        completion_tokens=5,
        reasoning_tokens=0,
        latency_ms=1.5,
        retries=0,
        run_id="run-1",
        created_at=created_at,
    )


def kept(folder: Path) -> list[dict[str, Any]]:
    """All that a cache holds."""
    cache = SharedCache(folder, make=False)
    try:
        return cache.rows("SELECT c.*, t.response FROM calls c JOIN texts t USING (id) ORDER BY key")
    finally:
        cache.close()


def test_another_home_does_not_pay_again_and_has_prompt_and_reply(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda _, body: echo(body))
    warnings: list[str] = []
    one, two, cache = tmp_path / "one", tmp_path / "two", tmp_path / "cache"
    assert all_came_out(run(one, server.url, 30, cache, warnings, "run-1"), prompts(30))
    assert all_came_out(run(two, server.url, 40, cache, warnings, "run-2"), prompts(40))
    assert len(server.bodies) == 40
    assert set(server.prompts.values()) == {1}
    assert (len(calls(one)), len(calls(two))) == (30, 10)
    assert sum(use["cached"] for use in uses(two)) == 30
    borrowed = {row["key"]: row for row in store(two).read("SELECT * FROM borrowed_calls")}
    assert len(borrowed) == 30
    for paid in calls(one):
        found = borrowed[paid["key"]]
        same = "call_id", "messages", "response", "prompt_tokens", "completion_tokens", "run_id", "created_at", "model"
        assert {name: found[name] for name in same} == {name: paid[name] for name in same}
        assert found["borrowed_by"] == "run-2"
    told = store(two).read(sql("queries/dialogue_calls"), {"id": "row 3"})
    assert [call["call_id"] for call in told] == [use["call_id"] for use in uses(two) if use["dialogue_id"] == "row 3"]
    # From now on the home has them itself.
    (cache / FILE_NAME).unlink()
    assert all_came_out(run(two, NOBODY, 40, cache, warnings, "run-3"), prompts(40))
    assert len(store(two).read("SELECT * FROM borrowed_calls")) == 30
    assert warnings == []


def test_only_usable_replies_of_endpoints_are_shared(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, body: says("no json") if number <= 3 else echo(body))
    run(tmp_path / "home", server.url, 1, tmp_path / "cache", [], "run-1")
    assert len(calls(tmp_path / "home")) == 3
    run(tmp_path / "second", server.url, 1, tmp_path / "cache", [], "run-2")
    (row,) = kept(tmp_path / "cache")
    assert row["response"] == '{"value": "row 0"}'
    call = cached(0).model_dump() | {"usable": True}
    assert CachedResponse.of(call) == cached(0)
    assert CachedResponse.of(call | {"endpoint": "offline"}) is None


def test_what_a_killed_run_left_is_shared_by_the_next(tmp_path: Path) -> None:
    first = journal(tmp_path / "home")
    first.open()
    fill(first, 5)
    first.keep()
    second = journal(tmp_path / "home", "run-2", ResponseCache(tmp_path / "cache"))
    second.open()
    second.close()
    assert [row["key"] for row in kept(tmp_path / "cache")] == [f"{number:032x}" for number in range(5)]


def test_responses_come_back_as_they_were_and_the_newest_counts(tmp_path: Path) -> None:
    cache = SharedCache(tmp_path)
    cache.add([cached(0), cached(1), cached(1)])
    assert cache.find([cached(0).key, cached(7).key]) == {cached(0).key: cached(0)}
    newer = cached(1, "2026-01-02T00:00:00+00:00", "newer")
    cache.add([newer])
    cache.add([cached(1)])
    assert cache.find([newer.key]) == {newer.key: newer}
    cache.note_use([newer.key, cached(0).key])
    assert [row["size"] for row in kept(tmp_path)] == [len(cached(0).response.encode()), 5]
    assert all(row["last_used"] > "2026-01-02" for row in kept(tmp_path))
    cache.close()


def test_several_processes_make_fill_and_read_one_cache(tmp_path: Path) -> None:
    work = (
        "import sys; from pathlib import Path; from tests.llm.test_shared_cache import SharedCache, cached\n"
        "cache, first = SharedCache(Path(sys.argv[1])), int(sys.argv[2])\n"
        "for start in range(first, first + 300, 20):\n"
        "    cache.add([cached(number) for number in range(start, start + 20)])\n"
        "    found = cache.find([cached(number).key for number in range(0, 700, 7)])\n"
        "    assert all(found[key] == cached(int(key, 16)) for key in found)\n"
        "assert len(cache.find([cached(number).key for number in range(first, first + 300)])) == 300\n"
    )
    command = [sys.executable, "-c", work, str(tmp_path / "cache")]
    processes = [
        subprocess.Popen([*command, str(first)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for first in (0, 200, 300, 400)
    ]
    assert [process.communicate(timeout=60)[1] for process in processes] == [""] * 4
    assert [row["key"] for row in kept(tmp_path / "cache")] == [f"{number:032x}" for number in range(700)]


def a_file_in_its_place(folder: Path) -> None:
    folder.write_text("no folder")


def rubbish(folder: Path) -> None:
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"rubbish" * 1000)


def a_later_version(folder: Path) -> None:
    cache = SharedCache(folder)
    cache.rows("PRAGMA user_version = 99")
    cache.close()


def no_table(folder: Path) -> None:
    cache = SharedCache(folder)
    cache.rows("DROP TABLE texts")
    cache.close()


def a_full_disk(folder: Path) -> None:
    SharedCache(folder).close()
    (folder / f"{FILE_NAME}-wal").symlink_to("/dev/full")


@pytest.mark.parametrize("fault", [a_file_in_its_place, rubbish, a_later_version, no_table, a_full_disk])
def test_a_fault_of_the_cache_is_a_warning_and_costs_no_row(
    fault: Callable[[Path], None], serve: Serve, tmp_path: Path
) -> None:
    server = serve(lambda _, body: echo(body))
    cache, warnings = tmp_path / "cache", list[str]()
    fault(cache)
    assert all_came_out(run(tmp_path / "home", server.url, 50, cache, warnings, "run-1"), prompts(50))
    assert len(calls(tmp_path / "home")) == 50
    assert len(server.bodies) == 50
    (warning,) = warnings
    assert str(cache) in warning
    assert "goes on without it" in warning


def test_a_writer_that_holds_the_cache_does_not_stop_lookups(serve: Serve, tmp_path: Path) -> None:
    run(tmp_path / "one", serve(lambda _, body: echo(body)).url, 20, tmp_path / "cache", [], "run-1")
    writer = SharedCache(tmp_path / "cache")
    writer.rows("BEGIN IMMEDIATE")
    warnings: list[str] = []
    assert all_came_out(run(tmp_path / "two", NOBODY, 20, tmp_path / "cache", warnings, "run-2"), prompts(20))
    assert warnings == []
    writer.close()


def test_a_lookup_does_not_wait_for_what_is_being_stored(tmp_path: Path) -> None:
    fill_cache = SharedCache(tmp_path / "cache")
    fill_cache.add([cached(1)])
    fill_cache.rows("BEGIN IMMEDIATE")
    cache = ResponseCache(tmp_path / "cache")
    cache.put([dict(cached(2)) | {"usable": True}])

    async def look() -> list[str]:
        return list(await asyncio.wait_for(cache.find([cached(1).key, cached(2).key]), 5))

    assert asyncio.run(look()) == [cached(1).key]
    fill_cache.rows("COMMIT")
    fill_cache.close()
    cache.close()
    assert len(kept(tmp_path / "cache")) == 2
