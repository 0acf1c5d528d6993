"""Pricing a run before it starts: what is to be made, what such rows used so far, and what that will cost.

Belongs here: work, evidence and arithmetic. Does not belong here: prices
(``llm.money``), or printing (``cli``).
"""

from toolace_dagster.pipeline.estimate.evidence import Evidence, nearest_evidence, past_evidence
from toolace_dagster.pipeline.estimate.figures import Estimate, Range, StageEstimate, make_estimate
from toolace_dagster.pipeline.estimate.rehearsal import rehearse
from toolace_dagster.pipeline.estimate.work import Work, find_work

__all__ = [
    "Estimate",
    "Evidence",
    "Range",
    "StageEstimate",
    "Work",
    "find_work",
    "make_estimate",
    "nearest_evidence",
    "past_evidence",
    "rehearse",
]
