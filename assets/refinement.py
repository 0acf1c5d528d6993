"""Assets of stage 2: one per refinement round, from a factory, so that the graph shows each.

Belongs here: the factory. Does not belong here: masking, filling or judging
(``toolace_dagster.refinement``).
"""

import dagster as dg

from toolace_dagster.orchestration.materialize import Materialized, materialize_stage, stage_checks
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.stages import RefinementRound, before_round


def refinement_round(round_number: int) -> dg.AssetsDefinition:
    """Make the asset of one round.

    Args:
        round_number: From 1.
    """
    stage = RefinementRound(round_number)

    @dg.asset(
        name=stage.name,
        partitions_def=TOOL_DOMAINS,
        deps=[before_round(round_number)],
        group_name="stage_2_refinement",
        kinds={"duckdb", "openai"},
        check_specs=stage_checks(stage.name),
        description=(
            f"Refinement round {round_number} (paper, stage 2): complexity injection by mask-and-extend where the task "
            "plans one, then reasonability refinement by mask-and-fill under a judge."
        ),
    )
    def made(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
        return materialize_stage(context, toolace, stage)

    return made
