"""The rows whose tokens are counted: those that an export holds.

Belongs here: finding them in a home. Does not belong here: counting
(``dataset.tokens``), or writing them (``pipeline.exports``).
"""

from __future__ import annotations

from collections.abc import Iterator

from toolace_dagster.dataset import DatasetRow, with_slices
from toolace_dagster.pipeline.dataset import stored_splits
from toolace_dagster.pipeline.verified import dataset_rows
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


def exported_rows(warehouse: Warehouse, settings: Settings) -> Iterator[DatasetRow]:
    """The rows of an export with the examples cut from them, without writing it.

    Args:
        warehouse: The home's files.
        settings: Settings of the home; ``slices`` among them.

    Yields:
        Rows with their side. Before sides are given all verified dialogues count as training rows.
    """
    splits = stored_splits(warehouse)
    rows = (
        row.model_copy(update={"split": splits.get(row.dialogue.id, "train")})
        for row in dataset_rows(warehouse, settings)
        if not splits or row.dialogue.id in splits
    )
    yield from with_slices(rows, settings.slices)
