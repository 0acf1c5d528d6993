"""Dialogues of a domain that nearly repeat an earlier one.

Two dialogues are compared by what users say, three words at a time, and by which
calls follow which with which arguments; the share of these that they have in
common is estimated (``likeness``). 512 bytes are held of each dialogue.

Belongs here: what of a dialogue is compared, and the pass over a domain in order.
Does not belong here: what becomes of a near-duplicate (``rules.overlap``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from toolace_dagster.entities import Dialogue, canonical_json
from toolace_dagster.likeness import LikenessIndex, normal_words, signature
from toolace_dagster.verification.rules.facts import Likeness

_RUN = 3


def near_duplicates(dialogues: Iterable[Dialogue], threshold: float) -> dict[str, Likeness]:
    """Find the dialogues that repeat an earlier one.

    Args:
        dialogues: In the order of their slots; the earlier of two is kept, and only kept ones are compared with.
        threshold: Likeness from which on they are near-duplicates, above 0 and up to 1.

    Returns:
        What each repeats, by dialogue id.
    """
    index = LikenessIndex[str](threshold)
    found: dict[str, Likeness] = {}
    for dialogue in dialogues:
        signed = signature(sorted(set(_parts(dialogue))))
        if signed is None:
            continue
        near = index.find(signed)
        if near:
            # Of several that are as near, the earliest.
            earlier, share = max(near, key=lambda each: each[1])
            found[dialogue.id] = Likeness(earlier, round(share, 3))
        else:
            index.add(dialogue.id, signed)
    return found


def _parts(dialogue: Dialogue) -> Iterator[str]:
    before = ""
    for turn in dialogue.turns:
        if turn.role == "user":
            words = normal_words(turn.content)
            for at in range(max(1, len(words) - _RUN + 1)):
                yield " ".join(words[at : at + _RUN])
        for call in turn.tool_calls:
            yield f"{before}>{call.name}"
            for name, value in call.arguments.items():
                yield f"{call.name}.{name}={canonical_json(value)}"
            before = call.name
