"""The rows of a stage that goes on from another's.

Belongs here: an item for each row that passed the stage before. Does not belong here: what a
stage depends on besides, or where the first rows come from (``task_specs``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from toolace_dagster.entities import Dialogue, TaskSpec
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stage import WorkItem


def following(
    context: StageContext,
    before: str,
    specs: dict[str, TaskSpec],
    start: Callable[[str], Program[Any]],
    dialogues: dict[str, Dialogue] | None = None,
) -> list[WorkItem]:
    """Items for all rows that passed the stage before; they depend on its content and their own spec."""
    places: Iterable[dict[str, Any]] = context.places(before)
    return [
        WorkItem(
            dialogue_id=place["dialogue_id"],
            slot=place["slot"],
            attempt=place["attempt"],
            inputs={"before": place["content_hash"], "spec": specs[place["dialogue_id"]].model_dump(mode="json")},
            program=partial(start, place["dialogue_id"]),
            dialogue=dialogues[place["dialogue_id"]] if dialogues else None,
        )
        for place in places
        # A row of an earlier run whose spec is gone is about to be made anew.
        if place["dialogue_id"] in specs
    ]
