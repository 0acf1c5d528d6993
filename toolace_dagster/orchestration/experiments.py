"""Experiments as Dagster sees them: making arms inside a step, and telling of those that the command line made.

Belongs here: settings of such a run, failures, metadata. Does not belong here: the
assets (``assets.experiments``), or what an arm is (``experiments``).
"""

from collections.abc import Sequence

import dagster as dg

from toolace_dagster.configuration.values import flat
from toolace_dagster.entities import content_hash
from toolace_dagster.experiments.declared import ORDER, Arm, Experiment, arm_settings
from toolace_dagster.experiments.homes import arm_home
from toolace_dagster.experiments.making import Undertaking, alone, last_undertaking, make_domain, write_settings
from toolace_dagster.experiments.measures import ArmResult, measure, read_results
from toolace_dagster.experiments.pages import arm_row
from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.orchestration.materialize import LIMIT_KEY, Materialized, progress_events
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.orchestration.run_settings import SETTINGS_KEY, log_arm_settings
from toolace_dagster.pipeline.interrupts import orderly_interrupts
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.reporting.markdown import table
from toolace_dagster.settings import Settings

GROUP = "stage_6_experiments"


def asset_name(experiment: Experiment) -> str:
    """The asset of an experiment."""
    return f"{experiment.name}_experiment"


def materialize_arms(context: dg.AssetExecutionContext, toolace: Toolace, experiment: Experiment) -> Materialized:
    """Make and measure the arm that is the run's partition, and first the arms it goes on from.

    Args:
        context: Of the asset.
        toolace: Home and settings. Without settings of its own, a run goes on with those the experiment was last made
            with.
        experiment: The experiment.

    Raises:
        dagster.Failure: If a domain of an arm could not be made; what was paid for is kept.
    """
    undertaking = _undertaking(toolace, experiment, context.partition_key)
    arm = experiment.arm(context.partition_key, undertaking.domains)
    # Those stand mostly, and then cost nothing.
    order = undertaking.chain(arm)
    launch = context.run.run_id
    log_arm_settings(context.instance, context.run, arm_settings(undertaking.basis, arm))
    with orderly_interrupts(), alone(undertaking):
        write_settings(undertaking)
        for domain in undertaking.domains_of(arm):
            end = make_domain(undertaking, order, domain, launch, progress_events(context))
            if end.error:
                metadata = {LIMIT_KEY: dg.MetadataValue.text(end.limit)} if end.limit else {}
                raise dg.Failure(description=f"{domain}: {end.error}", metadata=metadata, allow_retries=False)
        for unfinished in measure(undertaking, [arm]):
            raise dg.Failure(description=str(unfinished), allow_retries=False)
    results = [each for each in read_results(undertaking.home, experiment.name) if each.name == arm.name]
    return dg.MaterializeResult(metadata=_metadata(undertaking, arm, results), data_version=_version(results))


def report_arms(undertaking: Undertaking) -> None:
    """Tell the home's Dagster instance of the arms that the command line made, as materializations.

    An experiment of the user's own has no asset, so there is nothing to tell of it.
    """
    if undertaking.experiment.name not in ORDER:
        return
    results = {each.name: each for each in read_results(undertaking.home, undertaking.experiment.name)}
    with open_instance(undertaking.home) as instance:
        if undertaking.experiment.arm_by_domain:
            register_domains(instance, undertaking.domains)
        # An arm that was not finished has no figures.
        for arm in (each for each in undertaking.arms if each.name in results):
            mine = [results[arm.name]]
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    asset_name(undertaking.experiment),
                    partition=arm.name,
                    metadata=_metadata(undertaking, arm, mine),
                    tags={"dagster/data_version": _version(mine).value},
                )
            )


def _undertaking(toolace: Toolace, experiment: Experiment, partition: str) -> Undertaking:
    home = toolace.warehouse()
    last = None if toolace.settings else last_undertaking(home, experiment)
    if last is not None:
        if experiment.arm_by_domain and partition not in last.domains:
            return Undertaking(home, experiment, last.basis, (*last.domains, partition))
        return last
    settings = toolace.effective_settings()
    basis = experiment.basis(settings, _set_by_somebody(settings))
    domains = tuple(domain.name for domain in configured_pool(basis).domains if domain.tools)
    return Undertaking(home, experiment, basis, domains)


def _set_by_somebody(settings: Settings) -> list[str]:
    """Names of the settings that differ from their defaults."""
    defaults = dict(flat(Settings().model_dump(mode="json")))
    return [name for name, value in flat(settings.model_dump(mode="json")) if defaults.get(name) != value]


def _metadata(undertaking: Undertaking, arm: Arm, results: Sequence[ArmResult]) -> dict[str, dg.MetadataValue]:
    home = arm_home(undertaking.home, undertaking.experiment, arm).home
    # A figure a line: in one row they are wider than the page.
    lines = [{"figure": name, "value": value} for each in results for name, value in arm_row(each).items()]
    return {
        "figures": dg.MetadataValue.md(table(lines)),
        "home": dg.PathMetadataValue(str(home)),
        SETTINGS_KEY: dg.MetadataValue.json(arm_settings(undertaking.basis, arm).model_dump(mode="json")),
    }


def _version(results: Sequence[ArmResult]) -> dg.DataVersion:
    return dg.DataVersion(content_hash([[each.name, dict(each.figures)] for each in results], length=16))
