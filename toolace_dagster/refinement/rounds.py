"""One refinement round: the injections planned for it, then one reasonability pass.

The paper alternates the two operations until every turn was refined or a limit is
met. We spread a task's injections over the first rounds, one a round, and end a
dialogue's refinement when its injections are done and every turn was refined.

Belongs here: the order of operations in a round. Does not belong here: the
operations themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from toolace_dagster.entities import SUB_TYPES, Dialogue, Edit, Entity, InjectionSubType, TaskSpec, Tool, apply_edit
from toolace_dagster.llm.protocol import Program
from toolace_dagster.refinement.injection import injection_program
from toolace_dagster.refinement.reasonability import reasonability_program
from toolace_dagster.refinement.selection import is_covered
from toolace_dagster.settings import Settings


class RefinedDialogue(Entity):
    """A dialogue after a round.

    Attributes:
        dialogue: The dialogue.
        edits: The round's edits, kept or not, in order.
        finished: Whether every turn was refined, so that the round did nothing.
    """

    dialogue: Dialogue
    edits: tuple[Edit, ...] = ()
    finished: bool = False


def stage_name(round_number: int) -> str:
    """Name of a round's stage, asset and rows: ``refinement_round_01`` for round 1."""
    return f"refinement_round_{round_number:02d}"


def planned_injections(spec: TaskSpec, round_number: int, rounds: int) -> list[InjectionSubType]:
    """The injections of one round: the first in round 1, the second in round 2, and so on round robin."""
    # A spec made before there were sub-types has types alone; each stands for its first sub-type.
    planned = spec.sub_types or tuple(SUB_TYPES[kind][0] for kind in spec.injections)
    return [each for index, each in enumerate(planned) if index % rounds == round_number - 1]


def round_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    round_number: int,
    executable: frozenset[str] = frozenset(),
) -> Program[RefinedDialogue]:
    """Run one round over one dialogue.

    Args:
        dialogue: The dialogue after the round before.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Number of rounds, mask share and decay, sampling settings.
        round_number: From 1.
        executable: Names of the tools that are run for real.

    Returns:
        The dialogue after the round, with all edits tried.
    """
    planned = planned_injections(spec, round_number, settings.rounds)
    if not planned and is_covered(dialogue):
        return RefinedDialogue(dialogue=dialogue, finished=True)
    edits: list[Edit] = []
    for sub_type in planned:
        injected = yield from injection_program(dialogue, spec, tools, settings, sub_type, round_number, len(edits))
        if injected is not None:
            edits.append(injected)
            dialogue = apply_edit(dialogue, injected)
    refined = yield from reasonability_program(dialogue, spec, tools, settings, round_number, len(edits), executable)
    edits.append(refined)
    return RefinedDialogue(dialogue=apply_edit(dialogue, refined), edits=tuple(edits))
