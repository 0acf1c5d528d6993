"""All files of one format in one pass over the rows.

Belongs here: writing a format, and the report on it. Does not belong here: any
file's form (``formats``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from pydantic import Field, JsonValue

from toolace_dagster.dataset.files import FileReport, Replacement, replacing
from toolace_dagster.dataset.formats import LINE_FORMATS, LineWriter, TrlWriter
from toolace_dagster.dataset.ready import ReadyRow, made_ready
from toolace_dagster.dataset.rows import DatasetRow, ExportError, RowKind
from toolace_dagster.dataset.splits import SplitReport, SplitTally
from toolace_dagster.entities import Entity
from toolace_dagster.settings import FormatName, MaskedTurn


class ExportReport(Entity):
    """What an export wrote.

    Attributes:
        format: The format.
        rows: Rows given; the files hold all of them.
        files: One report per file.
        slices: Examples cut out of dialogues among the rows, by kind.
        splits: Sizes by split and domain of all rows, and leakage.
        inexact_numbers: Numbers that `datasets` will read a little off the value written.
        masked: Assistant turns that the settings keep out of the loss.
        texts_left_out: Turns whose text beside calls the format has no place for.
        made_with: Settings of the export, as JSON values; None where they were not noted.
        made_of: Content hash of the dialogues and their sides; None where it was not noted.
        warnings: Sentences on what the user should know before training.
    """

    format: FormatName
    rows: int
    files: tuple[FileReport, ...]
    slices: dict[RowKind, int] = Field(default_factory=dict[RowKind, int])
    splits: SplitReport
    inexact_numbers: int
    masked: int = 0
    texts_left_out: int = 0
    made_with: dict[str, JsonValue] | None = None
    made_of: str | None = None
    warnings: tuple[str, ...] = ()


def export_rows(
    rows: Iterable[DatasetRow], folder: Path, name: FormatName, mask: Collection[MaskedTurn] = ()
) -> ExportReport:
    """Write one format. Its files appear together, after all were read back.

    Args:
        rows: Rows with splits, sorted by whoever wants the same bytes every time; read once.
        folder: The export's folder, in which the format has one of its own.
        name: The format.
        mask: Assistant turns to keep out of the loss.

    Returns:
        Counts, sizes and checksums per file, and warnings.

    Raises:
        ExportError: If a row cannot be written, two rows have one id, a task is on two sides, or a file
            does not hold what was written. No file is changed then.
    """
    return write_ready((made_ready(row, name, mask) for row in rows), folder, name)


def write_ready(rows: Iterable[ReadyRow], folder: Path, name: FormatName) -> ExportReport:
    """Write one format from rows that were made ready for it; otherwise as :func:`export_rows`.

    Args:
        rows: Rows in the order they are to stand in; read once.
        folder: The export's folder, in which the format has one of its own.
        name: The format.

    Returns:
        Counts, sizes and checksums per file, and warnings.

    Raises:
        ExportError: As above.
    """
    tally = SplitTally()
    seen: set[str] = set()
    kinds: Counter[RowKind] = Counter()
    masked = texts = 0
    with replacing(folder) as files, _writer(files, name) as writer:
        for row in rows:
            if row.outline.dialogue_id in seen:
                raise ExportError(f"two rows have the dialogue id {row.outline.dialogue_id}")
            seen.add(row.outline.dialogue_id)
            tally.add(row.outline, row.split)
            writer.add(row.split, row.written)
            kinds[row.kind] += 1
            masked += row.masked
            texts += row.texts
        splits = tally.report()
        if splits.leakage:
            raise ExportError(f"{splits.leakage} tasks are on two sides of the dataset")
        reports = tuple(writer.finish())
    form = LINE_FORMATS.get(name)
    left_out = texts if form and not form.holds_text_with_calls else 0
    report = ExportReport(
        format=name,
        rows=len(seen),
        files=reports,
        slices={kind: number for kind, number in kinds.items() if kind != "dialogue"},
        splits=splits,
        inexact_numbers=writer.inexact,
        masked=masked,
        texts_left_out=left_out,
    )
    return report.model_copy(update={"warnings": tuple(_warnings(report))})


def _writer(files: Replacement, name: FormatName) -> TrlWriter | LineWriter:
    return LineWriter(files, LINE_FORMATS[name]) if name in LINE_FORMATS else TrlWriter(files)


def _warnings(report: ExportReport) -> list[str]:
    form = LINE_FORMATS.get(report.format)
    warnings = [
        f"The {split} split is empty. `datasets` refuses a split without data, so leave its file out when loading."
        for split in report.splits.empty
    ]
    train, least = report.splits.sizes["train"], form.least_examples if form else 1
    if train < least and form:
        warnings.append(f"The train split has {train} dialogues; {form.title} takes no fewer than {least}.")
    if report.inexact_numbers:
        warnings.append(f"{report.inexact_numbers} numbers of 17 digits will be read a little off by `datasets`.")
    if report.texts_left_out:
        warnings.append(
            f"{report.texts_left_out} turns say something beside their calls, which this format has no place for."
        )
    if report.masked and not (form and form.has_weights):
        how = "TRL reads no weights" if report.format == "trl" else "this format has no weights"
        warnings.append(f"{report.masked} turns are to be kept out of the loss, but {how}: they will be learned.")
    return warnings
