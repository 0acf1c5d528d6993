"""Training files of a home: written, remembered, and whether they are current.

Belongs here: exporting the rows that have sides. Does not belong here: giving them
sides (``pipeline.dataset``), or a format's files (``dataset``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from toolace_dagster.dataset import DatasetRow, ExportReport, ReadyRow, Split, made_ready, with_examples, write_ready
from toolace_dagster.entities import content_hash
from toolace_dagster.pipeline.dataset import (
    DealtSplits,
    dataset_facts,
    dataset_fingerprint,
    deal_splits,
    exported_content,
    part_fingerprint,
    remember,
    stored_splits,
    stored_withheld,
)
from toolace_dagster.pipeline.export_lines import ExportLines
from toolace_dagster.pipeline.verified import dataset_domains, made_of_rows
from toolace_dagster.settings import FORMAT_NAMES, FormatName, Settings, SliceKind
from toolace_dagster.warehouse import Warehouse

CARD_FILE = "README.md"
EXPORT_SETTINGS = ("loss_mask", "slices")
"""Settings that decide exports, and the card that counts their rows, and nothing else."""


_SHOWN = 10
"""Withheld dialogues that a report names."""


def dataset_is_stale(warehouse: Warehouse, settings: Settings) -> bool:
    """Whether splits, an export of the settings' formats or the card do not stand as the verified dialogues ask for."""
    if not dataset_domains(warehouse, settings):
        return False
    fingerprint = dataset_fingerprint(warehouse, settings)
    facts = dataset_facts(warehouse)
    of_exports = part_fingerprint(fingerprint, settings, *EXPORT_SETTINGS)
    wanted = {"splits": fingerprint, "card": of_exports} | {part_of(name): of_exports for name in settings.formats}
    if any(facts.get(part, {}).get("fingerprint") != value for part, value in wanted.items()):
        return True
    reports = export_reports(warehouse)
    paths = [warehouse.exports / file.path for name in settings.formats for file in reports[name].files]
    return not all(path.exists() for path in [*paths, warehouse.exports / CARD_FILE])


def make_export(warehouse: Warehouse, settings: Settings, name: FormatName) -> ExportReport:
    """Write the files of one format into the home, from the ``splits`` table.

    Raises:
        ExportError: If a file does not hold what was written; no file is changed then.
    """
    lines = ExportLines()
    made_of = exported_content(warehouse, settings)
    rows = _ready_rows(warehouse, settings, name, stored_splits(warehouse))
    report = write_ready(lines.noting(rows), warehouse.exports, name)
    report = _with_all_warnings(report, settings, stored_withheld(warehouse))
    report = report.model_copy(update={"made_with": settings.of(*EXPORT_SETTINGS), "made_of": made_of})
    lines.write(warehouse, name, report.files)
    remember(warehouse, settings, part_of(name), report, *EXPORT_SETTINGS)
    return report


def copy_export(
    warehouse: Warehouse, settings: Settings, name: FormatName, folder: Path, dealt: DealtSplits | None = None
) -> ExportReport:
    """Write the files of one format below another folder; nothing of the home is changed, its sides neither.

    Args:
        warehouse: The home's files.
        settings: Settings of the home, or others.
        name: The format.
        folder: Folder that gets the format's own.
        dealt: Sides; dealt by the settings if left out.

    Raises:
        ExportError: As above.
    """
    dealt = dealt or deal_splits(warehouse, settings)
    report = write_ready(_ready_rows(warehouse, settings, name, dealt.sides), folder, name)
    return _with_all_warnings(report, settings, dealt.outcome.withheld)


def _with_all_warnings(report: ExportReport, settings: Settings, withheld: Mapping[str, str]) -> ExportReport:
    """A report that also says what is withheld, and where there are fewer examples than the settings ask for."""
    left_out = [
        f"{name} is verified and in no file: {reason[:1].upper()}{reason[1:].removesuffix('.')}."
        for name, reason in sorted(withheld.items())[:_SHOWN]
    ]
    if len(withheld) > _SHOWN:
        left_out.append(f"{len(withheld) - _SHOWN} more verified dialogues are in no file; the table splits says why.")
    whole = report.rows - sum(report.slices.values())
    missing = [
        f"{report.slices.get(kind, 0)} {kind} examples are all that {whole} dialogues offer; "
        f"the share asked for would be about {round(share * whole)}."
        for kind, share in settings.slices.items()
        # A side takes no example before its share makes up a whole one.
        if report.slices.get(kind, 0) < share * whole - len(report.splits.sizes)
    ]
    return report.model_copy(update={"warnings": (*report.warnings, *left_out, *missing)})


def _ready_rows(
    warehouse: Warehouse, settings: Settings, name: FormatName, splits: Mapping[str, Split]
) -> Iterator[ReadyRow]:
    """All rows of an export in the files' order, made ready by several processes where there are many."""
    kinds: list[SliceKind] = [kind for kind, share in settings.slices.items() if share]

    def made(rows: Sequence[DatasetRow]) -> Iterator[ReadyRow]:
        for row in rows:
            if split := splits.get(row.dialogue.id):
                yield made_ready(row.model_copy(update={"split": split}), name, settings.loss_mask, kinds)

    return with_examples(made_of_rows(warehouse, settings, made), settings.slices)


def part_of(name: FormatName) -> str:
    """What the facts of a format's export are stored under."""
    return f"export_{name}"


def export_reports(warehouse: Warehouse) -> dict[FormatName, ExportReport]:
    """What the home's exports wrote when they were last made, by format."""
    facts = dataset_facts(warehouse)
    return {
        name: ExportReport.model_validate_json(facts[part_of(name)]["facts"])
        for name in FORMAT_NAMES
        if part_of(name) in facts
    }


def is_of_present_rows(report: ExportReport, content: str, fingerprint: str, splits: str) -> bool:
    """Whether an export holds the rows as they are now, on their sides.

    Args:
        report: What the export wrote.
        content: The content as ``exported_content`` has it.
        fingerprint: What is stored as its fingerprint.
        splits: The fingerprint of the splits. Of an export that did not note its content, only what was made with the
            settings of the splits is known to be theirs.
    """
    if report.made_of is not None:
        return report.made_of == content
    return report.made_with is not None and fingerprint == content_hash(splits, report.made_with)


def read_export_files(warehouse: Warehouse, settings: Settings) -> list[tuple[str, int]]:
    """Path and number of dialogues of each file of the settings' formats, then the card."""
    reports = export_reports(warehouse)
    made = [reports[name] for name in settings.formats if name in reports]
    if not made:
        return []
    files = [(str(warehouse.exports / file.path), file.rows) for report in made for file in report.files if file.split]
    return [*files, (str(warehouse.exports / CARD_FILE), made[0].rows)]
