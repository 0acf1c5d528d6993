"""Assets of stage 1: task specs and skeletons.

Belongs here: the assets. Does not belong here: sampling or prompts
(``toolace_dagster.initialization``).
"""

import dagster as dg

from toolace_dagster.orchestration.materialize import Materialized, materialize_stage, stage_checks
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.plans import plan_tables
from toolace_dagster.pipeline.stages import Skeletons, first_stage


@dg.asset(
    partitions_def=TOOL_DOMAINS,
    deps=["tool_pool"],
    group_name="stage_1_initialization",
    kinds={"duckdb", "openai"},
    check_specs=stage_checks("task_specs"),
)
def task_specs(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
    """Task initialization (paper, stage 1.1): sub-tasks over sampled tools, fixed before any turn exists."""
    return materialize_stage(context, toolace, first_stage(), plan_tables)


@dg.asset(
    partitions_def=TOOL_DOMAINS,
    deps=["task_specs"],
    group_name="stage_1_initialization",
    kinds={"duckdb", "openai"},
    check_specs=stage_checks("skeletons"),
)
def skeletons(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
    """Trajectory initialization (paper, stage 1.2): one sub-trajectory per sub-task, calls and outputs together."""
    return materialize_stage(context, toolace, Skeletons())
