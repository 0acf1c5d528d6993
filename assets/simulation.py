"""Assets of the baseline: dialogues that agents play turn by turn.

Belongs here: the asset that takes the place of skeletons and rounds where the method is
simulation. Does not belong here: the agents (``toolace_dagster.simulation``).
"""

import dagster as dg

from toolace_dagster.orchestration.materialize import Materialized, materialize_stage, stage_checks
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.stages import SimulatedDialogues

GROUP = "simulation"


@dg.asset(
    partitions_def=TOOL_DOMAINS,
    deps=["task_specs"],
    group_name=GROUP,
    kinds={"duckdb", "openai"},
    check_specs=stage_checks("simulated_dialogues"),
)
def simulated_dialogues(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
    """The baseline: user, assistant and tool agents play each task turn by turn."""
    return materialize_stage(context, toolace, SimulatedDialogues())
