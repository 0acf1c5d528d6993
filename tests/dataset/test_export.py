"""All files of an export."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dataset.rows import row, rows, task
from toolace_dagster.dataset import DatasetRow, ExportError, export_rows
from toolace_dagster.settings import FORMAT_NAMES, FormatName

files_of = {"trl": ("parquet", "jsonl")}


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mixed() -> Iterator[DatasetRow]:
    yield from rows(12)
    yield row("v", "validation")
    yield row("t", "test")


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_the_report_describes_the_files(tmp_path: Path, name: FormatName):
    report = export_rows(mixed(), tmp_path, name)
    assert report.rows == 14
    assert [(file.path, file.rows) for file in report.files if file.split] == [
        (f"{name}/{split}.{ending}", rows)
        for ending in files_of.get(name, ("jsonl",))
        for split, rows in (("train", 12), ("validation", 1), ("test", 1))
    ]
    written = held(tmp_path)
    assert written.keys() == {file.path for file in report.files}
    for file in report.files:
        assert (file.bytes, file.sha256) == (
            len(written[file.path]),
            hashlib.sha256(written[file.path]).hexdigest(),
        )
    assert report.splits.sizes == {"train": 12, "validation": 1, "test": 1}
    assert report.warnings == ()
    assert report.inexact_numbers == 0


def test_exporting_again_changes_nothing(tmp_path: Path):
    first = export_rows(mixed(), tmp_path, "openai")
    before = held(tmp_path)
    assert export_rows(mixed(), tmp_path, "openai") == first
    assert held(tmp_path) == before


def test_few_examples_and_empty_splits_are_warned_of(tmp_path: Path):
    warnings = export_rows(rows(9), tmp_path, "openai").warnings
    assert len(warnings) == 3
    assert "validation split is empty" in warnings[0]
    assert "no fewer than 10" in warnings[2]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row("v", None), "no split"),
        (row("v", tools={}), "cannot be exported"),
        (row("garages-0001-abcdef"), "two rows"),
        (row("v", "test", spec=task("do GARAGES-0001-abcdef.")), "two sides"),
    ],
)
def test_a_refused_row_leaves_the_old_export(tmp_path: Path, bad: DatasetRow, words: str):
    export_rows(rows(2), tmp_path, "openai")
    before = held(tmp_path)
    with pytest.raises(ExportError, match=words):
        export_rows([*rows(4), bad], tmp_path, "openai")
    assert held(tmp_path) == before


def test_a_crash_while_files_are_put_in_place_leaves_each_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    export_rows(rows(2), tmp_path / "live", "openai")
    old = held(tmp_path / "live")
    export_rows(rows(4), tmp_path / "new", "openai")
    new = held(tmp_path / "new")
    real, done = os.replace, list[str]()

    def failing(source: Path, target: Path) -> None:
        if len(done) == 2:
            raise OSError("disk gone")
        done.append(str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="disk gone"):
        export_rows(rows(4), tmp_path / "live", "openai")
    now = held(tmp_path / "live")
    assert now.keys() == old.keys()
    assert all(content in (old[name], new[name]) for name, content in now.items())


def test_files_can_be_read_by_others(tmp_path: Path):
    export_rows(rows(1), tmp_path, "openai")
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "openai/train.jsonl").stat().st_mode == plain.stat().st_mode
