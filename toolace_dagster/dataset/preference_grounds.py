"""Whether what is on record against an edit is a ground to prefer one version of one of its turns.

A judge gives one verdict and one reason over all the turns that an edit changed. That is no
ground for a turn which the reason does not speak of, for other facts than it speaks of, nor for
a call that its tool refuses.

Belongs here: what a reason says of a turn, and how a call ended. Does not belong here:
which turns stand against each other, and counting them (``preferences``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

from toolace_dagster.entities import Dialogue, InjectionSubType, Turn
from toolace_dagster.refinement.values import says, scalars
from toolace_dagster.verification.rules.figures import numbers_in

_TURN_ID = re.compile(r"\bt\d+(?:\.\w+)*")
_NOTES = re.compile(r"; (?:turn \S+ stays as it is: |its calls?\b|it puts a tool |what depends on its calls )")
"""Where refinement's notes on what it left begin, behind the judge's own words."""
_WORDING = re.compile(
    r"\b(?:word(?:ed|ing)|phras\w+|natural\w*|reads?|reading|friendl\w+|fluen\w+|tone|style|concise\w*|politer?)\b",
    re.IGNORECASE,
)
_TELLING = 3
"""Characters from which on a value that stands in a reason is hardly there by chance."""
_FIGURE = re.compile(r"\w+(?:[.,:/#@-]+\w+)*")
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)[^\W\d_]{0,3}")
"""A number, with a short unit or ending: ``1,200``, ``30kg``, ``4th``."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SAID_ANYWAY = 1
"""Up to this one, words of numbers are no figures: ``one thing first``, ``no one``."""
_NAME_WORDS = 4
"""Words of a name at most; longer texts of an output are put in other words too."""


def named_turns(reason: str, dialogue: Dialogue) -> frozenset[str]:
    """Ids of the dialogue's turns that a judge's reason names.

    Args:
        reason: The reason of an edit; notes that refinement put behind the judge's words name nothing.
        dialogue: Either version.
    """
    return frozenset(_TURN_ID.findall(_of_judge(reason))) & {turn.id for turn in dialogue.turns}


def bears_on(turn_id: str, named: Collection[str], dialogue: Dialogue, *, same_context: bool) -> bool:
    """Whether a reason that names turns speaks of a turn: it is one of them, or the reply to an output among them.

    Args:
        turn_id: The turn.
        named: Ids of the turns named.
        dialogue: Either version.
        same_context: Whether both versions of the turn follow the same messages. Where they don't, each may tell truly
            what its own outputs hold, whatever is wrong with one of these.
    """
    if turn_id in named:
        return True
    place = dialogue.position(turn_id)
    if not same_context or dialogue.turns[place].role != "assistant" or dialogue.turns[place].is_call:
        return False
    for turn in reversed(dialogue.turns[:place]):
        if not (turn.is_call or turn.role == "tool"):
            return False
        if turn.role == "tool" and turn.id in named:
            return True
    return False


def is_wording(
    reason: str, named: Collection[str], winner: Dialogue, loser: Dialogue, turn_id: str, *, same_context: bool
) -> bool:
    """Whether turns of different facts are preferred for something else, which is no ground to prefer a fact.

    Args:
        reason: The judge's reason.
        named: Ids of the turns it names.
        winner: The version that won.
        loser: The one that lost.
        turn_id: A turn that both have.
        same_context: Whether both versions of the turn follow the same messages.

    Returns:
        True for calls of different tools or values, and replies of different figures, ids or names, where the reason
        gives nothing of what differs and either names no turn or speaks of how something is put. Of replies that
        follow different messages the reason has to give it: their facts differ because their outputs do.
    """
    chosen, rejected = winner.turn(turn_id), loser.turn(turn_id)
    is_reply = not (chosen.is_call or rejected.is_call)
    differing = (
        set(_facts_that_differ(chosen, rejected, (winner, loser))) if is_reply else _what_differs(chosen, rejected)
    )
    if not differing:
        return False
    words = _of_judge(reason)
    if any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", words) for each in differing if _is_telling(each, named)):
        return False
    return not named or (is_reply and not same_context) or bool(_WORDING.search(words))


def fails(dialogue: Dialogue, turn_id: str) -> bool:
    """Whether a turn is a call that its tool answers with an error."""
    return any(
        turn.id == turn_id and turn.is_call and any(output.is_error for output in answer.outputs)
        for turn, answer in pairwise(dialogue.turns)
    )


def is_meant_to_fail(dialogue: Dialogue, turn_id: str) -> bool:
    """Whether a turn is part of an injected story of a service that fails; a call made wrong on purpose is not."""
    return any(
        record.sub_type is InjectionSubType.SERVICE_ERROR and turn_id in record.turn_ids
        for record in dialogue.injections
    )


def _of_judge(reason: str) -> str:
    return _NOTES.split(reason, maxsplit=1)[0]


def _is_telling(fact: str, named: Collection[str]) -> bool:
    """Whether a fact that stands in a reason is hardly there by chance."""
    return len(fact) >= _TELLING or (bool(named) and any(character.isdigit() for character in fact))


def _facts_that_differ(one: Turn, other: Turn, versions: tuple[Dialogue, Dialogue]) -> Iterator[str]:
    """Figures, ids and names that only one of two replies tells, as it tells them."""
    names = {name for version in versions for name in _names_before(version, one.id)}
    for mine, theirs in ((one.content, other.content), (other.content, one.content)):
        told = {*_figures(theirs), *_spelled(theirs), *_parts_of_dates(theirs)}
        for figure, text in _figures(mine).items():
            if figure not in told and not (isinstance(figure, str) and says(theirs, figure)):
                yield text
        yield from (name for name in names if _stands_in(name, mine) and not _stands_in(name, theirs))


def _figures(text: str) -> dict[float | str, str]:
    """Numbers, dates, times and ids of a text, as they stand in it."""
    found: dict[float | str, str] = {}
    for word in _FIGURE.findall(text):
        if any(character.isdecimal() for character in word):
            number = _NUMBER.fullmatch(word)
            found[float(number[1].replace(",", "")) if number else word] = word
    for number in _spelled(text):
        if number > _SAID_ANYWAY:
            found.setdefault(number, f"{number:g}")
    return found


def _spelled(text: str) -> set[float]:
    """Numbers that a text gives in words."""
    return set(numbers_in(_FIGURE.sub(lambda word: "" if re.search(r"\d", word[0]) else word[0], text)))


def _parts_of_dates(text: str) -> Iterator[float]:
    """Years and days of a text's dates, which others write as 14 July 2026."""
    for date in _DATE.findall(text):
        year, _, day = date.split("-")
        yield from (float(year), float(day))


def _names_before(dialogue: Dialogue, turn_id: str) -> Iterator[str]:
    """Names that outputs before a turn hold: short texts with a capital letter."""
    for turn in dialogue.turns[: dialogue.position(turn_id)]:
        for output in turn.outputs:
            for value in scalars(output.content):
                if (
                    isinstance(value, str)
                    and value != value.lower()
                    and len(value) >= _TELLING
                    and len(value.split()) <= _NAME_WORDS
                ):
                    yield value


def _stands_in(name: str, text: str) -> bool:
    return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


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
