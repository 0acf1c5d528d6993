"""`toolace cache`: what is kept, and that pruning takes only what nobody uses."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.cli.made import Made
from tests.llm.test_shared_cache import cached
from tests.pipeline.homes import TWO_DOMAINS
from toolace_dagster.cli.app import app
from toolace_dagster.cli.cache import byte_count, duration
from toolace_dagster.llm.cache.shared import SharedCache
from toolace_dagster.llm.journal.file import JournalFile
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.reporting.story import read_story
from toolace_dagster.reporting.why import tell
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse


def cache(*words: object) -> tuple[int, str, str]:
    """Run the command; its exit code, what it printed, and its errors."""
    result = CliRunner().invoke(app, ["cache", *map(str, words)])
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def over(home: Path, query: str) -> list[dict[str, Any]]:
    """Rows of a query over all domains."""
    warehouse = Warehouse(home)
    return [row for domain in warehouse.domains() for row in warehouse.domain(domain).read(query)]


def texts(home: Path) -> dict[str, str | None]:
    """Replies by call."""
    return {row["call_id"]: row["response"] for row in over(home, "SELECT call_id, response FROM model_calls")}


@pytest.fixture
def with_one_gone(made: Made, tmp_path: Path) -> tuple[Path, str, set[str]]:
    """A home one of whose dialogues is no longer held, that dialogue, and the calls that only it used."""
    home = shutil.copytree(made.home, tmp_path / "home")
    gone = made.ids("accepted")[0]
    (domain,) = {name for name in made.warehouse.domains() if gone.startswith(name)}
    with Warehouse(home).domain(domain).write() as connection:
        for table in ("stage_rows", "edits", "findings", "expert_answers"):
            connection.execute(f"DELETE FROM {table} WHERE dialogue_id = $id", {"id": gone})
    used = over(home, f"SELECT DISTINCT call_id FROM call_uses WHERE dialogue_id = '{gone}'")
    shared = {row["call_id"] for row in over(home, f"SELECT call_id FROM call_uses WHERE dialogue_id <> '{gone}'")}
    return home, gone, {row["call_id"] for row in used} - shared


@pytest.mark.parametrize("by", ["model", "stage", "domain", "age"])
def test_what_is_listed_adds_up(made: Made, by: str) -> None:
    code, out, _ = cache("list", "--home", made.home, "--by", by)
    assert code == 0
    lines = [re.split(r"  +", line.strip()) for line in out.splitlines()[2:]]
    sums = over(made.home, "SELECT count(*) AS n, sum(strlen(response) + strlen(messages)) AS size FROM model_calls")
    calls, size = (f"{sum(row[name] for row in sums):,}" for name in ("n", "size"))
    last = re.sub(r"\s+", " ", out.splitlines()[-1])
    assert f" {calls} {size} " in last, out
    assert len(lines) == {"model": 1, "stage": 5, "domain": 3, "age": 1}[by]


def test_pruning_spares_what_dialogues_use_and_what_was_paid(with_one_gone: tuple[Path, str, set[str]]) -> None:
    home, gone, unused = with_one_gone
    warehouse = Warehouse(home)
    before = texts(home)
    ids = [row["dialogue_id"] for row in over(home, "SELECT dialogue_id FROM outcomes")]
    stories = {name: tell(read_story(warehouse, name)) for name in ids}
    books = "SELECT stage, count(*) AS n, sum(prompt_tokens) AS p FROM model_calls GROUP BY stage ORDER BY stage"
    paid = over(home, books)
    # A reply that was shown its fault and asked for again is two calls under one id.
    calls = [row["call_id"] for row in over(home, "SELECT call_id FROM model_calls")]
    going = sum(call in unused for call in calls)

    code, out, _ = cache("prune", "--home", home, "--down-to", "0", "--dry-run")
    assert (code, texts(home)) == (0, before)
    assert f"Would remove the texts of {going} calls" in out
    code, out, _ = cache("prune", "--home", home, "--older-than", "1d")
    assert f"{'Removed'} the texts of 0 calls" in out
    assert texts(home) == before

    code, out, _ = cache("prune", "--home", home, "--down-to", "0")
    assert code == 0
    assert f"Removed the texts of {going} calls" in out
    assert f"{len(calls) - going} more are used by current rows and stay" in out
    assert {call for call, text in texts(home).items() if text is None} == unused
    assert len(unused) > 5
    assert gone not in ids
    assert {name: tell(read_story(warehouse, name)) for name in ids} == stories
    assert over(home, books) == paid
    assert sorted(path.suffix for path in (home / "warehouse").iterdir() if path.is_file()) == [".duckdb"] * 2
    assert "0 bytes" in cache("size", "--home", home)[1]

    code, out, _ = cache("prune", "--home", home, "--model", "offline", "--used-too")
    assert set(texts(home).values()) == {None}
    assert over(home, books) == paid


def test_a_pruned_home_is_current(with_one_gone: tuple[Path, str, set[str]], made: Made) -> None:
    home, gone, _ = with_one_gone
    (other,) = [domain for domain in made.warehouse.domains() if not gone.startswith(domain)]
    cache("prune", "--home", home, "--unused-since", "0h", "--used-too")
    where = StageContext(other, made.settings, Warehouse(home), "")
    assert first_stale(where, load_pool(made.pool).domain(other)) is None


def test_a_domain_that_makes_calls_is_left_alone(with_one_gone: tuple[Path, str, set[str]]) -> None:
    home, _, _ = with_one_gone
    before = texts(home)
    held = [JournalFile(Warehouse(home).journal(domain)) for domain in Warehouse(home).domains()]
    code, _, err = cache("prune", "--home", home, "--down-to", "0")
    assert code == 1
    assert f"left alone, since a run is making calls for them: {', '.join(TWO_DOMAINS)}" in err
    assert texts(home) == before
    for journal in held:
        journal.close()


def test_a_shared_cache_is_listed_and_pruned(tmp_path: Path) -> None:
    def days_ago(days: int) -> str:
        return (datetime.now(UTC) - timedelta(days=days)).isoformat()

    held = SharedCache(tmp_path)
    held.add([cached(number, days_ago(100), "x" * 1000) for number in range(20)])
    held.add([cached(number, days_ago(1), "y" * 1000) for number in range(20, 2000)])
    held.add([cached(5000, days_ago(50), "z" * 10).model_copy(update={"model": "other", "stage": "verification"})])
    held.close()
    shared = ("--cache", tmp_path)
    assert re.search(r"over 90 days +20 +20,000 ", cache("list", *shared, "--by", "age")[1])
    assert re.search(r"verification +1 +10 ", cache("list", *shared, "--by", "stage")[1])
    assert re.search(r"all +2,001 +2,000,010 ", cache("list", *shared)[1])
    assert "Would remove the texts of 21 calls" in cache("prune", *shared, "--older-than", "40d", "--dry-run")[1]
    assert "Removed the texts of 20 calls" in cache("prune", *shared, "--unused-since", "40d", "--model", "m")[1]
    assert "2,000 of" not in cache("size", *shared)[1]
    assert "2.0 MB of text" in cache("size", *shared)[1]
    code, out, _ = cache("prune", *shared, "--down-to", "0.1MB")
    assert code == 0
    found = re.search(r"On disk: ([\d.]+) MB before, ([\d.]+) (.B) now", out)
    assert found is not None
    assert (float(found[1]) > 2, found[3]) == (True, "kB")
    left = SharedCache(tmp_path)
    assert left.rows("SELECT count(*) AS n FROM calls") == left.rows("SELECT count(*) AS n FROM texts") == [{"n": 100}]
    assert len(left.find([cached(number).key for number in range(6000)])) == 100
    left.close()


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    for words, told in (
        (["prune", "--home", tmp_path], "say what to remove"),
        (["prune", "--home", tmp_path, "--older-than", "soon"], "'soon' is no duration"),
        (["prune", "--home", tmp_path, "--down-to", "much"], "'much' is no size"),
        (["list", "--home", tmp_path], "holds nothing yet"),
        (["size", "--cache", tmp_path], "holds no shared cache"),
    ):
        code, _, err = cache(*words)
        assert code in (1, 2)
        assert told in err
    (tmp_path / "responses.sqlite").write_bytes(b"rubbish" * 500)
    assert "not a database" in cache("list", "--cache", tmp_path)[2]


def test_durations_and_sizes() -> None:
    assert duration("36h") == timedelta(hours=36)
    assert duration(" 2W ") == timedelta(weeks=2)
    assert [byte_count(text) for text in ("0", "12", "1.5kB", "500MB", "2 GiB")] == [0, 12, 1500, 5 * 10**8, 2**31]
    for text in ("", "1", "-1d", "1y", "d"):
        with pytest.raises(ValueError, match="no duration"):
            duration(text)
    for text in ("", "x", "1 TBB", "-5MB", "1iB", "nan"):
        with pytest.raises(ValueError, match="no size"):
            byte_count(text)
