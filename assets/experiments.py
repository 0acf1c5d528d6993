"""Assets of experiments: one an experiment, one partition an arm; in no job and on no schedule.

Belongs here: the factory. Does not belong here: arms and figures
(``toolace_dagster.experiments``).
"""

import dagster as dg

from toolace_dagster.experiments.declared import Experiment, shipped
from toolace_dagster.orchestration.experiments import GROUP, asset_name, materialize_arms
from toolace_dagster.orchestration.materialize import Materialized
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace


def experiment_asset(experiment: Experiment) -> dg.AssetsDefinition:
    """Make the asset of one experiment.

    Args:
        experiment: The experiment. Where each domain is an arm, its partitions are the tool domains.
    """
    arms = [arm.name for arm in experiment.arms]

    @dg.asset(
        name=asset_name(experiment),
        partitions_def=TOOL_DOMAINS if experiment.arm_by_domain else dg.StaticPartitionsDefinition(arms),
        group_name=GROUP,
        kinds={"duckdb", "openai"},
        description=f"{experiment.question} {experiment.reading.strip()}".strip(),
    )
    def made(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
        return materialize_arms(context, toolace, experiment)

    return made


EXPERIMENT_ASSETS: list[dg.AssetsDefinition] = [experiment_asset(each) for each in shipped().values()]
