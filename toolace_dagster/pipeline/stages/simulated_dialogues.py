"""The baseline's stage, in the place of skeletons and rounds.

Belongs here: what its rows are made from. Does not belong here: the agents that play a
dialogue (``toolace_dagster.simulation``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolace_dagster.entities import SimulatedDialogue, TaskSpec
from toolace_dagster.initialization import task_initialization, trajectory_initialization
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.stage import RowContent, WorkItem
from toolace_dagster.pipeline.stages.following import following
from toolace_dagster.pipeline.stages.versions import CODE_VERSIONS, execution, models
from toolace_dagster.prompts import prompt_hash
from toolace_dagster.refinement.rounds import stage_name
from toolace_dagster.settings import MAX_ROUNDS, Settings
from toolace_dagster.simulation import agents
from toolace_dagster.simulation.program import simulation_program


@dataclass(frozen=True)
class SimulatedDialogues:
    """The baseline's stage, in the place of skeletons and rounds: a dialogue that agents play, per task spec."""

    index: int = 2
    name: str = agents.STAGE
    supplants: tuple[str, ...] = (
        trajectory_initialization.STAGE,
        *(stage_name(number) for number in range(1, MAX_ROUNDS + 1)),
    )

    def shared_version(self, settings: Settings) -> Parts:
        """Prompts, settings, model and code."""
        return {
            "code": CODE_VERSIONS["simulation"],
            "prompts": [prompt_hash(name) for name in agents.AGENT_TASKS],
            "settings": settings.of("simulation_turns", "injection_mix", "rule_tries"),
            "models": models(settings, "generator"),
        }

    def version(self, context: StageContext) -> Parts:
        """The same in every domain, but for what runs its tools."""
        return {**self.shared_version(context.settings), "execution": execution(context)}

    def items(self, context: StageContext) -> list[WorkItem]:
        """One item per spec that passed."""
        specs = context.payloads(task_initialization.STAGE, TaskSpec)

        def start(dialogue_id: str) -> Program[Any]:
            return simulation_program(specs[dialogue_id], context.tools, context.settings, context.executable)

        return following(context, task_initialization.STAGE, specs, start)

    def content(self, result: Any) -> RowContent:
        """A dialogue that was played to its end passes; of another the beginning is kept with the reason."""
        assert isinstance(result, SimulatedDialogue)
        if result.rejection is not None:
            return RowContent(state="rejected", payload=result, rejection=result.rejection)
        return RowContent(state="passed", payload=result, dialogue=result.dialogue)
