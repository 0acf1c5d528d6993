"""What came of the complications: the injection log of a simulated dialogue.

A complication came about if three turns show it: what opens it, what answers that, and
what follows. They are logged like those that the other method injects, so that the
same rules, experts and figures look at them. One that an agent played and another did
not take up is no complication any more; verification judges those turns as plain ones.

Belongs here: recognising that. Does not belong here: planning complications.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from toolace_dagster.entities import Complication, Dialogue, InjectionRecord, InjectionType, Origin, Turn
from toolace_dagster.simulation.conversation import Conversation


class Logged(NamedTuple):
    """A dialogue with its injection log, and the complications with whether each came about."""

    dialogue: Dialogue
    complications: tuple[Complication, ...]


def logged(conversation: Conversation) -> Logged:
    """Make the dialogue of a conversation.

    Args:
        conversation: As it ended; turns after the last reply are left out.
    """
    spec = conversation.spec
    turns: list[Turn] = list(conversation.turns)
    records: list[InjectionRecord] = []
    played: list[Complication] = []
    taken: set[str] = set()
    for complication in conversation.complications:
        found = _turns_of(complication, conversation)
        if found is None or taken & {turn.id for turn in found}:
            played.append(complication)
            continue
        ids = tuple(turn.id for turn in found)
        taken |= set(ids)
        kind, sub_type = complication.sub_type.type, complication.sub_type
        records.append(InjectionRecord(type=kind, sub_type=sub_type, round=0, anchor=ids[0], turn_ids=ids))
        origin = Origin(operation="simulation", injection=kind, sub_type=sub_type)
        for index, turn in enumerate(conversation.turns):
            if turn.id in ids:
                turns[index] = turn.model_copy(update={"origin": origin})
        played.append(complication.model_copy(update={"played": True}))
    dialogue = Dialogue(
        id=spec.dialogue_id,
        domain=spec.domain,
        initial_tools=conversation.initial_tools,
        turns=tuple(turns),
        injections=tuple(sorted(records, key=lambda record: _position(turns, record.anchor))),
        today=spec.today,
    )
    return Logged(dialogue, tuple(played))


def _turns_of(complication: Complication, conversation: Conversation) -> tuple[Turn, Turn, Turn] | None:
    """The three turns that show it; None where they do not."""
    turns, marks = conversation.turns, conversation.marks
    for index, turn in enumerate(turns[:-2]):
        if turn.sub_task != complication.sub_task:
            continue
        first, second, third = turn, turns[index + 1], turns[index + 2]
        if complication.sub_type.type is InjectionType.ERROR_SIMULATION:
            marked = complication.sub_type is marks.get(second.id)
            if first.is_call and second.role == "tool" and marked and third.is_call:
                return first, second, third
        elif first.role == "user" and marks.get(first.id) is complication.sub_type:
            # The tool that is missing has to arrive, or the offer at the start is short of it for nothing.
            arrives = complication.tool is None or complication.tool in third.tools_added
            return (first, second, third) if not second.is_call and third.role == "user" and arrives else None
    return None


def _position(turns: Sequence[Turn], turn_id: str) -> int:
    return next(index for index, turn in enumerate(turns) if turn.id == turn_id)
