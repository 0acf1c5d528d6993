"""The first cause of a finding: the earliest step that introduced what the check found.

The history of a dialogue is its skeleton and then its edits, in order. The check
that failed is run again over each state of the dialogue, backwards, for as long as
it finds the same defect; where it stops, the step after is the cause. Of an edit
that changed several turns, each is tried alone, so that the one that did it is
named. An expert is not asked again: what it quotes is followed instead.

Belongs here: replaying and tracing, without any file or model. Does not belong
here: reading a history from the warehouse (``reporting.history``), or the words
for what was found (``cause_words``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from toolace_dagster.entities import Dialogue, Edit, Entity, Finding, Replacement, Turn, apply_edit, canonical_json

Check = Callable[[Dialogue], Iterable[Finding]]
"""Runs the check of a finding over a dialogue."""

How = Literal["initial", "rewritten", "exposed", "judged", "rejected", "failed"]
"""How a defect came about.

``initial``: the skeleton, or the simulation, had it. ``rewritten``: an edit wrote it into the turn. ``exposed``: an
edit of another turn, or of the tools that are offered, took away what the turn rested on. ``judged``: an expert
objects to the whole. ``rejected``: a stage before verification took no more of it. ``failed``: a model call gave
nothing usable.
"""


@dataclass(frozen=True)
class Step:
    """A state of a dialogue.

    Attributes:
        stage: The stage that made it.
        dialogue: The dialogue as it was then.
        edit: The edit that led to it; None for the skeleton.
    """

    stage: str
    dialogue: Dialogue
    edit: Edit | None = None

    @property
    def changes(self) -> bool:
        """Whether the step changed what the dialogue says."""
        return self.edit is None or self.edit.outcome == "accepted"


class FirstCause(Entity):
    """Where a defect comes from.

    Attributes:
        check: The check that found it.
        how: How it came about.
        stage: The stage that introduced it.
        round: The refinement round; 0 before refinement.
        edit_id: The edit; None when no edit did it.
        turn_id: The turn that the finding points at.
        changed: Ids of the turns that were written then and made the defect.
        call_ids: Model calls behind the step.
        replayed: Whether the check itself was run again; else what it quotes was followed.
        sentence: All of it in words.
    """

    check: str
    how: How
    stage: str
    round: int = 0
    edit_id: str | None = None
    turn_id: str | None = None
    changed: tuple[str, ...] = ()
    call_ids: tuple[str, ...] = ()
    replayed: bool = False
    sentence: str = ""


def replay(skeleton: Dialogue, edits: Iterable[tuple[str, Edit]], stage: str = "skeletons") -> list[Step]:
    """All states of a dialogue.

    Args:
        skeleton: The dialogue that refinement started from, or that was simulated.
        edits: Stage and edit, in the order in which they were made, kept or not.
        stage: The stage that wrote it.

    Returns:
        The skeleton, then one step for each edit.
    """
    steps = [Step(stage, skeleton)]
    for stage, edit in edits:
        steps.append(Step(stage, apply_edit(steps[-1].dialogue, edit), edit))
    return steps


def first_cause(steps: Sequence[Step], finding: Finding, check: Check | None = None) -> FirstCause:
    """Find the step that introduced a defect.

    Args:
        steps: All states of the dialogue; the finding is about the last.
        finding: What was found.
        check: Runs the rule again. None for an expert, whose quote is followed.

    Returns:
        The cause, without its sentence.
    """
    if check is not None and _present(finding, check, steps[-1].dialogue):
        index = _beginning(steps, lambda dialogue: _present(finding, check, dialogue))
        return _cause(steps, index, finding, check)
    if finding.turn_id is None and not _needle(finding):
        return FirstCause(check=finding.check, how="judged", stage="verification")
    return _cause(steps, _beginning(steps, _text_test(steps[-1].dialogue, finding)), finding, None)


def _beginning(steps: Sequence[Step], holds: Callable[[Dialogue], bool]) -> int:
    """Index of the first of the last unbroken row of steps for which a test holds; it holds for the last step."""
    index = len(steps) - 1
    while index > 0 and (not steps[index].changes or holds(steps[index - 1].dialogue)):
        index -= 1
    return index


def _present(finding: Finding, check: Check, dialogue: Dialogue) -> bool:
    return any(same_defect(finding, found) for found in check(dialogue))


def same_defect(finding: Finding, other: Finding) -> bool:
    """Whether two findings on two states of a dialogue are about one defect.

    An injection splits a turn into several, whose ids begin with that of the turn; and what stands
    around a defect may change. So the check, the turn's family and either message or evidence have to agree.
    """
    if finding.check != other.check or root(finding.turn_id) != root(other.turn_id):
        return False
    return finding.message == other.message or bool(finding.evidence and finding.evidence == other.evidence)


def root(turn_id: str | None) -> str | None:
    """Id of the turn that a turn was split from: ``t07`` for ``t07.2``."""
    return turn_id.partition(".")[0] if turn_id is not None else None


def _text_test(final: Dialogue, finding: Finding) -> Callable[[Dialogue], bool]:
    """A test for states in which what an expert quotes, or the whole turn when it quotes nothing, is as it is now."""
    needle, family = _needle(finding), root(finding.turn_id)
    place = family if needle in _words(final, family) else None
    if needle and needle in _words(final, place):
        return lambda dialogue: needle in _words(dialogue, place)
    now = _words(final, family)
    return lambda dialogue: _words(dialogue, family) == now


def _needle(finding: Finding) -> str:
    words = plain_words(finding.evidence)
    return f" {words} " if words else ""


def _words(dialogue: Dialogue, family: str | None) -> str:
    turns = (turn for turn in dialogue.turns if family is None or root(turn.id) == family)
    return f" {plain_words(' '.join(turn_text(turn) for turn in turns))} "


def turn_text(turn: Turn) -> str:
    """Everything a turn says, calls and outputs as JSON."""
    calls = [canonical_json([call.name, call.arguments]) for call in turn.tool_calls]
    return " ".join([turn.content, *calls, *(canonical_json(output.content) for output in turn.outputs)])


def plain_words(text: str) -> str:
    """Text without case, punctuation and the quotes of JSON, so that a quote is found however it was copied."""
    return " ".join(re.sub(r"\\[nrt\"]|[\W_]+", " ", text.casefold()).split())


def _cause(steps: Sequence[Step], index: int, finding: Finding, check: Check | None) -> FirstCause:
    step = steps[index]
    if step.edit is None:
        return FirstCause(
            check=finding.check,
            how="initial",
            stage=step.stage,
            turn_id=finding.turn_id,
            changed=(root(finding.turn_id) or "",) if finding.turn_id else (),
            replayed=check is not None,
        )
    culprits = _culprits(steps[index - 1].dialogue, step.edit, finding, check)
    family = root(finding.turn_id)
    own = tuple(turn_id for part in culprits for turn_id in _own(part, family))
    # Who rewrote the turn itself is to blame, whatever else the edit changed; of outputs, their call comes first.
    written = family is None or bool(own)
    own = tuple(dict.fromkeys([*_asked_by(step.edit, own), *own]))
    return FirstCause(
        check=finding.check,
        how="rewritten" if written else "exposed",
        stage=step.stage,
        round=step.edit.round,
        edit_id=step.edit.id,
        turn_id=finding.turn_id,
        changed=own or tuple(turn_id for part in culprits for turn_id in _changed(part)),
        call_ids=step.edit.call_ids,
        replayed=check is not None,
    )


def _culprits(before: Dialogue, edit: Edit, finding: Finding, check: Check | None) -> list[Edit]:
    """The parts of an edit that bring the defect about alone; all that changed something when none does alone."""
    parts = [part for part in _parts(edit) if _changed(part)]
    if check is None:
        family = root(finding.turn_id)
        return [part for part in parts if _own(part, family)] or parts
    if len(parts) > 1:
        return [part for part in parts if _present(finding, check, apply_edit(before, part))] or parts
    return parts


def _own(part: Edit, family: str | None) -> tuple[str, ...]:
    """Ids of the turns of a finding that a part of an edit changed."""
    return tuple(turn_id for turn_id in _changed(part) if root(turn_id) == family)


def _asked_by(edit: Edit, turn_ids: Sequence[str]) -> tuple[str, ...]:
    """Ids of the call turns that the same edit rewrote with the outputs that answer them."""
    answered = {
        output.call_id
        for each in edit.replacements
        if each.before.id in turn_ids
        for turn in each.after
        for output in turn.outputs
    }
    return tuple(
        each.before.id
        for each in edit.replacements
        if differs(each) and any(call.id in answered for turn in each.after for call in turn.tool_calls)
    )


def _parts(edit: Edit) -> list[Edit]:
    """An edit as several: one for each masked turn, with the outputs that were made anew with it."""
    if edit.injection is not None or edit.withheld_tools:
        return [edit]
    starts = [index for index, each in enumerate(edit.replacements) if not index or not each.dependent]
    return [
        edit.model_copy(update={"replacements": edit.replacements[start:end]})
        for start, end in pairwise([*starts, len(edit.replacements)])
    ]


def _changed(edit: Edit) -> tuple[str, ...]:
    return tuple(each.before.id for each in edit.replacements if differs(each))


def differs(replacement: Replacement) -> bool:
    """Whether a turn's fill says anything else than the turn did."""
    if len(replacement.after) != 1:
        return True
    old, new = replacement.before, replacement.after[0]
    fields = ("content", "tool_calls", "outputs", "tools_added")
    return any(getattr(old, field) != getattr(new, field) for field in fields)
