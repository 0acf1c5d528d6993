"""Which stage's dialogues another starts from, by name.

Belongs here: the order of the stages that write dialogues, as far as it is asked for by name.
Does not belong here: the stages themselves, or all of them in order (``order``).
"""

from __future__ import annotations

from toolace_dagster.initialization import trajectory_initialization
from toolace_dagster.refinement.rounds import stage_name
from toolace_dagster.settings import Method
from toolace_dagster.simulation import agents

VERIFIED_STAGE = "verified_dialogues"


def last_writing_stage(rounds: int, method: Method) -> str:
    """Name of the last stage that writes dialogues, which are then verified."""
    return agents.STAGE if method == "simulation" else before_round(rounds + 1)


def before_round(round_number: int) -> str:
    """Name of the stage whose dialogues a round starts from."""
    return trajectory_initialization.STAGE if round_number == 1 else stage_name(round_number - 1)
