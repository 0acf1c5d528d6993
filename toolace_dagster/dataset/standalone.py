"""Whether a request, and what answers it, can be understood without what came before.

The first message of a dialogue always can. A later one may point back ("that one", "the
same again"), react ("Perfect!") or go on ("the next thing"). That is told by words, so it
is told in English alone; in other languages no later message counts. A message that
stands alone may be refused for a word it uses otherwise: an example less costs little, one that
needs an unseen context teaches a model to make things up.

Belongs here: telling that for one message or reply. Does not belong here: which kinds of
examples are cut (``slices``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import JsonValue

from toolace_dagster.dataset.rows import DatasetRow
from toolace_dagster.entities import Turn
from toolace_dagster.grounding import ground
from toolace_dagster.grounding.dates import speaks_of_today
from toolace_dagster.grounding.folding import folded
from toolace_dagster.likeness import normal_words

_TIMES = (
    r"(?:week|weekend|month|year|season|quarter|morning|afternoon|evening|night|time|spring|summer|autumn|fall|winter"
    r"|mon|tues|wednes|thurs|fri|satur|sun|january|february|march|april|may|june|july|august|september|october"
    r"|november|december)"
)
_POINTS_BACK = re.compile(
    # "a depot that takes cargo" points at nothing.
    r"\bthat\b(?! (?:can|could|is|are|has|have|had|may|might|must|will|would|should|[a-z]+s)\b)"
    rf"|\b(?:this|next)\b(?! {_TIMES})"
    r"|\b(?:it|they|them|he|she|him|those|these|same|again|another|others?|else|also|too|instead|still|then|back)\b"
    r"|\b(?:previous|previously|earlier|former|latter|above|already|meanwhile|afterwards|following)\b"
    r"|\bas well\b|\b(?:one|two|some) more\b|\bso far\b|\b(?:with|after|before|once|when) (?:that|this)\b"
    r"|\bthe (?:first|second|third|fourth|last|one|ones)\b"
    r"|\b(?:on to|moving on|go on|carry on|continue|proceed|while (?:we|you|i)\b.{0,9}?\b(?:at it|have you|here))\b"
    r"|\byou (?:just )?(?:said|say|told|tell|found|find|gave|mentioned|listed|showed|sent|did|made|booked)\b"
    r"|\b(?:remind|recap|summari[sz]e|summary|sum up|lost track|where are we|where were we|catch up)\b"
)
_REACTS = re.compile(
    r"\W*(?:(?:thanks|thank you|many thanks|all ?right|alright|ok|okay|yes|yeah|yep|nope|understood|much obliged"
    r"|fair enough|never mind|worth a try|no problem|not now|(?:\w+ )?(?:days?|weeks?|months?) later)\b"
    # "Nice weather, no?" is no reaction.
    r"|(?:very )?(?:great|perfect|good|lovely|fine|wonderful|right|excellent|brilliant|super|nice|clear|cool|awesome"
    r"|sure|no|exactly|correct)\s*(?:[!.,;:\-–—]|$))"
)
_RECALLS = re.compile(r"\b(?:earlier|above|previous|previously|already|so far|as i said|you (?:said|told|mentioned))\b")


def stands_alone(row: DatasetRow, place: int) -> bool:
    """Whether a user's message can be understood without the turns before it.

    Args:
        row: Its dialogue.
        place: Position of the user's turn.
    """
    if place == 0:
        return True
    if row.spec.language != "English":
        return False
    text = " ".join(row.dialogue.turns[place].content.casefold().replace("’", "'").split())
    return not _REACTS.match(text) and not _POINTS_BACK.search(text)


def is_new_request(row: DatasetRow, place: int) -> bool:
    """Whether a user's message opens a sub-task that takes nothing from earlier ones."""
    turns = row.dialogue.turns
    asked = turns[place]
    if place and turns[place - 1].sub_task == asked.sub_task:
        return False
    own = next((each for each in row.spec.sub_tasks if each.index == asked.sub_task), None)
    return own is None or not (own.builds_on or own.time_passes)


def gives_all_values(row: DatasetRow, place: int) -> bool:
    """Whether a user's message gives every value of the calls right after it, by itself.

    The values are traced as verification does, with nothing but this message in sight.
    """
    asked, answered = row.dialogue.turns[place : place + 2]
    alone = row.dialogue.model_copy(update={"turns": (asked, answered)})
    sources = ground(alone, row.tools)
    if any(source.kind == "today" for source in sources) and not speaks_of_today(folded(asked.content)):
        # Nothing would tell the day.
        return False
    # What an earlier call of the same turn holds was not said.
    return all(source.state in ("grounded", "derived") and source.kind != "call" for source in sources)


def tells_nothing_of_before(row: DatasetRow, place: int) -> bool:
    """Whether the reply right after a user's message has nothing in it that only earlier turns tell."""
    turns = row.dialogue.turns
    asked, answered = turns[place : place + 2]
    if _RECALLS.search(answered.content.casefold()):
        return False
    known, words = set(normal_words(asked.content)), normal_words(answered.content)
    if any(word not in known and any(char.isdigit() for char in word) for word in words):
        return False
    said, padded = f" {' '.join(normal_words(asked.content))} ", f" {' '.join(words)} "
    return not any(
        f" {value} " in padded and f" {value} " not in said for turn in turns[:place] for value in _held(turn)
    )


def _held(turn: Turn) -> Iterator[str]:
    """Names and words among what a turn calls or is answered, in their plain form."""
    values: list[JsonValue] = [call.arguments for call in turn.tool_calls]
    for value in _texts([*values, *(output.content for output in turn.outputs)]):
        words = " ".join(normal_words(value))
        if len(words) > 2:
            yield words


def _texts(value: JsonValue) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case str():
            yield value
        case _:
            return
