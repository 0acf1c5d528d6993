"""All files of an export in one pass over the rows.

Belongs here: what files there are, and the report on them. Does not belong here:
any file's form (``trl``, ``openai_jsonl``, ``card``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from toolace_dagster.dataset.files import FileReport, replacing
from toolace_dagster.dataset.openai_jsonl import LEAST_EXAMPLES, OpenAiWriter
from toolace_dagster.dataset.rows import DatasetRow, ExportError
from toolace_dagster.dataset.splits import SplitReport, SplitTally, require_split
from toolace_dagster.dataset.traits import outline_of
from toolace_dagster.dataset.trl import TrlWriter
from toolace_dagster.entities import Entity


class ExportReport(Entity):
    """What an export wrote.

    Attributes:
        rows: Rows given; every format holds all of them.
        files: One report per file.
        splits: Sizes by split and domain, and leakage.
        inexact_numbers: Numbers that `datasets` will read a little off the value written.
        warnings: Sentences on what the user should know before training.
    """

    rows: int
    files: tuple[FileReport, ...]
    splits: SplitReport
    inexact_numbers: int
    warnings: tuple[str, ...] = ()


def export_all(rows: Iterable[DatasetRow], folder: Path) -> ExportReport:
    """Write all formats. All files appear together, after all were read back.

    Args:
        rows: Rows with splits, sorted by whoever wants the same bytes every time; read once.
        folder: The export's folder.

    Returns:
        Counts, sizes and checksums per file, and warnings.

    Raises:
        ExportError: If a row cannot be written, two rows have one id, a task is on two sides, or a file
            does not hold what was written. No file is changed then.
    """
    tally = SplitTally()
    seen: set[str] = set()
    with replacing(folder) as files, TrlWriter(files) as trl, OpenAiWriter(files) as openai:
        for row in rows:
            if row.dialogue.id in seen:
                raise ExportError(f"two rows have the dialogue id {row.dialogue.id}")
            seen.add(row.dialogue.id)
            tally.add(outline_of(row), require_split(row))
            trl.add(row)
            openai.add(row)
        splits = tally.report()
        if splits.leakage:
            raise ExportError(f"{splits.leakage} tasks are on two sides of the dataset")
        reports = (*trl.finish(), *openai.finish())
        for kind in ("trl/", "openai/"):
            written = sum(report.rows for report in reports if report.path.startswith(kind))
            if written != len(seen):
                raise ExportError(f"{written} rows are in {kind}, {len(seen)} were given")
    return ExportReport(
        rows=len(seen),
        files=reports,
        splits=splits,
        inexact_numbers=trl.inexact,
        warnings=tuple(_warnings(splits, trl.inexact)),
    )


def _warnings(splits: SplitReport, inexact: int) -> list[str]:
    warnings = [
        f"The {split} split is empty. `datasets` refuses a split without data, so leave its file out when loading."
        for split in splits.empty
    ]
    if splits.sizes["train"] < LEAST_EXAMPLES:
        size = splits.sizes["train"]
        warnings.append(
            f"The train split has {size} dialogues; OpenAI fine-tuning takes no fewer than {LEAST_EXAMPLES}."
        )
    if inexact:
        warnings.append(f"{inexact} numbers of 17 digits will be read a little off by `datasets`.")
    return warnings
