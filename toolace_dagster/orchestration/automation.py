"""Declarative automation: what makes Dagster bring a domain up to date by itself. Off until it is switched on.

Belongs here: code versions and conditions of stage assets, and the sensor that evaluates them. Does not belong here:
which rows are stale (``pipeline.freshness``): a run that was requested in vain finds nothing to make and pays nothing.
"""

# pyright: reportUnknownMemberType=false
# Signatures of Dagster's conditions and specs have unknown parts.

from collections.abc import Iterable

import dagster as dg

from toolace_dagster.entities import content_hash
from toolace_dagster.orchestration.resources import GRAPH_SETTINGS
from toolace_dagster.pipeline.plans import DRAWN_BY
from toolace_dagster.pipeline.pool import STAGE
from toolace_dagster.pipeline.stage import Stage
from toolace_dagster.pipeline.stages import RefinementRound, TaskSpecs, domain_stages
from toolace_dagster.settings import Settings

AUTOMATION = "automation"
WHOLE_DOMAIN_TAG = "toolace/whole_domain"
"""Tag of runs of the job that makes all stages of a domain."""
_PLANNED_BY = (*DRAWN_BY, "dialogues", "attempts", "target")
"""Settings that decide which task specs there should be, and the plans they follow."""


def code_versions(settings: Settings) -> dict[str, str]:
    """Code version of each stage asset: a hash of the code, prompts, settings and models its rows are made with.

    Args:
        settings: Those that count in the home. What differs between domains (tools, and what runs them) is no part.
    """
    return {stage.name: _code_version(stage, settings) for stage in domain_stages(settings)}


def _code_version(stage: Stage, settings: Settings) -> str:
    parts = dict(stage.shared_version(settings))
    if isinstance(stage, TaskSpecs):
        # Which rows there should be, and what is drawn for them, is decided by settings alone too.
        parts["settings"] = [parts["settings"], settings.of(*_PLANNED_BY)]
    if isinstance(stage, RefinementRound):
        # Rows go by what is injected in their round, which follows from the number of rounds.
        parts["settings"] = [parts["settings"], settings.rounds]
    return content_hash(stage.name, parts, length=12)


def upkeep() -> dg.AutomationCondition[dg.AssetKey]:
    """The condition of a stage asset: something it is made from has changed since it was last made or requested.

    Edge-triggered: what stands when the sensor is first switched on is taken as it is, one change makes one request,
    and a run that failed isn't requested again and again. Only for domains that were made before, by a person or by
    the sensor that follows the pool: nobody pays for a domain that nobody asked for.
    """
    condition = dg.AutomationCondition
    # What a run made that was to make this asset too is that run's matter: where a budget stopped it half-way, another
    # request would go round the budget. A run of a job names no assets; its tag says that it was to make all.
    by_such_a_run = condition.executed_with_root_target() | condition.executed_with_tags(tag_keys={WHOLE_DOMAIN_TAG})
    # will_be_requested carries a request down to all later stages, in the same run.
    changed = condition.code_version_changed() | condition.any_deps_match(
        (condition.data_version_changed() & ~by_such_a_run) | condition.will_be_requested()
    )
    handled = condition.newly_requested() | condition.newly_updated() | condition.initial_evaluation()
    return (
        changed.since(handled.with_label("handled"))
        & ~condition.missing()
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    )


def with_upkeep(assets: Iterable[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """Give stage assets their code versions and conditions, and the settings that the graph goes by.

    Args:
        assets: All assets of a domain; those that are no stage stay as they are.
        settings: Settings that count in the home.
    """
    versions, condition = code_versions(settings), upkeep()

    def kept_up(spec: dg.AssetSpec) -> dg.AssetSpec:
        name = spec.key.to_user_string()
        # What the graph goes by, so that a run for another one can be told.
        graph = {} if name not in {STAGE, *versions} else {each: getattr(settings, each) for each in GRAPH_SETTINGS}
        spec = spec.merge_attributes(metadata=graph)
        if name not in versions:
            return spec
        return spec.replace_attributes(code_version=versions[name], automation_condition=condition)

    return [asset.map_asset_specs(kept_up) for asset in assets]


def automation_sensor(assets: Iterable[dg.AssetsDefinition]) -> dg.AutomationConditionSensorDefinition:
    """Make the sensor that evaluates the conditions.

    Args:
        assets: Assets to look after.
    """
    return dg.AutomationConditionSensorDefinition(
        name=AUTOMATION,
        target=dg.AssetSelection.assets(*assets),
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=60,
        # Several domains of one tick are one backfill, and its runs share a budget.
        emit_backfills=True,
        description=(
            "Regenerates what a changed prompt, setting, model or stage before makes stale, in domains that were "
            "made before. Reload the code location for it to see changed files."
        ),
    )
