"""Whether a stage's rows are sound: sums and schema.

Belongs here: checks over stored rows, as lists of faults in words. Does not
belong here: checks of a dialogue's content (``verification``).
"""

from __future__ import annotations

from pydantic import ValidationError

from toolace_dagster.entities import Dialogue, Entity, SimulatedDialogue, Skeleton, TaskSpec, Verdict
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.refinement.rounds import RefinedDialogue
from toolace_dagster.warehouse import sql

_PAYLOADS: dict[str, type[Entity]] = {
    "task_specs": TaskSpec,
    "skeletons": Skeleton,
    "simulated_dialogues": SimulatedDialogue,
    "verification": Verdict,
    "verified_dialogues": Dialogue,
}


def payload_type(stage: str) -> type[Entity]:
    """The entity that a stage's payloads hold."""
    return _PAYLOADS.get(stage, RefinedDialogue)


def sum_faults(context: StageContext, stage: str) -> list[str]:
    """Check attempted = accepted + rejected + failed, and that nothing was lost on the way from the stage before.

    Returns:
        Faults in words; empty when the sums add up.
    """
    counts = {row["stage"]: row for row in context.store.read(sql("queries/domain_stage_counts"))}
    order = [stage.name for stage in domain_stages(context.settings)]
    position = order.index(stage)
    if position == 0:
        # A slot may have been tried more than once.
        retries = counts[stage]["attempted"] - counts[stage]["slots"] if stage in counts else 0
        source, expected = "the settings", context.settings.dialogues + retries if context.own_tools else 0
    else:
        source = order[position - 1]
        expected = counts[source]["accepted"] if source in counts else 0
    own = counts.get(stage)
    if own is None:
        return [f"{stage} holds no row, but {expected} came from {source}"] if expected else []
    faults: list[str] = []
    ends = own["accepted"] + own["rejected"] + own["failed"]
    if own["attempted"] != ends:
        faults.append(f"{stage}: {own['attempted']} attempted, but {ends} accepted, rejected or failed")
    if own["attempted"] != expected:
        faults.append(f"{stage}: {own['attempted']} attempted, but {expected} came from {source}")
    return faults


def schema_faults(context: StageContext, stage: str) -> list[str]:
    """Check that each stored payload is a valid entity, and each rejected or failed row says why.

    Returns:
        Faults in words, by dialogue.
    """
    faults: list[str] = []
    kind = payload_type(stage)
    for row in context.store.read(sql("queries/rows_of_stage"), {"stage": stage}):
        if row["state"] in ("rejected", "failed") and not (row["reason"] and row["check_id"]):
            faults.append(f"{row['dialogue_id']} is {row['state']} without a reason")
        if row["state"] in ("passed", "accepted"):
            try:
                kind.model_validate_json(row["payload"] or "null")
            except ValidationError as error:
                faults.append(f"{row['dialogue_id']}: {error.error_count()} faults as {kind.__name__}")
    return faults
