"""Repair: a mask-and-fill of just the turns that verification found at fault, with its reasons.

Belongs here: asking for the turns and building the edit. Does not belong here: which
findings are worth it, or whether the mended dialogue is good (``verification``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolace_dagster.entities import Dialogue, Edit, Replacement, TaskSpec, Tool
from toolace_dagster.llm.protocol import Program
from toolace_dagster.refinement.fills import differs
from toolace_dagster.refinement.reasonability import Task, fills_program
from toolace_dagster.refinement.selection import is_real
from toolace_dagster.settings import Settings

MOST_REPAIRED = 1 / 3
"""Share of a dialogue's turns that are written anew at most; one with more faults is cheaper to make again."""


def repairable_turns(dialogue: Dialogue, turn_ids: Sequence[str]) -> tuple[str, ...]:
    """The turns to mask so that those at fault are written anew.

    Args:
        dialogue: The dialogue.
        turn_ids: Ids of the turns at fault.

    Returns:
        Ids in order; a tool turn is left out where its call is masked, which takes it along. None where a turn holds
        what a tool really answered, or where the turns are too many.
    """
    wanted: list[str] = []
    for index, turn in enumerate(dialogue.turns):
        if turn.id not in turn_ids:
            continue
        if turn.role == "tool" and is_real(turn):
            return ()
        if not (turn.role == "tool" and index and dialogue.turns[index - 1].id in wanted):
            wanted.append(turn.id)
    return tuple(wanted) if len(wanted) <= max(1, MOST_REPAIRED * len(dialogue.turns)) else ()


def as_repair(replacement: Replacement) -> Replacement:
    """The replacement with new turns that say they come from a repair."""
    after = tuple(
        turn.model_copy(update={"origin": turn.origin.model_copy(update={"operation": "repair"})})
        for turn in replacement.after
    )
    return replacement.model_copy(update={"after": after})


def repair_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    faults: Mapping[str, Sequence[str]],
    executable: frozenset[str] = frozenset(),
    sequence: int = 0,
) -> Program[Edit]:
    """Write turns anew without their faults, in one call.

    Args:
        dialogue: The dialogue.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Sampling settings; the repair counts as the round after the last.
        faults: By id of the turns to mask, what is wrong with each and with what it takes along.
        executable: Names of the tools that are run for real; changed calls of theirs are run again.
        sequence: Repairs of the dialogue before this one.

    Returns:
        The edit, ``accepted`` as far as it changes anything, else ``discarded``; the caller verifies it.
    """
    round_number = settings.rounds + 1
    task = Task(dialogue, spec, tools, settings, round_number, executable, stage="verification")
    filled = yield from fills_program(task, tuple(faults), faults)
    replacements = tuple(as_repair(replacement) for replacement in filled.replacements if differs(replacement))
    return Edit(
        id=f"{dialogue.id}/r{round_number}/{sequence}",
        dialogue_id=dialogue.id,
        round=round_number,
        sequence=sequence,
        operation="repair",
        replacements=replacements or (*filled.replacements, *filled.lost),
        outcome="accepted" if replacements else "discarded",
        reason=filled.unchanged or ("" if replacements else "the fills equal the old turns"),
        call_ids=filled.call_ids,
    )
