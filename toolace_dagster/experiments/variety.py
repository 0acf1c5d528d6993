"""Over which dialogues of arms variety is measured: the same number in each.

More dialogues of the same writer repeat each other more and use more tools, so that an
arm which hands over fewer would look more varied, and less complete, for that alone.

Belongs here: the number, and the draw. Does not belong here: measuring (``measures``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

LEAST = 10
"""Dialogues of an arm below which its variety says nothing; it is left out then, and no other is cut down to it."""


def same_size(handed_over: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, dict[str, list[str]]]:
    """Draw as many dialogues of each arm as the smallest one hands over.

    Dialogues are drawn by a hash of their ids, which are those of their tasks: arms share tasks where both hand them
    over, and nothing that came out of a task decides whether it is drawn.

    Args:
        handed_over: By arm and domain, ids of the dialogues that it hands over.

    Returns:
        The same of those drawn; arms of fewer than ``LEAST`` dialogues are left out.
    """
    enough = {
        arm: sorted(((name, domain) for domain, ids in found.items() for name in ids), key=_place)
        for arm, found in handed_over.items()
        if sum(map(len, found.values())) >= LEAST
    }
    size = min(map(len, enough.values()), default=0)
    drawn: dict[str, dict[str, list[str]]] = {}
    for arm, ordered in enough.items():
        by_domain: dict[str, list[str]] = {domain: [] for domain in handed_over[arm]}
        for name, domain in ordered[:size]:
            by_domain[domain].append(name)
        drawn[arm] = by_domain
    return drawn


def _place(dialogue: tuple[str, str]) -> str:
    return sha256(dialogue[0].encode()).hexdigest()
