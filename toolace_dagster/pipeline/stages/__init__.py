"""The stages of a domain: what each reads, depends on and writes, and their order.

Belongs here: a module for each stage, and what several of them share. Does not belong here:
how a stage is run (``pipeline.stage_run``), or what happens to a row (the stage folders).
"""

from toolace_dagster.pipeline.stages.names import VERIFIED_STAGE, before_round, last_writing_stage
from toolace_dagster.pipeline.stages.order import domain_stages, first_stage
from toolace_dagster.pipeline.stages.refinement_round import RefinementRound
from toolace_dagster.pipeline.stages.simulated_dialogues import SimulatedDialogues
from toolace_dagster.pipeline.stages.skeletons import Skeletons
from toolace_dagster.pipeline.stages.task_specs import TaskSpecs
from toolace_dagster.pipeline.stages.verification import Verification
from toolace_dagster.pipeline.stages.verified_dialogues import VerifiedDialogues

__all__ = [
    "VERIFIED_STAGE",
    "RefinementRound",
    "SimulatedDialogues",
    "Skeletons",
    "TaskSpecs",
    "Verification",
    "VerifiedDialogues",
    "before_round",
    "domain_stages",
    "first_stage",
    "last_writing_stage",
]
