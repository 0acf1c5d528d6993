"""Dialogues as a stage left them, read back from its rows.

Belongs here: which payload a stage's dialogue is in. Does not belong here: reading rows
(``pipeline.context``), or which stage is the one to read (``names``).
"""

from __future__ import annotations

from toolace_dagster.entities import Dialogue, SimulatedDialogue, Skeleton
from toolace_dagster.initialization import trajectory_initialization
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.refinement.rounds import RefinedDialogue
from toolace_dagster.simulation import agents


def dialogues_after(context: StageContext, stage: str) -> dict[str, Dialogue]:
    """Dialogues as they stood after a stage, by id."""
    return {dialogue_id: dialogue_of(stage, text) for dialogue_id, text in context.texts(stage).items()}


def dialogue_of(stage: str, payload: str) -> Dialogue:
    """The dialogue in a payload of a stage that writes dialogues."""
    if stage == trajectory_initialization.STAGE:
        return Skeleton.model_validate_json(payload).to_dialogue()
    if stage == agents.STAGE:
        return SimulatedDialogue.model_validate_json(payload).dialogue
    return RefinedDialogue.model_validate_json(payload).dialogue
