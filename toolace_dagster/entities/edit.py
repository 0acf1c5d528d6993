"""Edits: every change refinement tried, kept or not, so that a dialogue can be replayed.

Belongs here: what an edit records and how it is applied. Does not belong here:
deciding what to mask or whether to accept (``refinement``).
"""

from __future__ import annotations

from typing import Literal

from toolace_dagster.entities.base import Entity
from toolace_dagster.entities.dialogue import Dialogue, InjectionRecord, Operation, Turn
from toolace_dagster.entities.task import InjectionSubType, InjectionType

EditOutcome = Literal["accepted", "kept", "discarded"]
"""``accepted``: the new turns are in. ``kept``: the judge preferred the old. ``discarded``: the fill was unusable."""

JudgeVerdict = Literal["new", "old", "equal"]


class Replacement(Entity):
    """One turn and what it became. Mask-and-fill gives one turn, mask-and-extend several.

    Attributes:
        before: The turn as it was.
        after: Its new version; empty when the fill was unusable.
        dependent: Not masked itself: the outputs of a masked call turn, which come with it, and turns brought in step
            with the real answer to a changed call.
    """

    before: Turn
    after: tuple[Turn, ...]
    dependent: bool = False


class Edit(Entity):
    """One edit of a dialogue.

    Attributes:
        id: ``{dialogue_id}/r{round}/{sequence}``.
        dialogue_id: The dialogue.
        round: Refinement round, from 1.
        sequence: Order within the round, from 0.
        operation: Which of the two refinement operations.
        injection: Kind of injection, for complexity injection.
        sub_type: What exactly it does.
        replacements: Masked turns with their fills; unusable fills leave ``after`` empty.
        withheld_tools: Tools taken from the initial offer (tool awareness).
        withheld: Values that an injection moves from its first turn to its last.
        mistaken: Words of what an injection has the user get wrong.
        outcome: What became of it.
        verdict: What the judge preferred; None where it was not asked.
        order_shown: Which version the judge saw first.
        reason: The judge's reason, or why the fill was unusable.
        call_ids: Model calls behind it.
    """

    id: str
    dialogue_id: str
    round: int
    sequence: int
    operation: Operation
    injection: InjectionType | None = None
    sub_type: InjectionSubType | None = None
    replacements: tuple[Replacement, ...]
    withheld_tools: tuple[str, ...] = ()
    withheld: tuple[str | int | float, ...] = ()
    mistaken: tuple[str, ...] = ()
    outcome: EditOutcome
    verdict: JudgeVerdict | None = None
    order_shown: Literal["old_first", "new_first"] | None = None
    reason: str = ""
    call_ids: tuple[str, ...] = ()

    @property
    def masked(self) -> tuple[str, ...]:
        """Ids of the masked turns."""
        return tuple(replacement.before.id for replacement in self.replacements if not replacement.dependent)


def apply_edit(dialogue: Dialogue, edit: Edit) -> Dialogue:
    """Apply an edit, accepted or not, so that replaying all edits of a skeleton gives the final dialogue.

    Args:
        dialogue: The dialogue just before the edit.
        edit: An edit of that dialogue.

    Returns:
        The dialogue after it. Content changes only for an accepted edit; mask counts
        change for every reasonability refinement.
    """
    counts = dialogue.mask_counts
    if edit.operation == "reasonability_refinement":
        # What is written anew along with a masked turn was chosen as well.
        ids = [replacement.before.id for replacement in edit.replacements]
        counts = counts | {turn_id: counts.get(turn_id, 0) + 1 for turn_id in ids}
    if edit.outcome != "accepted":
        return dialogue.model_copy(update={"mask_counts": counts})
    fills = {replacement.before.id: replacement.after for replacement in edit.replacements}
    turns = tuple(new for turn in dialogue.turns for new in fills.get(turn.id, (turn,)))
    injections = dialogue.injections
    if edit.injection is not None:
        written = tuple(turn.id for replacement in edit.replacements for turn in replacement.after)
        record = InjectionRecord(
            type=edit.injection,
            sub_type=edit.sub_type,
            round=edit.round,
            anchor=edit.masked[0],
            turn_ids=written,
            withheld=edit.withheld,
            mistaken=edit.mistaken,
        )
        injections = (*injections, record)
    tools = tuple(name for name in dialogue.initial_tools if name not in edit.withheld_tools)
    return dialogue.model_copy(
        update={
            "turns": turns,
            "injections": injections,
            "mask_counts": counts,
            "initial_tools": tools,
            "last_change": edit.round,
        }
    )
