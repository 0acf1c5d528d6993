"""The code location: what `workspace.yaml` and the command line load.

Belongs here: putting assets, jobs and resources together. Does not belong here:
any of these.
"""

# pyright: reportUnknownMemberType=false
# The signature of Dagster's define_asset_job has unknown parts.

from pathlib import Path

import dagster as dg

from toolace_dagster.assets.checks import FULL_CHECKS
from toolace_dagster.assets.dataset import DATASET_ASSETS
from toolace_dagster.assets.initialization import skeletons, task_specs
from toolace_dagster.assets.refinement import refinement_round
from toolace_dagster.assets.tool_pool import tool_pool
from toolace_dagster.assets.training import lora_adapter
from toolace_dagster.assets.verification import verification_assets
from toolace_dagster.orchestration.resources import Toolace, configured_settings, home_from_environment
from toolace_dagster.orchestration.schedules import nightly_regeneration, weekly_full_check
from toolace_dagster.orchestration.sensors import dataset_sensor, pool_sensor

GENERATE_JOB = "generate"
DATASET_JOB = "build_dataset"
CHECK_JOB = "full_check"


def build_definitions(home: Path | None = None, rounds: int | None = None) -> dg.Definitions:
    """Put the code location together.

    Args:
        home: Home folder; ``TOOLACE_HOME`` or ``toolace_data`` when None.
        rounds: Number of refinement rounds; those of the settings that count in the home when None.
    """
    if rounds is None:
        rounds = configured_settings(home or home_from_environment()).rounds
    refinement = [refinement_round(number) for number in range(1, rounds + 1)]
    by_domain = [tool_pool, task_specs, skeletons, *refinement, *verification_assets(rounds)]
    full = dg.AssetSelection.checks(*FULL_CHECKS)
    generate = dg.define_asset_job(
        GENERATE_JOB,
        selection=dg.AssetSelection.assets(*by_domain) - full,
        description="All stages of one tool domain, from its tools to its verified dialogues.",
    )
    dataset = dg.define_asset_job(
        DATASET_JOB,
        selection=dg.AssetSelection.assets(*DATASET_ASSETS) - full,
        description="Splits, exports and the dataset card, over all domains.",
    )
    check = dg.define_asset_job(
        CHECK_JOB, selection=full, description="Every check over everything stored; makes no model call."
    )
    return dg.Definitions(
        assets=[*by_domain, *DATASET_ASSETS, lora_adapter],
        asset_checks=FULL_CHECKS,
        jobs=[generate, dataset, check],
        sensors=[pool_sensor(generate), dataset_sensor(generate, dataset)],
        schedules=[nightly_regeneration(generate), weekly_full_check(check)],
        resources={"toolace": Toolace(home=str(home) if home else "")},
        executor=dg.in_process_executor,
    )


defs = build_definitions()
