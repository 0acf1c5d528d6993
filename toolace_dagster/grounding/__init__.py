"""Grounding: where each argument value of a dialogue's calls comes from.

A shared part that knows only entities, so that every stage can use it: skeletons are corrected by it, refinement
screens new turns with it, verification rejects by it, and the pipeline stores what it finds.

Belongs here: tracing values to their sources, and the notations under which two values are the same. Does not belong
here: what is done about a value without a source (``initialization``, ``refinement``, ``verification``).
"""

from toolace_dagster.grounding.identifiers import looks_like_identifier, takes_identifier
from toolace_dagster.grounding.sources import GROUNDING_STATES, ArgumentSource, GroundingState, SourceKind
from toolace_dagster.grounding.tracing import ground, ungrounded

__all__ = [
    "GROUNDING_STATES",
    "ArgumentSource",
    "GroundingState",
    "SourceKind",
    "ground",
    "looks_like_identifier",
    "takes_identifier",
    "ungrounded",
]
