"""Which rows of one stage of one domain stand, and which are to be made.

Identity is by content: a row's fingerprint covers its input, the tools it offers,
the prompts, the settings and the model of the stage. A row whose fingerprint
stands in the warehouse is left alone.

Belongs here: fingerprints, and comparing them with the rows there are. Does not belong here: what goes
into a fingerprint (``stages``), why two differ (``causes``), or all stages of a domain (``staleness``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from toolace_dagster.entities import content_hash
from toolace_dagster.pipeline.causes import NEW, PASSING_ERRORS, TRIED_AGAIN, causes, part_hashes
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stage import Stage, WorkItem
from toolace_dagster.warehouse import sql


@dataclass(frozen=True)
class Freshness:
    """What of a stage stands, and what has to be made.

    Attributes:
        stale: Items to be made.
        fingerprints: Of every item, by dialogue id.
        parts: Hashes of what goes into each fingerprint, by dialogue id.
        causes: Why an item is stale, in words, by dialogue id.
        obsolete: Ids of rows that no item asks for any more.
    """

    stale: list[WorkItem]
    fingerprints: dict[str, str]
    parts: dict[str, dict[str, str]]
    causes: dict[str, tuple[str, ...]]
    obsolete: set[str]


def freshness(stage: Stage, context: StageContext) -> Freshness:
    """Decide which rows of a stage are to be made, and why.

    Args:
        stage: The stage.
        context: Domain, settings, warehouse.
    """
    version = stage.version(context)
    with context.store.reading():
        items = stage.items(context)
        rows = context.store.read(sql("queries/stage_fingerprints"), {"stage": stage.name})
    shared = part_hashes(version)
    parts = {item.dialogue_id: shared | part_hashes(item.inputs) for item in items}
    fingerprints = {dialogue_id: content_hash(stage.name, hashes) for dialogue_id, hashes in parts.items()}
    known = {row["dialogue_id"]: row for row in rows}

    def why(item: WorkItem) -> tuple[str, ...]:
        row = known.get(item.dialogue_id)
        if row is None:
            return (NEW,)
        if row["fingerprint"] != fingerprints[item.dialogue_id]:
            return causes(json.loads(row["parts"]) if row["parts"] else None, parts[item.dialogue_id])
        return (TRIED_AGAIN,) if row["state"] == "failed" and row["check_id"] in PASSING_ERRORS else ()

    found = {item.dialogue_id: why(item) for item in items}
    return Freshness(
        stale=[item for item in items if found[item.dialogue_id]],
        fingerprints=fingerprints,
        parts=parts,
        causes={dialogue_id: words for dialogue_id, words in found.items() if words},
        obsolete=known.keys() - fingerprints.keys(),
    )
