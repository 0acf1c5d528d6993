"""DuckDB files: transactions, typed inserts, readers beside writers, data frames."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from multiprocessing.synchronize import Barrier
from pathlib import Path

import duckdb
import pytest

from toolace_dagster.entities import Provenance, Tool, ToolDomain
from toolace_dagster.pipeline.pool import is_current, stored_links, write_pool
from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.tool_pool import find_links, load_pool
from toolace_dagster.warehouse import Store, Warehouse, insert

SCHEMA = "CREATE TABLE IF NOT EXISTS t (name VARCHAR, n BIGINT, item JSON, tags VARCHAR[], ok BOOLEAN)"


def row(name: str, **values: object) -> dict[str, object]:
    return {"name": name, "n": None, "item": None, "tags": [], "ok": None, **values}


def test_rows_come_back_as_they_went_in(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb", SCHEMA)
    assert store.read("SELECT * FROM t") == []
    with store.write() as connection:
        insert(connection, "t", [row("x", n=2**40, item={"a": [1, None, "é"]}, tags=["p", "q"], ok=True), row("y")])
    first, second = store.read("SELECT * FROM t ORDER BY name")
    assert first == {"name": "x", "n": 2**40, "item": '{"a":[1,null,"é"]}', "tags": ["p", "q"], "ok": True}
    assert second == row("y")


def test_a_failed_transaction_leaves_nothing(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb", SCHEMA)

    def fail() -> None:
        with store.write() as connection:
            insert(connection, "t", [row("x")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.read("SELECT count(*) AS n FROM t") == [{"n": 0}]


def test_an_unknown_column_is_named(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb", SCHEMA)
    with pytest.raises(KeyError, match="colour"), store.write() as connection:
        insert(connection, "t", [{"name": "x", "colour": "red"}])


def test_memory_is_given_back_between_reads_of_one_connection(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb", SCHEMA)
    with store.write() as connection:
        insert(connection, "t", [row(str(number)) for number in range(100)])
    with store.reading():
        for _ in range(3):
            assert len(store.read("SELECT * FROM t")) == 100
            store.give_memory_back()


def test_a_writer_waits_for_a_reader_of_another_connection(tmp_path: Path):
    path = tmp_path / "a.duckdb"
    store = Store(path, SCHEMA)
    with store.write() as connection:
        insert(connection, "t", [row("x")])
    held = duckdb.connect(str(path), read_only=True)

    def release() -> None:
        time.sleep(0.3)
        held.close()

    thread = threading.Thread(target=release)
    thread.start()
    with store.write() as connection:
        insert(connection, "t", [row("y")])
    thread.join()
    assert store.read("SELECT count(*) AS n FROM t") == [{"n": 2}]


def tool(description: str) -> Tool:
    return Tool(
        name="find",
        description=description,
        parameters={"type": "object", "properties": {}},
        domain="garages",
        provenance=Provenance(source="garages.json"),
    )


def test_a_changed_tool_becomes_current_and_its_earlier_version_stays(tmp_path: Path):
    warehouse = Warehouse(tmp_path)
    store = warehouse.domain("garages")
    old, new = (ToolDomain(name="garages", tools=(tool(text),)) for text in ("Find.", "Find one."))
    write_pool(store, old)
    assert is_current(store, old)
    assert not is_current(store, new)
    write_pool(store, new)
    assert is_current(store, new)
    frame = warehouse.frame("domain_tools")
    assert dict(zip(frame["description"], frame["is_current"], strict=True)) == {"Find.": False, "Find one.": True}
    assert set(frame["domain_file"]) == {"garages"}
    with pytest.raises(KeyError, match="nonsense"):
        warehouse.frame("nonsense")


def test_files_with_quotes_in_their_names_are_files(tmp_path: Path):
    store = Store(tmp_path / 'it\'s "one"; two.duckdb', SCHEMA)
    with store.write() as connection:
        insert(connection, "t", [row("x")])
    assert [path.name for path in tmp_path.iterdir()] == [store.path.name]
    assert store.read("SELECT name FROM t") == [{"name": "x"}]


def test_a_file_that_was_removed_is_made_again(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb", SCHEMA)
    for name in ("x", "y"):
        with store.write() as connection:
            insert(connection, "t", [row(name)])
        assert store.read("SELECT name FROM t") == [{"name": name}]
        store.path.unlink()
        assert store.read("SELECT name FROM t") == []


def test_files_read_at_once_do_not_see_each_other(tmp_path: Path):
    one, two = Store(tmp_path / "1.duckdb", SCHEMA), Store(tmp_path / "2.duckdb", SCHEMA)
    for store, name in ((one, "x"), (two, "y")):
        with store.write() as connection:
            insert(connection, "t", [row(name)])
    with one.reading(), two.reading(), Store(one.path, SCHEMA).reading():
        assert one.read("SELECT name FROM t") == [{"name": "x"}]
        assert two.read("SELECT name FROM t") == [{"name": "y"}]
        assert {row["name"] for row in two.read("SHOW TABLES")} == {"t", "schema_stamp"}


def test_threads_and_forked_children_take_turns(tmp_path: Path):
    path = tmp_path / "a.duckdb"

    def add(name: str) -> None:
        for number in range(10):
            with Store(path, SCHEMA).write() as connection:
                insert(connection, "t", [row(f"{name} {number}")])
            Store(path, SCHEMA).read("SELECT count(*) FROM t")

    add("parent")
    threads = [threading.Thread(target=add, args=(f"thread {number}",)) for number in range(2)]
    children: list[int] = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            ended = 1
            try:
                add(f"child {number}")
                ended = 0
            finally:
                os._exit(ended)
        children.append(child)
    for thread in threads:
        thread.start()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    for thread in threads:
        thread.join()
    assert Store(path, SCHEMA).read("SELECT count(DISTINCT name) AS n FROM t") == [{"n": 50}]


def test_files_of_one_schema_begin_empty_each(tmp_path: Path):
    stores = [Store(tmp_path / f"{name}.duckdb", SCHEMA) for name in "abc"]
    for number, store in enumerate(stores):
        with store.write() as connection:
            insert(connection, "t", [row(str(number))])
    assert [store.read("SELECT name FROM t") for store in stores] == [[{"name": str(number)}] for number in range(3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.duckdb", "b.duckdb", "c.duckdb"]


def test_processes_that_make_a_file_at_the_same_moment_lose_no_row(tmp_path: Path):
    with Store(tmp_path / "known.duckdb", SCHEMA).write():
        pass
    forked = multiprocessing.get_context("fork")
    for moment in range(3):
        together = forked.Barrier(4)

        def add(number: int, path: Path = tmp_path / f"{moment}.duckdb", together: Barrier = together) -> None:
            store = Store(path, SCHEMA)
            together.wait(30)
            with store.write() as connection:
                insert(connection, "t", [row(str(number))])

        children = [forked.Process(target=add, args=(number,)) for number in range(4)]
        for child in children:
            child.start()
        for child in children:
            child.join(60)
        assert [child.exitcode for child in children] == [0] * 4
        rows = Store(tmp_path / f"{moment}.duckdb", SCHEMA).read("SELECT name FROM t ORDER BY name")
        assert [each["name"] for each in rows] == ["0", "1", "2", "3"]
    assert all(path.suffix == ".duckdb" for path in tmp_path.iterdir())


def test_threads_that_share_a_store_take_turns(tmp_path: Path):
    """One of them opens the file for all, and closes it while others still read."""
    store = Store(tmp_path / "a.duckdb", SCHEMA)
    with store.write() as connection:
        insert(connection, "t", [row(str(number), n=number) for number in range(20_000)])

    def read(number: int) -> int:
        with store.reading() if number % 2 else nullcontext():
            return sum(
                store.read("SELECT sum(n) AS n FROM t WHERE n % 7 = $rest", {"rest": n})[0]["n"] for n in range(7)
            )

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(40))) == {sum(range(20_000))}


def test_links_between_tools_are_stored_and_replaced(tmp_path: Path):
    store = Warehouse(tmp_path).domain("library_lending")
    domain = load_pool(SHIPPED_POOL).domain("library_lending")
    write_pool(store, domain)
    write_pool(store, domain)
    assert set(stored_links(store)) == set(find_links(domain.tools))
    assert len(stored_links(store)) == len(find_links(domain.tools)) > 5
    write_pool(store, domain.model_copy(update={"tools": domain.tools[:1]}))
    assert stored_links(store) == ()


def test_a_file_of_an_earlier_version_gets_new_tables_before_it_is_read(tmp_path: Path):
    old = Store(tmp_path / "a.duckdb", SCHEMA)
    with old.write() as connection:
        insert(connection, "t", [row("x")])
    new = Store(old.path, f"{SCHEMA}; CREATE OR REPLACE VIEW names AS SELECT name FROM t")
    assert new.read("SELECT * FROM names") == [{"name": "x"}]
    assert Store(old.path, SCHEMA).read("SELECT count(*) AS n FROM t") == [{"n": 1}]


def test_a_log_whose_file_is_gone_keeps_no_new_file_from_being_made(tmp_path: Path):
    """A removal that was killed between the two leaves it, and so does whoever deletes the file alone after a crash."""
    path = tmp_path / "a.duckdb"
    child = os.fork()
    if child == 0:
        connection = duckdb.connect(path, config={"threads": 1, "checkpoint_threshold": "1GB"})
        connection.execute("CREATE TABLE other (x BIGINT); CHECKPOINT; INSERT INTO other VALUES (1)")
        os._exit(0)
    os.waitpid(child, 0)
    path.unlink()
    assert [each.name for each in tmp_path.iterdir()] == ["a.duckdb.wal"]
    store = Store(path, SCHEMA)
    with store.write() as connection:
        insert(connection, "t", [row("x")])
    assert store.read("SELECT name FROM t") == [{"name": "x"}]


def test_a_file_that_finds_no_room_leaves_nothing_of_its_beginning(tmp_path: Path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        for _ in range(2):
            with pytest.raises(duckdb.Error), Store(tmp_path / "a.duckdb", SCHEMA + "; SELECT 1").write():
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob("*.part*"))
