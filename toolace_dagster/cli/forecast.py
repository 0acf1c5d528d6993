"""How much of a run is done, and when the rest will be.

The unit is the expected call: how many calls a row of each stage takes follows from
the settings, so a stage of many calls weighs more than one of few. Time is taken to
go on as it went.

Belongs here: that arithmetic. Does not belong here: showing it (``progress``), or what
a run will cost (``llm.money``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolace_dagster.pipeline.progress import StageProgress
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import Range, Settings
from toolace_dagster.verification.experts import QUESTIONS

_CALLS_OF_A_PASS = 2
"""A reasonability pass asks for a fill and for a judgement."""
_CALLS_OF_AN_EXCHANGE = 2
"""In a simulation the user speaks, and the assistant replies."""
_CALLS_OF_A_STEP = 2
"""The assistant calls, and the tools answer."""


class Forecast:
    """Follows the progress of all domains of a run."""

    def __init__(self, weights: Mapping[str, float], domains: Sequence[str]) -> None:
        """Nothing is done yet.

        Args:
            weights: Expected calls for a row of each stage, in the order the stages are run.
            domains: The domains it makes, those that wait included.
        """
        self._weights = list(weights.values())
        self._order = {stage: position for position, stage in enumerate(weights)}
        self._done = dict.fromkeys(domains, 0.0)

    def update(self, progress: StageProgress) -> None:
        """Take in news of a stage; the stages before it count as done."""
        position = self._order.get(progress.stage)
        if position is None or progress.domain not in self._done:
            return
        calls = progress.calls
        share = min(1.0, calls.rows / progress.rows) if calls and progress.rows else 0.0
        self._done[progress.domain] = sum(self._weights[:position]) + self._weights[position] * share

    @property
    def share(self) -> float:
        """Share of the run that is done, 0 to 1."""
        whole = sum(self._weights) * len(self._done)
        return min(1.0, sum(self._done.values()) / whole) if whole else 1.0

    def seconds_left(self, elapsed: float) -> float | None:
        """Seconds the rest will take; None while too little is done to tell.

        Args:
            elapsed: Seconds since the run began.
        """
        share = self.share
        return elapsed * (1 - share) / share if share >= 0.01 else None


def stage_weights(settings: Settings) -> dict[str, float]:
    """Expected calls for a row of each stage, in the order the stages are run."""
    return {stage.name: _calls_per_row(stage.name, settings) for stage in domain_stages(settings)}


def _calls_per_row(stage: str, settings: Settings) -> float:
    if stage == "skeletons":
        return _mean(settings.sub_tasks)
    if stage == "simulated_dialogues":
        return _mean(settings.sub_tasks) * (_CALLS_OF_AN_EXCHANGE + _CALLS_OF_A_STEP * _mean(settings.steps))
    if stage.startswith("refinement_round_"):
        passes = _CALLS_OF_A_PASS if "reasonability_refinement" in settings.operations else 0.0
        injecting = "complexity_injection" in settings.operations
        return passes + injecting * _mean(settings.injections) / max(1, settings.rounds)
    if stage == "verified_dialogues":
        return settings.expert_votes * -(-len(QUESTIONS) // settings.questions_per_call)
    return 1.0


def _mean(bounds: Range) -> float:
    return (bounds.low + bounds.high) / 2
