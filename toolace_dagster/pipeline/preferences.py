"""Preference pairs of a home's verified dialogues.

Belongs here: reading histories domain by domain, writing the pairs. Does not belong
here: what is a pair (``dataset.preferences``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from pydantic import Field

from toolace_dagster.dataset import (
    DatasetRow,
    FileReport,
    PairCounts,
    PreferencePair,
    Split,
    preference_pairs,
    write_preferences,
)
from toolace_dagster.entities import Entity
from toolace_dagster.pipeline.dataset import deal_splits, exported_content, remember, split_rows, stored_splits
from toolace_dagster.reporting.history import read_histories, read_mended
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse

_AT_ONCE = 200
"""Histories read with one query; each holds all edits of a dialogue."""


class PreferenceReport(Entity):
    """What was written.

    Attributes:
        rows: Pairs.
        same_context: Those of them, by source, whose two versions were written after exactly the messages of the
            prompt.
        counts: Candidates by source and what became of them, by the names of ``PairEnd``.
        files: One report per file.
        made_of: Content hash of the dialogues and their sides; None where it was not noted.
    """

    rows: int
    same_context: dict[str, int] = Field(default_factory=dict[str, int])
    counts: dict[str, dict[str, int]]
    files: tuple[FileReport, ...]
    made_of: str | None = None


def make_preferences(warehouse: Warehouse, settings: Settings) -> PreferenceReport:
    """Write the pairs of all dialogues that have a side into the home, by the ``splits`` table.

    Raises:
        ExportError: If a file read back differs; no file is changed then.
    """
    made_of = exported_content(warehouse, settings)
    report = _written(warehouse, settings, warehouse.exports, stored_splits(warehouse))
    report = report.model_copy(update={"made_of": made_of})
    remember(warehouse, settings, "preferences", report)
    return report


def copy_preferences(warehouse: Warehouse, settings: Settings, folder: Path) -> PreferenceReport:
    """Write the pairs below another folder; nothing of the home is changed.

    Args:
        warehouse: The home's files.
        settings: Settings of the home, or others.
        folder: Folder that gets ``preferences/``.

    Raises:
        ExportError: As above.
    """
    return _written(warehouse, settings, folder, deal_splits(warehouse, settings).sides)


def _written(warehouse: Warehouse, settings: Settings, folder: Path, sides: Mapping[str, Split]) -> PreferenceReport:
    counts = PairCounts()
    files = write_preferences(home_pairs(warehouse, settings, sides, counts), folder)
    made = sum(file.rows for file in files if file.path.endswith(".parquet"))
    return PreferenceReport(
        rows=made,
        same_context={str(source): number for source, number in counts.same_context.items()},
        counts=counts.table(),
        files=tuple(files),
    )


def home_pairs(
    warehouse: Warehouse, settings: Settings, sides: Mapping[str, Split], counts: PairCounts
) -> Iterator[PreferencePair]:
    """The pairs, by domain and slot; of rows of an earlier version's form there are none.

    Args:
        warehouse: The home's files.
        settings: Settings of the home.
        sides: The side by dialogue id; of others there are no pairs.
        counts: Told what became of each candidate.
    """
    for rows in _batches(warehouse, settings, sides):
        store, ids = warehouse.domain(rows[0].dialogue.domain), [row.dialogue.id for row in rows]
        histories, mended = read_histories(store, ids), read_mended(store, ids)
        for row in rows:
            history = histories.get(row.dialogue.id)
            if history is None or row.split is None:
                continue
            steps = [(one.dialogue, other.edit) for one, other in pairwise(history.steps) if other.edit is not None]
            found = mended.get(row.dialogue.id, ())
            yield from preference_pairs(steps, row.tools, row.split, counts, found, row.dialogue)


def _batches(warehouse: Warehouse, settings: Settings, sides: Mapping[str, Split]) -> Iterator[list[DatasetRow]]:
    batch: list[DatasetRow] = []
    for row in split_rows(warehouse, settings, sides):
        if batch and (len(batch) == _AT_ONCE or batch[0].dialogue.domain != row.dialogue.domain):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
