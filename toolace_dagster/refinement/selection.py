"""Which turns a reasonability pass masks.

All turns start equally likely; a turn's weight is multiplied by a set factor each
time it is chosen (the paper says that it falls, not how). Outputs that are simulated
again with their call count as chosen. A turn that something is wrong with weighs
ten times as much as one that was never chosen. Masked turns are never adjacent. A
masked call takes its outputs along, which are simulated again with it, so nothing
adjacent to those is masked either. Outputs that tools really gave are not masked: a
fill could only invent what the turns around it would then repeat.

Belongs here: drawing masks, coverage. Does not belong here: what replaces them.
"""

from __future__ import annotations

import random

from toolace_dagster.entities import Dialogue, Turn

AT_FAULT = 10.0
"""Weight of a turn at fault; one that was never chosen weighs 1."""


def select_masks(
    dialogue: Dialogue,
    rng: random.Random,
    *,
    share: float,
    decay: float,
    at_fault: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Draw the turns of one pass, without replacement, weighted by how rarely they were chosen.

    Args:
        dialogue: The dialogue with its mask counts.
        rng: Source of randomness.
        share: Share of turns wanted, 0 to 0.5; at least one turn is drawn.
        decay: Weight factor per earlier selection, between 0 and 1.
        at_fault: Ids of turns that something is wrong with.

    Returns:
        Ids of non-adjacent turns, in the order of the dialogue.
    """
    wanted = max(1, round(share * len(dialogue.turns)))
    free = {index for index, turn in enumerate(dialogue.turns) if not is_real(turn)}
    chosen: list[int] = []
    while free and len(chosen) < wanted:
        candidates = sorted(free)
        ids = [dialogue.turns[index].id for index in candidates]
        weights = [AT_FAULT if i in at_fault else decay ** dialogue.mask_counts.get(i, 0) for i in ids]
        pick = rng.choices(candidates, weights)[0]
        chosen.append(pick)
        free -= _reach(dialogue, pick)
    return tuple(dialogue.turns[index].id for index in sorted(chosen))


def is_covered(dialogue: Dialogue) -> bool:
    """Whether every turn was refined: masked itself, or simulated again with its call; real outputs need not be."""
    counts = dialogue.mask_counts
    return all(
        is_real(turn)
        or counts.get(turn.id, 0) > 0
        or (turn.role == "tool" and counts.get(dialogue.turns[index - 1].id, 0) > 0)
        for index, turn in enumerate(dialogue.turns)
    )


def is_real(turn: Turn) -> bool:
    """Whether all outputs of a turn are what tools really answered."""
    return bool(turn.outputs) and all(output.source == "executed" for output in turn.outputs)


def _reach(dialogue: Dialogue, index: int) -> set[int]:
    """Positions that can't be masked beside this one: itself, its neighbours, and for calls those of the outputs.

    A turn whose outputs are simulated again reaches two on; so does a call two before a masked turn.
    """
    reach = {index - 1, index, index + 1}
    if dialogue.turns[index].is_call:
        reach.add(index + 2)
    if index >= 2 and dialogue.turns[index - 2].is_call:
        reach.add(index - 2)
    return reach
