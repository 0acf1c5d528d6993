"""Formats that are one JSON object a line: what they have in common, and writing them.

Belongs here: what a line format is, and its writer. Does not belong here: any one
format's fields (one module each, beside this one).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic_core import from_json

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.files import FileReport, Replacement, replacing
from toolace_dagster.dataset.formats.written import Written
from toolace_dagster.dataset.rows import SPLITS, DatasetRow, ExportError, Split, row_faults
from toolace_dagster.dataset.splits import require_split
from toolace_dagster.settings import FormatName, MaskedTurn


def _no_faults(_row: DatasetRow, _line: str) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True)
class LineFormat:
    """A format of training files with one example a line.

    Attributes:
        name: Its name, which is also its folder.
        title: Its name in words.
        example: Makes a line's object of a row and the turns to keep out of the loss.
        faults: Checks a line as it will be written; yields sentences.
        has_weights: Whether a turn can be kept out of the loss.
        holds_text_with_calls: Whether a turn that calls tools can also say something.
        least_examples: Examples the trainer wants at least.
        beside: Further files by path below the format's folder, as text.
    """

    name: FormatName
    title: str
    example: Callable[[DatasetRow, Collection[MaskedTurn]], dict[str, Any]]
    faults: Callable[[DatasetRow, str], Iterable[str]] = _no_faults
    has_weights: bool = False
    holds_text_with_calls: bool = True
    least_examples: int = 1
    beside: Mapping[str, str] = field(default_factory=dict[str, str])

    def path(self, split: Split) -> str:
        """Path of a split's file below the export's folder."""
        return f"{self.name}/{split}.jsonl"


def written_line(form: LineFormat, row: DatasetRow, mask: Collection[MaskedTurn] = ()) -> Written:
    """A row as its line.

    Args:
        form: The format.
        row: The row.
        mask: Assistant turns to keep out of the loss.

    Raises:
        ExportError: If the row makes no valid example.
    """
    faults = row_faults(row)
    line = ""
    if not faults:
        line = compact_json(form.example(row, mask))
        faults = list(form.faults(row, line))
    if faults:
        raise ExportError(f"dialogue {row.dialogue.id} cannot be exported: {' '.join(faults)}")
    return Written(line)


class LineWriter:
    """Writes the three files of a line format from rows that come one by one."""

    inexact = 0
    """Numbers that a reader will find a little off: none, as each is written as Python reads it."""

    def __init__(self, files: Replacement, form: LineFormat) -> None:
        self._files = files
        self._form = form
        self._paths: dict[Split, Path] = {split: files.file(form.path(split)) for split in SPLITS}
        self._streams = {split: path.open("w", encoding="utf-8", newline="\n") for split, path in self._paths.items()}
        self._rows: dict[Split, int] = dict.fromkeys(SPLITS, 0)

    def add(self, split: Split, written: Written) -> None:
        """Add one row of a side."""
        self._streams[split].write(written.line + "\n")
        self._rows[split] += 1

    def finish(self) -> list[FileReport]:
        """Close the files and count what they hold.

        Raises:
            ExportError: If a file read back has another number of examples.
        """
        self.close()
        reports: list[FileReport] = []
        for split, path in self._paths.items():
            rows = count_lines(path)
            if rows != self._rows[split]:
                raise ExportError(f"{self._form.path(split)} has {rows} examples, {self._rows[split]} were written")
            reports.append(self._files.report(self._form.path(split), split=split, rows=rows))
        for name, text in self._form.beside.items():
            relative = f"{self._form.name}/{name}"
            self._files.file(relative).write_text(text, encoding="utf-8", newline="\n")
            reports.append(self._files.report(relative))
        return reports

    def close(self) -> None:
        """Close the files; safe to call again."""
        for stream in self._streams.values():
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def write_lines(
    rows: Iterable[DatasetRow], folder: Path, form: LineFormat, mask: Collection[MaskedTurn] = ()
) -> list[FileReport]:
    """Write the files of one line format.

    Args:
        rows: Rows with splits; their order is the files' order.
        folder: The export's folder.
        form: The format.
        mask: Assistant turns to keep out of the loss.

    Returns:
        One report per file.

    Raises:
        ExportError: If a row makes no valid example. No file is changed then.
    """
    with replacing(folder) as files, LineWriter(files, form) as writer:
        for row in rows:
            writer.add(require_split(row), written_line(form, row, mask))
        return writer.finish()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file back, one example at a time."""
    # Only a line feed ends a line: texts may hold the other characters that Python ends lines at.
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield json.loads(line)


def count_lines(path: Path) -> int:
    """Lines of a file, each of which is read as JSON.

    Raises:
        ValueError: If a line is none.
    """
    with path.open("rb") as stream:
        return sum(1 for line in stream if from_json(line, allow_inf_nan=False) is not None)
