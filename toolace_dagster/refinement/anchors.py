"""Where a complexity injection can go, and what exactly it is to do there.

The injection log keeps injections apart: a turn that one wrote is never masked by
another (paper, stage 2). Beyond that they do not pile up: none begins next to a
turn that another wrote, a sub-task has two at most and none of a type twice, and
a refusal for want of a tool is not followed by a failing call in the same sub-task,
which reads contrived.

Belongs here: these limits, and choosing a place. Does not belong here: what each
sub-type needs of one (``places``), asking for the fill (``injection``).
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from toolace_dagster.entities import SUB_TYPES, Dialogue, InjectionSubType, InjectionType, Tool
from toolace_dagster.refinement.places import PLACES, Anchor

PER_SUB_TASK = 2
"""Injections a sub-task may have."""

_APART = frozenset({InjectionType.TOOL_AWARENESS, InjectionType.ERROR_SIMULATION})
"""Types of which a sub-task has one or the other."""


def find_anchor(
    dialogue: Dialogue,
    sub_type: InjectionSubType,
    offered: tuple[str, ...],
    tools: Mapping[str, Tool],
    rng: random.Random,
) -> Anchor | None:
    """Choose a place for an injection.

    Args:
        dialogue: The dialogue as it is.
        sub_type: What it is to do.
        offered: Names of all tools that the dialogue offers at some point.
        tools: Tools of the domain by name.
        rng: Source of randomness.

    Returns:
        A place drawn from all eligible ones, or None when there is none.
    """
    places = [
        anchor
        for index in free_positions(dialogue, sub_type.type)
        for anchor in PLACES[sub_type](dialogue, index, offered, tools, rng)
    ]
    return rng.choice(places) if places else None


def free_positions(dialogue: Dialogue, kind: InjectionType) -> list[int]:
    """Positions of the turns at which the injection log allows an injection of a type."""
    written = {turn_id for record in dialogue.injections for turn_id in record.turn_ids}
    touched = {index for index, turn in enumerate(dialogue.turns) if turn.id in written}
    sub_task_of = {turn.id: turn.sub_task for turn in dialogue.turns}
    barred: set[int] = set()
    kinds: dict[int, list[InjectionType]] = {}
    for record in dialogue.injections:
        if record.anchor in sub_task_of:
            kinds.setdefault(sub_task_of[record.anchor], []).append(record.type)
    for sub_task, before in kinds.items():
        if len(before) >= PER_SUB_TASK or kind in before or (kind in _APART and _APART & set(before)):
            barred.add(sub_task)
    return [
        index
        for index, turn in enumerate(dialogue.turns)
        if turn.sub_task not in barred and not touched & {index - 1, index, index + 1}
    ]


def in_order_of_choice(
    wanted: InjectionSubType,
    mix: Mapping[InjectionSubType, float],
    rng: random.Random,
    *,
    clarify: bool = True,
) -> list[InjectionSubType]:
    """What is tried until something fits: the wanted sub-type, its type's others, those of the other types.

    Args:
        wanted: The planned sub-type.
        mix: Weights of the sub-types; one without a weight is never a stand-in.
        rng: Source of randomness.
        clarify: Whether a clarification may stand in for another type; not where a share of requests is set for them.
    """
    near = [each for each in SUB_TYPES[wanted.type] if each is not wanted]
    far = [each for each in InjectionSubType if each.type is not wanted.type]
    rng.shuffle(near)
    rng.shuffle(far)
    if not clarify:
        far = [each for each in far if each.type is not InjectionType.CLARIFICATION]
    return [wanted, *(each for each in (*near, *far) if mix.get(each, 0) > 0)]
