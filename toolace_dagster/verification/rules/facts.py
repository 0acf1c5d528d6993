"""What rules know of a dialogue besides the dialogue itself.

Belongs here: plain facts that the stage gathers once. Does not belong here:
gathering them (``near_duplicates``, ``benchmarks``, ``replay``), or any rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from toolace_dagster.settings import Range


@dataclass(frozen=True)
class Bounds:
    """How long a dialogue and its parts may be.

    Attributes:
        turns: Turns of a dialogue.
        characters: Characters of one turn's text, or of one output as JSON, at most.
    """

    turns: Range = field(default_factory=lambda: Range(low=2, high=200))
    characters: int = 16_000


@dataclass(frozen=True)
class Likeness:
    """An earlier dialogue of the domain that this one nearly repeats.

    Attributes:
        dialogue_id: The earlier one, which is kept.
        similarity: Estimated share of what they have in common, from 0 to 1.
    """

    dialogue_id: str
    similarity: float


@dataclass(frozen=True)
class Overlap:
    """Words of a turn that stand in an evaluation benchmark.

    Attributes:
        turn_id: The turn.
        words: The common words.
        source: Name of the benchmark's file.
    """

    turn_id: str
    words: str
    source: str


@dataclass(frozen=True)
class ReplayDifference:
    """A call that answered otherwise when it was run again.

    Attributes:
        call_id: The call.
        answered: What the tool answers now.
        is_error: Whether that is an error.
    """

    call_id: str
    answered: JsonValue
    is_error: bool


@dataclass(frozen=True)
class Facts:
    """What the stage knows of a dialogue besides the dialogue.

    Attributes:
        bounds: Length bounds.
        language: Code of the language it should be in, such as ``de``; None where nothing says so.
        duplicate_of: An earlier dialogue it nearly repeats.
        overlaps: What it has in common with benchmarks.
        replayed: Calls that answer otherwise when run again.
        replay_fault: Why its calls could not be run again; empty when they could or need not be.
        changes: By sub-task, planned tools whose call an accepted edit took away, with the edit's id.
    """

    bounds: Bounds = field(default_factory=Bounds)
    language: str | None = None
    duplicate_of: Likeness | None = None
    overlaps: tuple[Overlap, ...] = ()
    replayed: tuple[ReplayDifference, ...] = ()
    replay_fault: str = ""
    changes: Mapping[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])
