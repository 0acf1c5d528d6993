"""Parquet files for TRL."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.builders import call, dialogue, output, reply, tool, user
from tests.dataset.rows import random_rows, row, rows
from toolace_dagster.dataset import (
    DatasetRow,
    ExportError,
    chat_messages,
    listed_tools,
    read_lines,
    read_trl,
    write_trl,
)
from toolace_dagster.dataset.exact_json import ExactWriter, compact_json, exact_spelling
from toolace_dagster.dataset.formats import parquet
from toolace_dagster.dataset.formats.parquet import BOOLEAN, JSON_LIST, STRING, cell_json, line_of
from toolace_dagster.dataset.rows import row_faults

as_datasets_reads = pd.io.json.ujson_loads  # type: ignore[attr-defined]


def expected(given_row: DatasetRow) -> dict[str, Any]:
    return {
        "dialogue_id": given_row.dialogue.id,
        "domain": given_row.dialogue.domain,
        "kind": "dialogue",
        "messages": chat_messages(given_row.dialogue, given_row.tools),
        "tools": listed_tools(given_row),
    }


def calling(arguments: dict[str, Any], dialogue_id: str = "d") -> DatasetRow:
    acting = call("t1", "take", arguments)
    turns = (user("t0", "Take it."), acting, output("t2", acting, "ok"), reply("t3", "Taken."))
    take = tool("take", {}, []).model_copy(update={"parameters": {"type": "object", "properties": {}}})
    return row(dialogue_id, dialogue=dialogue(turns, initial_tools=("take",)), tools={"take": take})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_rows("d-0"), random_rows("d-1"))
def test_rows_come_back_equal(first: DatasetRow, second: DatasetRow):
    with tempfile.TemporaryDirectory() as folder:
        write_trl([first, second], Path(folder))
        read = list(read_trl(Path(folder) / "trl/train.parquet"))
        lines = list(read_lines(Path(folder) / "trl/train.jsonl"))
    parsed = [
        {name: [json.loads(each) for each in cell] if isinstance(cell, list) else cell for name, cell in line.items()}
        for line in lines
    ]
    assert json.dumps(parsed) == json.dumps(read)
    # As text, since 1 == 1.0 == True; the order of keys is kept too.
    assert json.dumps(read) == json.dumps([expected(first), expected(second)])


def test_clashing_arguments_are_not_padded_with_nulls(tmp_path: Path):
    given_rows = [calling({"city": "Ghent"}, "a"), calling({"city": {"name": ["x"]}, "n": None}, "b"), calling({}, "c")]
    write_trl(given_rows, tmp_path)
    read = [each["messages"][1]["tool_calls"][0]["function"] for each in read_trl(tmp_path / "trl/train.parquet")]
    assert [function["arguments"] for function in read] == [{"city": "Ghent"}, {"city": {"name": ["x"]}, "n": None}, {}]


def test_the_file_says_that_its_columns_are_json(tmp_path: Path):
    write_trl(rows(1), tmp_path)
    path = str(tmp_path / "trl/train.parquet")
    with duckdb.connect() as connection:
        metadata = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [path]).fetchall()
        columns = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    assert json.loads(dict(metadata)[b"huggingface"]) == {
        "info": {
            "features": {
                "dialogue_id": {"dtype": "string", "_type": "Value"},
                "domain": {"dtype": "string", "_type": "Value"},
                "kind": {"dtype": "string", "_type": "Value"},
                "messages": {"feature": {"_type": "Json"}, "_type": "List"},
                "tools": {"feature": {"_type": "Json"}, "_type": "List"},
            }
        }
    }
    assert [(name, kind) for name, kind, *_ in columns] == [
        ("dialogue_id", "VARCHAR"),
        ("domain", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("messages", "JSON[]"),
        ("tools", "JSON[]"),
    ]


def test_equal_rows_give_equal_bytes(tmp_path: Path):
    # More rows than a row group holds.
    first = write_trl(rows(2100), tmp_path / "one")
    second = write_trl(iter(rows(2100)), tmp_path / "two")
    assert first == second
    assert first[0].rows == 2100


def test_an_empty_split_is_a_valid_file(tmp_path: Path):
    reports = write_trl(rows(2, "test"), tmp_path)
    assert [(report.path, report.split, report.rows) for report in reports] == [
        ("trl/train.parquet", "train", 0),
        ("trl/validation.parquet", "validation", 0),
        ("trl/test.parquet", "test", 2),
        ("trl/train.jsonl", "train", 0),
        ("trl/validation.jsonl", "validation", 0),
        ("trl/test.jsonl", "test", 2),
    ]
    assert list(read_trl(tmp_path / "trl/train.parquet")) == []


def test_a_crash_in_the_middle_leaves_the_old_files(tmp_path: Path):
    write_trl(rows(3), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def crashing() -> Iterator[DatasetRow]:
        yield from rows(5)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_trl(crashing(), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_path_with_quotes_works(tmp_path: Path):
    write_trl(rows(1), tmp_path / 'it\'s "here"')
    assert len(list(read_trl(tmp_path / 'it\'s "here"' / "trl/train.parquet"))) == 1


def test_a_long_row_fits(tmp_path: Path):
    long = calling({"text": "é" * 3_000_000})
    write_trl([long], tmp_path)
    assert list(read_trl(tmp_path / "trl/train.parquet")) == [expected(long)]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 2**64, -(2**63) - 1])
def test_a_number_that_breaks_readers_is_refused_by_name(tmp_path: Path, number: float):
    bad = calling({"deep": [{"number": number}]}, "d-7")
    assert len(row_faults(bad)) == 1
    with pytest.raises(ExportError, match=r"d-7 .*Turn t1"):
        write_trl([bad], tmp_path)


def test_a_row_lacking_a_tool_is_refused(tmp_path: Path):
    with pytest.raises(ExportError, match="find_garage"):
        write_trl([row(tools={})], tmp_path)


# Numbers as tools and people write them; a rare float of 17 digits has no exact spelling and is counted, see below.
@given(st.floats(-1e6, 1e6).map(lambda value: round(value, 4)))
@example(0.7)
@example(-3.82)
@example(-0.0)
@example(1e22)
def test_floats_reach_the_trainer_unchanged(value: float):
    text = ExactWriter().text({"value": [value]})
    # As text, since 1 == 1.0 and 0.0 == -0.0.
    assert repr(json.loads(text)) == repr({"value": [value]})
    assert repr(as_datasets_reads(text)) == repr({"value": [value]})


def test_zero_keeps_its_sign():
    assert ExactWriter().text([0.0, -0.0, 0.0]) == "[0.0,-0.0,0.0]"


def test_the_parser_of_datasets_still_needs_this():
    # When this fails, exact_json has become needless with the pandas that is installed.
    assert as_datasets_reads("0.7") != 0.7


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(2.1418736437241112e213)  # As 2141.87…e210 it is wrong where pow(10, 210) is, as in glibc.
@example(9.076289341856454e24)
def test_a_float_without_an_exact_spelling_is_counted(value: float):
    writer = ExactWriter()
    assert json.loads(writer.text(value)) == value
    assert writer.inexact == (exact_spelling(abs(value)) is None)
    assume(writer.inexact == 0)
    assert as_datasets_reads(writer.text(value)) == value


TEXTS = st.text(st.one_of(st.sampled_from('"\\\x1f\x7f\u2028é\ud800'), st.characters()), max_size=12)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100)
@given(JSON_VALUES)
def test_compact_json_is_what_json_writes(value: object):
    assert compact_json(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("value", [math.nan, {"a": [math.inf]}])
def test_compact_json_refuses_what_is_none(value: object):
    with pytest.raises(ValueError, match="JSON"):
        compact_json(value)


@settings(max_examples=60)
@given(TEXTS, st.booleans(), st.lists(TEXTS, max_size=4))
def test_a_line_is_what_json_writes(text: str, flag: bool, several: list[str]):
    features = {"text": STRING, "flag": BOOLEAN, "list": JSON_LIST}
    wanted = json.dumps({"text": text, "flag": flag, "list": several})
    assert line_of(features, (text, flag, several)) == wanted
    assert line_of(features, (text, flag, []), {"list": cell_json(several)}) == wanted


@pytest.mark.parametrize("row", [None, 1, 3, 4, 5])
def test_each_part_that_a_file_is_read_back_in_is_compared(
    row: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def damaged(staged: Any, path: Path, features: Any) -> None:
        copied(staged, path, features)
        with duckdb.connect() as connection:
            changed = f"CASE WHEN row_number() OVER () = {row or 0} THEN 'x' ELSE domain END AS domain"
            connection.execute(f"CREATE TABLE t AS SELECT * REPLACE ({changed}) FROM read_parquet('{path}')")
            connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")

    copied = parquet._copy  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(parquet, "_copy", damaged)
    # Two parts, of three rows and of two.
    monkeypatch.setattr(parquet, "_ROW_GROUP", 2)
    rows = [calling({"a": number}) for number in range(5)]
    with nullcontext() if row is None else pytest.raises(ExportError, match="read back differs from the 5 rows"):
        assert [report.rows for report in write_trl(rows, tmp_path)][:3] == [5, 0, 0]


@pytest.mark.parametrize(
    "damage",
    ["domain || 'x' AS domain", "NULL AS kind", "list_append(tools, NULL) AS tools", "messages[2:] AS messages"],
)
def test_a_parquet_file_that_holds_something_else_is_not_kept(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def damaged(staged: Any, path: Path, features: Any) -> None:
        copied(staged, path, features)
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE t AS SELECT * REPLACE ({damage}) FROM read_parquet('{path}')")
            connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")

    copied = parquet._copy  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(parquet, "_copy", damaged)
    with pytest.raises(ExportError, match="read back differs"):
        write_trl([calling({"a": "é \U0001f600"})], tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    monkeypatch.undo()
    assert [report.rows for report in write_trl([calling({"a": "é \U0001f600"})], tmp_path)][:3] == [1, 0, 0]
