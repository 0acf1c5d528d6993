"""DuckDB files: transactions, typed inserts, readers beside writers, data frames."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import duckdb
import pytest

from toolace_dagster.entities import Provenance, Tool, ToolDomain
from toolace_dagster.pipeline.pool import is_current, write_pool
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
