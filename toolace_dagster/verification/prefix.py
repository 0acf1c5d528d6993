"""The good beginning of a dialogue, as a shorter one.

Belongs here: where it ends, and its task. Does not belong here: whether it passes
(``verdict``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolace_dagster.entities import Dialogue, Finding, TaskSpec


@dataclass(frozen=True)
class Prefix:
    """A shorter dialogue.

    Attributes:
        dialogue: The turns of the first sub-tasks.
        spec: The task without the others.
    """

    dialogue: Dialogue
    spec: TaskSpec


def good_prefix(dialogue: Dialogue, spec: TaskSpec, findings: Sequence[Finding]) -> Prefix | None:
    """The longest run of whole sub-tasks from the start that ends before the first fault.

    Args:
        dialogue: A rejected dialogue.
        spec: Its task.
        findings: What was found; only hard ones that name a turn say where the fault is.

    Returns:
        None where not even the first sub-task is free of faults, where sub-tasks are interleaved, or where no
        fault has a place.
    """
    places = {turn.id: index for index, turn in enumerate(dialogue.turns)}
    bad = [places[f.turn_id] for f in findings if f.severity == "hard" and f.turn_id in places]
    if not bad:
        return None
    end = 0
    for part in spec.sub_tasks[:-1]:
        of_it = [index for index, turn in enumerate(dialogue.turns) if turn.sub_task == part.index]
        if not of_it or of_it != list(range(end, of_it[-1] + 1)) or of_it[-1] >= min(bad):
            break
        end = of_it[-1] + 1
    turns = dialogue.turns[:end]
    if not turns or not any(turn.is_call for turn in turns):
        return None
    kept = {turn.id for turn in turns}
    records = tuple(record for record in dialogue.injections if set(record.turn_ids) <= kept)
    parts = tuple(part for part in spec.sub_tasks if part.index <= turns[-1].sub_task)
    counts = {turn_id: count for turn_id, count in dialogue.mask_counts.items() if turn_id in kept}
    shorter = dialogue.model_copy(update={"turns": turns, "injections": records, "mask_counts": counts})
    return Prefix(shorter, spec.model_copy(update={"sub_tasks": parts}))
