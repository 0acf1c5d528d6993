"""All files of an export."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dataset.rows import row, rows, task
from toolace_dagster.dataset import DatasetRow, ExportError, export_all


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mixed() -> Iterator[DatasetRow]:
    yield from rows(12)
    yield row("v", "validation")
    yield row("t", "test")


def test_the_report_describes_the_files(tmp_path: Path):
    report = export_all(mixed(), tmp_path)
    assert report.rows == 14
    assert [(file.path, file.rows) for file in report.files] == [
        ("trl/train.parquet", 12),
        ("trl/validation.parquet", 1),
        ("trl/test.parquet", 1),
        ("openai/train.jsonl", 12),
        ("openai/validation.jsonl", 1),
        ("openai/test.jsonl", 1),
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
    first = export_all(mixed(), tmp_path)
    before = held(tmp_path)
    assert export_all(mixed(), tmp_path) == first
    assert held(tmp_path) == before


def test_few_examples_and_empty_splits_are_warned_of(tmp_path: Path):
    warnings = export_all(rows(9), tmp_path).warnings
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
    export_all(rows(2), tmp_path)
    before = held(tmp_path)
    with pytest.raises(ExportError, match=words):
        export_all([*rows(4), bad], tmp_path)
    assert held(tmp_path) == before


def test_a_crash_while_files_are_put_in_place_leaves_each_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    export_all(rows(2), tmp_path / "live")
    old = held(tmp_path / "live")
    export_all(rows(4), tmp_path / "new")
    new = held(tmp_path / "new")
    real, done = os.replace, list[str]()

    def failing(source: Path, target: Path) -> None:
        if len(done) == 2:
            raise OSError("disk gone")
        done.append(str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="disk gone"):
        export_all(rows(4), tmp_path / "live")
    now = held(tmp_path / "live")
    assert now.keys() == old.keys()
    assert all(content in (old[name], new[name]) for name, content in now.items())


def test_files_can_be_read_by_others(tmp_path: Path):
    export_all(rows(1), tmp_path)
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "trl/train.parquet").stat().st_mode == plain.stat().st_mode
