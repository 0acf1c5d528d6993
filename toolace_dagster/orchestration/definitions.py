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
from toolace_dagster.assets.experiments import EXPERIMENT_ASSETS
from toolace_dagster.assets.initialization import skeletons, task_specs
from toolace_dagster.assets.metrics import MEASURING_ASSETS
from toolace_dagster.assets.refinement import refinement_round
from toolace_dagster.assets.simulation import baseline_assets, simulated_dialogues
from toolace_dagster.assets.tool_pool import tool_pool
from toolace_dagster.assets.training import lora_adapter
from toolace_dagster.assets.verification import verification_assets
from toolace_dagster.orchestration.automation import WHOLE_DOMAIN_TAG, automation_sensor, with_upkeep
from toolace_dagster.orchestration.described import location_metadata, with_descriptions
from toolace_dagster.orchestration.resources import configured_settings, home_from_environment, toolace_of
from toolace_dagster.orchestration.schedules import nightly_regeneration, weekly_full_check
from toolace_dagster.orchestration.sensors import dataset_sensor, pool_sensor
from toolace_dagster.settings import Settings

GENERATE_JOB = "generate"
DATASET_JOB = "build_dataset"
CHECK_JOB = "full_check"
MEASURE_JOB = "measure"
SIMULATE_JOB = "simulate"


def build_definitions(
    home: Path | None = None, rounds: int | None = None, settings: Settings | None = None
) -> dg.Definitions:
    """Put the code location together.

    Args:
        home: Home folder; ``TOOLACE_HOME`` or ``toolace_data`` when None.
        rounds: Number of refinement rounds; those of the settings when None.
        settings: What rounds and code versions go by; the settings that count in the home when None.
    """
    settings = settings or configured_settings(home or home_from_environment())
    if rounds is not None:
        settings = settings.model_copy(update={"rounds": rounds})
    refinement = [refinement_round(number) for number in range(1, settings.rounds + 1)]
    writing = [simulated_dialogues] if settings.method == "simulation" else [skeletons, *refinement]
    stages = [tool_pool, task_specs, *writing, *verification_assets(settings.rounds, settings.method)]
    by_domain = with_descriptions(with_upkeep(stages, settings), settings)
    over_domains = with_descriptions([*DATASET_ASSETS, *MEASURING_ASSETS, *EXPERIMENT_ASSETS, lora_adapter], settings)
    compared = settings.compare_simulation and settings.method != "simulation"
    baseline = with_descriptions(baseline_assets(settings), settings) if compared else []
    full = dg.AssetSelection.checks(*FULL_CHECKS)
    generate = dg.define_asset_job(
        GENERATE_JOB,
        selection=dg.AssetSelection.assets(*by_domain),
        description="All stages of one tool domain, from its tools to its verified dialogues.",
        tags={WHOLE_DOMAIN_TAG: "true"},
    )
    dataset = dg.define_asset_job(
        DATASET_JOB,
        selection=dg.AssetSelection.assets(*DATASET_ASSETS) - full,
        description="Splits, exports and the dataset card, over all domains.",
    )
    check = dg.define_asset_job(
        CHECK_JOB, selection=full, description="Every check over everything stored; makes no model call."
    )
    measure = dg.define_asset_job(
        MEASURE_JOB,
        selection=dg.AssetSelection.assets(*MEASURING_ASSETS),
        description="Metrics of what the home holds now, over all domains; makes no model call.",
    )
    simulate = dg.define_asset_job(
        SIMULATE_JOB,
        selection=dg.AssetSelection.assets(*baseline),
        description="The baseline of one tool domain, over the task specs there are.",
    )
    return dg.Definitions(
        assets=[*by_domain, *over_domains, *baseline],
        asset_checks=FULL_CHECKS,
        jobs=[generate, dataset, measure, check, *([simulate] if baseline else [])],
        sensors=[pool_sensor(generate), dataset_sensor(generate, dataset), automation_sensor(by_domain)],
        schedules=[nightly_regeneration(generate, settings), weekly_full_check(check, settings)],
        resources={"toolace": toolace_of(home)},
        executor=dg.multiprocess_executor if settings.executor == "multiprocess" else dg.in_process_executor,
        metadata=location_metadata(),
    )


defs = build_definitions()
