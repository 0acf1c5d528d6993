"""What was found for one value, before it is put beside its call.

Belongs here: the result of a search and short ways to make one. Does not belong
here: any search.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolace_dagster.grounding.context import Heard, Place
from toolace_dagster.grounding.folding import Span
from toolace_dagster.grounding.sources import GroundingState, SourceKind


@dataclass(frozen=True, slots=True)
class Found:
    """A state and the source behind it; the fields are those of ``ArgumentSource``."""

    state: GroundingState
    kind: SourceKind = "none"
    turn_id: str | None = None
    path: str = ""
    span: Span | None = None
    reason: str = ""


def from_heard(heard: Heard, span: Span | None, reason: str = "", state: GroundingState = "grounded") -> Found:
    """A value in a text."""
    return Found(state, heard.kind, heard.turn_id, heard.path, span, reason)


def from_place(place: Place, reason: str = "", state: GroundingState = "grounded") -> Found:
    """A value in a result."""
    return Found(state, "result", place.turn.id, place.path, None, reason)


def derived(kind: SourceKind, reason: str) -> Found:
    """A value that follows from several things at once."""
    return Found("derived", kind, reason=reason)


def undecided(reason: str, kind: SourceKind = "none") -> Found:
    """A value that an expert has to look at."""
    return Found("undecided", kind, reason=reason)
