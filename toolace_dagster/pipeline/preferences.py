"""Preference pairs of a home's verified dialogues.

Belongs here: reading histories domain by domain, writing the pairs. Does not belong
here: what is a pair (``dataset.preferences``).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from toolace_dagster.dataset import (
    DatasetRow,
    FileReport,
    PairCounts,
    PreferencePair,
    preference_pairs,
    write_preferences,
)
from toolace_dagster.entities import Entity
from toolace_dagster.pipeline.dataset import remember, split_rows
from toolace_dagster.reporting.history import read_histories
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

_AT_ONCE = 200
"""Histories read with one query; each holds all edits of a dialogue."""


class PreferenceReport(Entity):
    """What was written.

    Attributes:
        rows: Pairs.
        counts: Candidates by source and what became of them: ``pairs``, ``same_text``, ``no_preference``.
        files: One report per file.
    """

    rows: int
    counts: dict[str, dict[str, int]]
    files: tuple[FileReport, ...]


def make_preferences(warehouse: Warehouse, settings: Settings, folder: Path | None = None) -> PreferenceReport:
    """Write the pairs of all dialogues that have a side.

    Args:
        warehouse: The home's files.
        settings: Settings of the home.
        folder: Folder that gets ``preferences/``; None means the home's exports.

    Raises:
        ExportError: If a file read back differs; no file is changed then.
    """
    counts = PairCounts()
    files = write_preferences(home_pairs(warehouse, settings, counts), folder or warehouse.exports)
    made = sum(file.rows for file in files if file.path.endswith(".parquet"))
    report = PreferenceReport(rows=made, counts=counts.table(), files=tuple(files))
    if folder is None:
        remember(warehouse, settings, "preferences", report)
    return report


def home_pairs(warehouse: Warehouse, settings: Settings, counts: PairCounts) -> Iterator[PreferencePair]:
    """The pairs, by domain and slot; of rows of an earlier version's form there are none."""
    for rows in _batches(warehouse, settings):
        histories = read_histories(warehouse.domain(rows[0].dialogue.domain), [row.dialogue.id for row in rows])
        for row in rows:
            history = histories.get(row.dialogue.id)
            if history is None or row.split is None:
                continue
            steps = [(one.dialogue, other.edit) for one, other in pairwise(history.steps) if other.edit is not None]
            yield from preference_pairs(steps, row.tools, row.split, counts)


def _batches(warehouse: Warehouse, settings: Settings) -> Iterator[list[DatasetRow]]:
    batch: list[DatasetRow] = []
    for row in split_rows(warehouse, settings):
        if batch and (len(batch) == _AT_ONCE or batch[0].dialogue.domain != row.dialogue.domain):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
