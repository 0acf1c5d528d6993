"""Why a row is stale, in words: which part of what it was made from has changed.

Belongs here: comparing the parts of two fingerprints. Does not belong here: what the
parts are (``stages``), or what is done about it (``freshness``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolace_dagster.entities import content_hash

PASSING_ERRORS = (
    "call.connection",
    "call.timeout",
    "call.rate_limit",
    "call.server",
    "call.batch",
    "execution.unavailable",
)
"""Check ids of failures that lie with the endpoint at that moment: such rows are stale in the next run."""
NEW = "new"
TRIED_AGAIN = "failed for the moment, tried again"
PLAN = "its plan"
UNKNOWN = "made by an earlier version"
_WORDS = {
    "code": "the code of the stage",
    "prompts": "a prompt",
    "settings": "a setting",
    "models": "a model or how it is called",
    "execution": "what runs the tools",
    "rules": "the rules",
    "plan": PLAN,
    "tools": "a tool it offers",
    "before": "the stage before",
    "spec": "its task spec",
    "round": "what is done in which round",
    "facts": "another dialogue it is like",
}

Parts = Mapping[str, Any]
"""What a row is made from, by name: JSON-able content."""


def part_hashes(parts: Parts) -> dict[str, str]:
    """Hashes of parts of a row's fingerprint, to be stored with it."""
    return {name: content_hash(value, length=12) for name, value in parts.items()}


def causes(stored: Mapping[str, str] | None, now: Mapping[str, str]) -> tuple[str, ...]:
    """What changed between two fingerprints, in words.

    Args:
        stored: Hashes of the parts as the row was made; None when that is not known.
        now: Hashes as they are now.

    Returns:
        One or more causes. What follows from another cause is left out: a new plan means a new task.
    """
    if not stored:
        return (UNKNOWN,)
    changed = [name for name in now if stored.get(name) != now[name]]
    return tuple(_WORDS.get(name, name) for name in changed) or (UNKNOWN,)
