"""The figures of arms by name: title and unit, wherever they are shown.

Belongs here: how a figure is called and written. Does not belong here: counting it
(``measures``).
"""

from __future__ import annotations

from dataclasses import dataclass

from toolace_dagster.metrics import METRICS
from toolace_dagster.metrics.catalogue import Unit, written

INTRINSIC = (
    "user_turns",
    "calls_per_user_turn",
    "steps",
    "token_entropy",
    "distinct_3",
    "self_bleu",
    "shape_repetition",
    "tool_coverage",
    "parameter_coverage",
    "clarification_rate",
    "error_recovery_rate",
    "coherence_lexical",
)
"""Metrics of the data itself that arms are compared by, of the dialogues they hand over, all domains together."""

VARIETY = ("token_entropy", "distinct_3", "self_bleu", "shape_repetition", "tool_coverage", "parameter_coverage")
"""Those of them that change with the number of dialogues alone, so that arms are compared over the same number."""


@dataclass(frozen=True)
class Figure:
    """What a figure of an arm is called, and its unit."""

    title: str
    unit: Unit


FIGURES: dict[str, Figure] = {
    "attempted": Figure("Dialogues attempted", "count"),
    "refined": Figure("Dialogues that verification was handed", "count"),
    "accepted": Figure("Dialogues accepted", "count"),
    "handed_over": Figure("Dialogues handed over", "count"),
    "pass_rate": Figure("Pass rate", "share"),
    "defective.attempted": Figure("With a defect, before verification", "share"),
    "rule_failing.attempted": Figure("With a defect that a rule finds, before verification", "share"),
    "defective.accepted": Figure("With a defect, accepted all the same", "share"),
    "defective": Figure("With a defect, as handed over", "share"),
    "passes": Figure("Refinement rounds a dialogue", "number"),
    "calls_per_dialogue": Figure("Model calls a dialogue", "number"),
    "tokens_per_dialogue": Figure("Tokens a dialogue", "count"),
    "cached_per_dialogue": Figure("Cached prompt tokens a dialogue", "count"),
    "replies_per_dialogue": Figure("Reply tokens a dialogue", "count"),
    "cost_per_dialogue": Figure("Cost a dialogue", "dollars"),
    "calls_unverified": Figure("Model calls a dialogue, without verification", "number"),
    "tokens_unverified": Figure("Tokens a dialogue, without verification", "count"),
    "calls_verified": Figure("Model calls an accepted dialogue", "number"),
    "tokens_verified": Figure("Tokens an accepted dialogue", "count"),
    "calls_made": Figure("Model calls in all", "count"),
    "tokens_made": Figure("Tokens in all", "count"),
    "cached_made": Figure("Cached prompt tokens in all", "count"),
    "replies_made": Figure("Reply tokens in all", "count"),
    "cost_made": Figure("Cost in all", "dollars"),
    **{f"{name}.handed_over": Figure(METRICS[name].title, METRICS[name].unit) for name in INTRINSIC},
    "drawn": Figure("Dialogues that variety is measured over", "count"),
    "convergence_point.refined": Figure("Convergence point without verification", "count"),
    "convergence_point.accepted": Figure("Convergence point with verification", "count"),
    "undecided_from.refined": Figure("Too few to tell from here, without verification", "count"),
    "undecided_from.accepted": Figure("Too few to tell from here, with verification", "count"),
}
"""Everything that ``experiment_results`` holds. The last four are 1 at the arm that they point at and 0 elsewhere."""


def cell(name: str, value: float | None, missing: str = "-") -> str:
    """A value as people read it; what costs nothing is free.

    Args:
        name: Of the figure.
        value: Its value; None where there is none.
        missing: What then stands there.
    """
    if value is None:
        return missing
    unit = FIGURES[name].unit if name in FIGURES else "number"
    return "free" if unit == "dollars" and value == 0 else written(unit, value)
