"""The stages of a domain in the order data flows.

Belongs here: which stages the settings ask for. Does not belong here: what a stage does, or which
stage's dialogues another starts from (``names``).
"""

from __future__ import annotations

from toolace_dagster.pipeline.stage import Stage
from toolace_dagster.pipeline.stages.refinement_round import RefinementRound
from toolace_dagster.pipeline.stages.simulated_dialogues import SimulatedDialogues
from toolace_dagster.pipeline.stages.skeletons import Skeletons
from toolace_dagster.pipeline.stages.task_specs import TaskSpecs
from toolace_dagster.pipeline.stages.verification import Verification
from toolace_dagster.pipeline.stages.verified_dialogues import VerifiedDialogues
from toolace_dagster.settings import Settings


def domain_stages(settings: Settings) -> list[Stage]:
    """All stages of a domain that make rows, in order."""
    return [first_stage(), *deciding_stages(settings), VerifiedDialogues(settings.rounds, settings.method)]


def first_stage() -> TaskSpecs:
    """Where a domain's rows begin: a slot is tried again by how its dialogue fares in the stages that follow."""
    return TaskSpecs(deciding_stages)


def deciding_stages(settings: Settings) -> list[Stage]:
    """The stages between the task specs and the copies of what was accepted: those a dialogue's end comes from."""
    rounds = [RefinementRound(number) for number in range(1, settings.rounds + 1)]
    writing: list[Stage] = [SimulatedDialogues()] if settings.method == "simulation" else [Skeletons(), *rounds]
    return [*writing, Verification(settings.rounds, settings.method)]
