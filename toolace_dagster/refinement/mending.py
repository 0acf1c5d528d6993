"""Mending: what is seen to be wrong is sent back, a turn or a call with its outputs at a time, with the reasons.

A small model that writes several turns at once breaks some of them again; one turn
and the message of the rule it fails are little to read. What comes back is taken if
fewer faults remain, which needs no judge.

Belongs here: the order, and which new turns are taken. Does not belong here: finding
faults (``screen``), or asking for a turn (``reasonability``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from toolace_dagster.entities import Edit, apply_edit
from toolace_dagster.execution.protocol import ExecutionFailed
from toolace_dagster.llm.protocol import CallFailed, Program
from toolace_dagster.refinement.fills import differs
from toolace_dagster.refinement.reasonability import Task, fills_program
from toolace_dagster.refinement.repair import as_repair, repairable_turns
from toolace_dagster.refinement.screen import Fault, faults_of, new_faults

MOST_MENDED = 4
"""Turns that are sent back at one time; a dialogue with more faults has further rounds."""
_OF_THE_MOMENT = ("connection", "timeout", "rate_limit", "server", "batch")


def mending_program(task: Task, sequence: int) -> Program[tuple[Edit, ...]]:
    """Have the turns at fault written anew, each in a call of its own.

    Args:
        task: The dialogue, and the rules it is looked through by.
        sequence: Position of the first edit within the round.

    Returns:
        An edit for each turn that was sent back: ``accepted`` where fewer faults remain, else ``discarded``.

    Raises:
        CallFailed: On a fault of the endpoint.
        ExecutionFailed: If tools that are run for real are out of reach.
    """
    edits: list[Edit] = []
    tried: set[str] = set()
    while len(edits) < MOST_MENDED:
        dialogue = task.dialogue
        faults = faults_of(dialogue, task.tools, task.spec.today, task.rules)
        at_fault = {fault.turn_id for fault in faults} - tried
        turn_id = next(
            (turn.id for turn in dialogue.turns if turn.id in at_fault and repairable_turns(dialogue, [turn.id])), None
        )
        if turn_id is None:
            break
        tried.add(turn_id)
        try:
            filled = yield from fills_program(task, (turn_id,), {turn_id: _told(faults, turn_id)})
        except CallFailed as failed:
            if failed.error.kind in _OF_THE_MOMENT:
                raise
            continue
        except ExecutionFailed as failed:
            if failed.kind == "unavailable":
                raise
            continue
        number = sequence + len(edits)
        changed = tuple(as_repair(each) for each in filled.replacements if differs(each))
        edit = Edit(
            id=f"{dialogue.id}/r{task.round_number}/{number}",
            dialogue_id=dialogue.id,
            round=task.round_number,
            sequence=number,
            operation="repair",
            replacements=changed or (*filled.replacements, *filled.lost),
            outcome="accepted" if changed else "discarded",
            reason="; ".join(_told(faults, turn_id)),
            call_ids=filled.call_ids,
        )
        mended = apply_edit(dialogue, edit)
        brought = new_faults(dialogue, mended, task.tools, task.spec.today, task.rules)
        left = faults_of(mended, task.tools, task.spec.today, task.rules) | brought
        if not changed or len(left) >= len(faults):
            why = filled.unchanged or f"{len(left)} faults where there were {len(faults)}"
            edit = edit.model_copy(update={"outcome": "discarded", "reason": why})
        else:
            task = replace(task, dialogue=mended)
        edits.append(edit)
    return tuple(edits)


def _told(faults: Iterable[Fault], turn_id: str) -> list[str]:
    return sorted({fault.what for fault in faults if fault.turn_id == turn_id})
