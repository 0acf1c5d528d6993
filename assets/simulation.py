"""Assets of the baseline: dialogues that agents play turn by turn.

Where the method is simulation, one asset takes the place of skeletons and rounds. Where
the baseline is compared with, three assets make it in a home below the home's own.

Belongs here: these assets. Does not belong here: the agents (``toolace_dagster.simulation``),
or what the other home takes over (``pipeline.simulation_home``).
"""

import dagster as dg

from toolace_dagster.orchestration.materialize import Materialized, materialize_stage, stage_checks
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.orchestration.run_settings import keep_settings
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.simulation_home import simulation_context, take_task_specs, write_settings
from toolace_dagster.pipeline.stage import Stage
from toolace_dagster.pipeline.stages import SimulatedDialogues, Verification, VerifiedDialogues
from toolace_dagster.settings import Settings

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


def baseline_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Make the assets of the baseline beside the other method, over the same task specs.

    Args:
        settings: Those that count in the home.
    """
    verification, copies = (kind(settings.rounds, "simulation") for kind in (Verification, VerifiedDialogues))
    last = "simulation_verification"
    return [
        _beside("simulated_dialogues", SimulatedDialogues(), "task_specs", "Agents play each task turn by turn."),
        _beside(last, verification, "simulated_dialogues", "The same verification."),
        _beside("simulation_verified_dialogues", copies, last, "The dialogues that passed."),
    ]


def _beside(name: str, stage: Stage, before: str, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=name,
        partitions_def=TOOL_DOMAINS,
        deps=[before],
        group_name=GROUP,
        kinds={"duckdb"} if isinstance(stage, VerifiedDialogues) else {"duckdb", "openai"},
        check_specs=stage_checks(name),
        description=f"The baseline, in the folder simulation of the home. {description}",
    )
    def made(context: dg.AssetExecutionContext, toolace: Toolace) -> Materialized:
        where = toolace.stage_context(context)
        if where.store.exists():
            # Beside the run's own home; that of the baseline has those of its stages.
            keep_settings(where.store, context.run, where.settings)
        return materialize_stage(context, toolace, stage, where=_baseline_of(where, stage))

    return made


def _baseline_of(where: StageContext, stage: Stage) -> StageContext:
    beside = simulation_context(where)
    if isinstance(stage, SimulatedDialogues):
        take_task_specs(where.warehouse, beside.warehouse, where.domain)
        write_settings(beside.warehouse, beside.settings)
    return beside
