"""Rules on what a dialogue has in common with other texts.

Belongs here: near-duplicates and benchmarks, as findings. Does not belong here:
finding them (``near_duplicates``, ``benchmarks`` of the package above).
"""

from __future__ import annotations

from collections.abc import Iterator

from toolace_dagster.verification.rules.registry import Defect, Subject, rule


@rule("rule.near_duplicate", repairable=False)
def near_duplicate(subject: Subject) -> Iterator[Defect]:
    """The dialogue does not nearly repeat an earlier one of its domain; of two the one with the lower slot is kept."""
    likeness = subject.facts.duplicate_of
    if likeness is not None:
        message = f"The dialogue has {likeness.similarity:.0%} in common with {likeness.dialogue_id}, which is kept."
        yield Defect(message, evidence=likeness.dialogue_id)


@rule("rule.benchmark_overlap", repairable=False)
def benchmark_overlap(subject: Subject) -> Iterator[Defect]:
    """No user's turn shares a run of words with an evaluation benchmark that the settings name."""
    for overlap in subject.facts.overlaps:
        message = f"The turn shares words with the benchmark {overlap.source}."
        yield Defect(message, overlap.turn_id, "$.content", overlap.words)
