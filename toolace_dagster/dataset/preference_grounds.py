"""Whether what is on record against an edit is a ground to prefer one version of one of its turns.

A judge gives one verdict and one reason over all the turns that an edit changed. That is no
ground for a turn which the reason does not speak of, nor for a call that its tool refuses.

Belongs here: what a reason says of a turn, and how a call ended. Does not belong here:
which turns stand against each other, and counting them (``preferences``).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from toolace_dagster.entities import Dialogue, InjectionType, Turn

_TURN_ID = re.compile(r"\bt\d+(?:\.\w+)*")
_NOTES = re.compile(r"; (?:turn \S+ stays as it is: |its calls?\b|it puts a tool |what depends on its calls )")
"""Where refinement's notes on what it left begin, behind the judge's own words."""
_WORDING = re.compile(
    r"\b(?:word(?:ed|ing)|phras\w+|natural\w*|reads?|reading|friendl\w+|fluen\w+|tone|style|concise\w*|politer?)\b",
    re.IGNORECASE,
)
_TELLING = 3
"""Characters from which on a value that stands in a reason is hardly there by chance."""


def named_turns(reason: str, dialogue: Dialogue) -> frozenset[str]:
    """Ids of the dialogue's turns that a judge's reason names.

    Args:
        reason: The reason of an edit; notes that refinement put behind the judge's words name nothing.
        dialogue: Either version.
    """
    return frozenset(_TURN_ID.findall(_of_judge(reason))) & {turn.id for turn in dialogue.turns}


def bears_on(turn_id: str, named: frozenset[str], dialogue: Dialogue) -> bool:
    """Whether faults of some turns are faults of a turn: it is one of them, or the reply to the output of one.

    Args:
        turn_id: The turn.
        named: Ids of the turns at fault.
        dialogue: Either version.
    """
    if turn_id in named:
        return True
    place = dialogue.position(turn_id)
    if dialogue.turns[place].role != "assistant" or dialogue.turns[place].is_call:
        return False
    for turn in reversed(dialogue.turns[:place]):
        if not (turn.is_call or turn.role == "tool"):
            return False
        if turn.id in named:
            return True
    return False


def is_wording(reason: str, named: frozenset[str], chosen: Turn, rejected: Turn) -> bool:
    """Whether two different calls are preferred for wording alone, which is no ground to prefer a value.

    Args:
        reason: The judge's reason.
        named: Ids of the turns it names.
        chosen: The turn that won.
        rejected: The turn that lost.

    Returns:
        True for calls that differ, where the reason says nothing of what differs and either names no turn or speaks
        of how something is put.
    """
    differing = _what_differs(chosen, rejected)
    if not differing:
        return False
    words = _of_judge(reason)
    if any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", words) for each in differing if len(each) >= _TELLING):
        return False
    return not named or bool(_WORDING.search(words))


def fails(dialogue: Dialogue, turn_id: str) -> bool:
    """Whether a turn is a call that its tool answers with an error."""
    return any(
        turn.id == turn_id and turn.is_call and any(output.is_error for output in answer.outputs)
        for turn, answer in pairwise(dialogue.turns)
    )


def is_meant_to_fail(dialogue: Dialogue, turn_id: str) -> bool:
    """Whether a turn is part of an injected story of a call that fails."""
    return any(
        record.type is InjectionType.ERROR_SIMULATION and turn_id in record.turn_ids for record in dialogue.injections
    )


def _of_judge(reason: str) -> str:
    return _NOTES.split(reason, maxsplit=1)[0]


def _what_differs(one: Turn, other: Turn) -> set[str]:
    """Tools and arguments' values that only one of two turns calls with, as they stand in a text."""
    texts: set[str] = set()
    if [call.name for call in one.tool_calls] != [call.name for call in other.tool_calls]:
        texts |= {call.name for call in (*one.tool_calls, *other.tool_calls)}
    for mine, theirs in zip(one.tool_calls, other.tool_calls, strict=False):
        for name in mine.arguments.keys() | theirs.arguments.keys():
            values = (mine.arguments.get(name), theirs.arguments.get(name))
            if (name in mine.arguments) != (name in theirs.arguments) or not _equal(*values):
                texts |= {str(value) for value in values if value is not None} or {name}
    return texts


def _equal(one: Any, other: Any) -> bool:
    # In Python True equals 1, to a tool it does not.
    return one == other and isinstance(one, bool) == isinstance(other, bool)
