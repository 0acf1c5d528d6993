"""One refinement round: the injections planned for it, then one reasonability pass.

The paper alternates the two operations until every turn was refined or a limit is
met. We spread a task's injections over the first rounds, one a round, and end a
dialogue's refinement when it has converged. Settings can leave out either operation,
or go on after convergence.

Belongs here: the order of operations in a round. Does not belong here: the
operations themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from toolace_dagster.entities import SUB_TYPES, Dialogue, Edit, Entity, InjectionSubType, TaskSpec, Tool, apply_edit
from toolace_dagster.llm.protocol import Program
from toolace_dagster.refinement.injection import injection_program
from toolace_dagster.refinement.mending import mending_program
from toolace_dagster.refinement.reasonability import Task, reasonability_program
from toolace_dagster.refinement.screen import HardRules, faults_of
from toolace_dagster.refinement.selection import is_covered
from toolace_dagster.settings import Settings

Convergence = Literal["covered", "quiet"]


class RefinedDialogue(Entity):
    """A dialogue after a round.

    Attributes:
        dialogue: The dialogue.
        edits: The round's edits, kept or not, in order.
        finished: Whether the round had nothing to do: the dialogue had converged before, or what was left to do is
            switched off.
        converged: By what it had: ``covered`` or ``quiet``; None where it had not.
    """

    dialogue: Dialogue
    edits: tuple[Edit, ...] = ()
    finished: bool = False
    converged: Convergence | None = None


def convergence(
    dialogue: Dialogue,
    tools: Mapping[str, Tool],
    settings: Settings,
    round_number: int,
    today: date | None = None,
    rules: HardRules | None = None,
) -> Convergence | None:
    """Whether a dialogue whose injections are done needs no further pass.

    A dialogue with a fault that can be seen without a model has not converged. Else it has when every turn was refined
    (the paper's end), or when the last passes, as many as ``quiet_passes``, changed nothing.

    Args:
        dialogue: The dialogue after the round before.
        tools: Tools of the domain by name.
        settings: ``quiet_passes``.
        round_number: The round that would be next, from 1.
        today: The day the dialogue happens on, when its task names one.
        rules: Finds what verification would reject; with ``rules_in_refinement`` a dialogue with such a fault has not
            converged either.

    Returns:
        ``covered``, ``quiet``, or None when it goes on.
    """
    covered = is_covered(dialogue)
    quiet = bool(settings.quiet_passes) and round_number - 1 - dialogue.last_change >= settings.quiet_passes
    if not (covered or quiet) or faults_of(dialogue, tools, today, rules if settings.rules_in_refinement else None):
        return None
    return "covered" if covered else "quiet"


def stage_name(round_number: int) -> str:
    """Name of a round's stage, asset and rows: ``refinement_round_01`` for round 1."""
    return f"refinement_round_{round_number:02d}"


def planned_injections(spec: TaskSpec, round_number: int, rounds: int) -> list[InjectionSubType]:
    """The injections of one round: the first in round 1, the second in round 2, and so on round robin."""
    # A spec made before there were sub-types has types alone; each stands for its first sub-type.
    planned = spec.sub_types or tuple(SUB_TYPES[kind][0] for kind in spec.injections)
    return [each for index, each in enumerate(planned) if index % rounds == round_number - 1]


def injections_of_round(spec: TaskSpec, round_number: int, settings: Settings) -> list[InjectionSubType]:
    """What is injected in one round: what was planned for it, or nothing where injection is switched off."""
    if "complexity_injection" not in settings.operations:
        return []
    return planned_injections(spec, round_number, settings.rounds)


def round_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    round_number: int,
    executable: frozenset[str] = frozenset(),
    rules: HardRules | None = None,
) -> Program[RefinedDialogue]:
    """Run one round over one dialogue.

    Args:
        dialogue: The dialogue after the round before.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Number of rounds, operations, convergence, mask share and decay, sampling settings.
        round_number: From 1.
        executable: Names of the tools that are run for real.
        rules: Finds what verification would reject: no edit brings in such a fault. With ``rules_in_refinement`` what
            is seen to be wrong is also sent back first, and last in the last round, turn by turn and with the reasons.

    Returns:
        The dialogue after the round, with all edits tried.
    """
    planned = injections_of_round(spec, round_number, settings)
    passes = "reasonability_refinement" in settings.operations
    may_end = settings.converge and passes and not planned
    ended = convergence(dialogue, tools, settings, round_number, spec.today, rules) if may_end else None
    if ended is not None or not (planned or passes):
        return RefinedDialogue(dialogue=dialogue, finished=True, converged=ended)
    edits: list[Edit] = []

    def mended() -> Program[None]:
        nonlocal dialogue
        if rules is None or not settings.rules_in_refinement:
            return
        task = Task(dialogue, spec, tools, settings, round_number, executable, rules=rules)
        for edit in (yield from mending_program(task, len(edits))):
            edits.append(edit)
            dialogue = apply_edit(dialogue, edit)

    yield from mended()
    for sub_type in planned:
        injected = yield from injection_program(
            dialogue, spec, tools, settings, sub_type, round_number, len(edits), rules
        )
        if injected is not None:
            edits.append(injected)
            dialogue = apply_edit(dialogue, injected)
    if passes:
        refined = yield from reasonability_program(
            dialogue, spec, tools, settings, round_number, len(edits), executable, rules
        )
        for edit in refined:
            edits.append(edit)
            dialogue = apply_edit(dialogue, edit)
    if round_number == settings.rounds:
        yield from mended()
    return RefinedDialogue(dialogue=dialogue, edits=tuple(edits))
