"""A disk that takes no more, in the words of each library that writes: a limit on the size of files stands for it."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import pytest

from toolace_dagster.pipeline.disk import refused_by_disk
from toolace_dagster.pipeline.ends import RunEnd
from toolace_dagster.pipeline.processes import in_processes

MANY = 400_000


@contextmanager
def small_files(most: int = 40_000) -> Generator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def by_python(folder: Path) -> None:
    (folder / "text").write_bytes(b"x" * MANY)


def by_sqlite(folder: Path) -> None:
    connection = sqlite3.connect(folder / "sqlite.db")
    try:
        with connection:
            connection.execute("CREATE TABLE t (x)")
            connection.execute("INSERT INTO t VALUES (?)", (b"x" * MANY,))
    finally:
        connection.close()


def by_duckdb(folder: Path) -> None:
    with duckdb.connect(folder / "file.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT hash(range) AS x FROM range(200000)")
        connection.execute("CHECKPOINT")


@pytest.mark.parametrize("write", [by_python, by_sqlite, by_duckdb])
def test_a_disk_that_takes_no_more_is_told_with_the_mend(tmp_path: Path, write: Callable[[Path], None]) -> None:
    with small_files(), pytest.raises((OSError, sqlite3.Error, duckdb.Error)) as raised:
        write(tmp_path)
    said = refused_by_disk(raised.value)
    assert said.startswith("the disk takes no more: ")
    assert any(word in said for word in ("File too large", "disk I/O error", "disk is full"))
    assert ". ." not in said
    wrapped = RuntimeError("it failed")
    wrapped.__cause__ = raised.value
    assert refused_by_disk(wrapped) == refused_by_disk(raised.value)


def faults(folder: Path) -> Generator[BaseException]:
    yield ValueError("No space left on device")
    try:
        (folder / "missing").read_text()
    except OSError as error:
        yield error
    memory = sqlite3.connect(":memory:")
    for fault in (
        lambda: duckdb.sql("SELEC"),
        lambda: memory.execute("SELEC"),
        # An error of Python's own module, without a code.
        lambda: memory.execute("SELECT CAST(x'ff' AS TEXT)").fetchall(),
    ):
        try:
            fault()
        except (duckdb.Error, sqlite3.Error) as error:
            yield error


def test_other_faults_are_not_taken_for_it(tmp_path: Path) -> None:
    assert [refused_by_disk(fault) for fault in faults(tmp_path)] == [""] * 5


def test_a_process_that_meets_it_ends_with_these_words_and_another_as_before(tmp_path: Path) -> None:
    def work(name: str, sender: Connection) -> None:
        if name == "full":
            with small_files():
                by_sqlite(tmp_path)
        sender.send(RunEnd(name=name, run_id="run"))

    full, sound = in_processes(["full", "sound"], work, 2, lambda _: None)
    assert full.error.startswith("the disk takes no more: ")
    assert full.error.endswith("the same command goes on from there.")
    assert (sound.run_id, sound.error) == ("run", "")
