"""``toolace export``: training files of one format.

Belongs here: what it prints and its exit code. Does not belong here: writing files
(``pipeline.exports``).
"""

from __future__ import annotations

from pathlib import Path

from toolace_dagster.cli.console import complain, say, show_table, warn
from toolace_dagster.dataset import ExportError, ExportReport
from toolace_dagster.pipeline.disk import refused_by_disk
from toolace_dagster.pipeline.exports import copy_export, dataset_is_stale, export_reports
from toolace_dagster.pipeline.verified import dataset_domains
from toolace_dagster.settings import FormatName, Settings
from toolace_dagster.warehouse import Warehouse

_LEFT_OUT = ("same_text", "no_preference", "failed_call", "not_named", "wording", "reversed", "cut_off")
"""What becomes of candidates that are no pair."""


def export_format(home: Path, settings: Settings, name: FormatName, out: Path | None) -> int:
    """Write one format and say what was written.

    Args:
        home: Home folder with verified dialogues.
        settings: Settings of the home, or others.
        name: The format.
        out: Folder that gets the format's folder; None means the home's exports, as a Dagster run.

    Returns:
        Exit code: 1 when there is nothing to export or a file could not be written.
    """
    warehouse = Warehouse(home)
    if not dataset_domains(warehouse, settings):
        complain(f"{home} holds no verified dialogue. `toolace run` makes some; --home names another folder.")
        return 1
    report = _in_home(warehouse, settings, name) if out is None else _elsewhere(warehouse, settings, name, out)
    if report is None:
        return 1
    folder = out or warehouse.exports
    show_table("Written", ("file", "rows"), [(str(folder / file.path), file.rows) for file in report.files])
    for warning in report.warnings:
        warn(warning)
    return 0


def _in_home(warehouse: Warehouse, settings: Settings, name: FormatName) -> ExportReport | None:
    chosen = settings.model_copy(update={"formats": (name,)})
    if dataset_is_stale(warehouse, chosen):
        from toolace_dagster.orchestration.launch import build_dataset

        end = build_dataset(chosen, warehouse)
        if end.error:
            complain(end.error)
            return None
    else:
        say("Nothing was stale.")
    return export_reports(warehouse)[name]


def _elsewhere(warehouse: Warehouse, settings: Settings, name: FormatName, out: Path) -> ExportReport | None:
    try:
        return copy_export(warehouse, settings, name, out)
    except (ExportError, OSError) as error:
        complain(refused_by_disk(error) or str(error))
        return None


def export_preferences(home: Path, settings: Settings, out: Path | None) -> int:
    """Write preference pairs and say how many came from where.

    Args:
        home: Home folder with verified dialogues.
        settings: Settings of the home.
        out: Folder that gets ``preferences/``; None means the home's exports.

    Returns:
        Exit code: 1 when there is nothing to export or a file could not be written.
    """
    from toolace_dagster.pipeline.dataset import make_splits
    from toolace_dagster.pipeline.preferences import copy_preferences, make_preferences

    warehouse = Warehouse(home)
    if not dataset_domains(warehouse, settings):
        complain(f"{home} holds no verified dialogue. `toolace run` makes some; --home names another folder.")
        return 1
    try:
        if out is None:
            make_splits(warehouse, settings)
            report = make_preferences(warehouse, settings)
        else:
            report = copy_preferences(warehouse, settings, out)
    except (ExportError, OSError) as error:
        complain(refused_by_disk(error) or str(error))
        return 1
    rows = [
        (source.replace("_", " "), ends["pairs"], report.same_context.get(source, 0), *(ends[end] for end in _LEFT_OUT))
        for source, ends in report.counts.items()
    ]
    show_table("Candidates", ("source", "pairs", "same context", *(end.replace("_", " ") for end in _LEFT_OUT)), rows)
    folder = out or warehouse.exports
    show_table("Written", ("file", "pairs"), [(str(folder / file.path), file.rows) for file in report.files])
    return 0
