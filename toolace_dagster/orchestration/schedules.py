"""Schedules: nightly regeneration of what is stale, and a weekly check of everything. Both are off until switched on.

Belongs here: when they run and what they request. Does not belong here: what is stale
(``pipeline.staleness``), or the checks (``assets.checks``).
"""

# pyright: reportUnknownMemberType=false
# Signatures of Dagster's decorators have unknown parts.

from typing import TYPE_CHECKING
from uuid import uuid4

import dagster as dg

from toolace_dagster.llm.money import counted
from toolace_dagster.orchestration.instance import register_domains
from toolace_dagster.orchestration.resources import LAUNCH_TAG, Toolace
from toolace_dagster.orchestration.workers import domains_under_way
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.pipeline.staleness import first_stale
from toolace_dagster.reporting.import_notes import first_notes
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import PoolError

NIGHTLY = "nightly_regeneration"
WEEKLY = "weekly_full_check"

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job


def nightly_regeneration(generate: "Job", settings: Settings) -> dg.ScheduleDefinition:
    """Make the schedule that regenerates what is stale: one run for each domain that has something to make.

    A domain of which the home holds nothing is left to a run that somebody asks for: nobody has agreed to pay for it.

    Args:
        generate: The job that makes a domain.
        settings: They say when.
    """

    @dg.schedule(
        name=NIGHTLY,
        job=generate,
        cron_schedule=settings.nightly_cron,
        execution_timezone=settings.cron_timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="A run for each tool domain that was made before and has stale rows. "
        "When: nightly_cron in the settings.",
    )
    def schedule(context: dg.ScheduleEvaluationContext, toolace: Toolace) -> list[dg.RunRequest] | dg.SkipReason:
        warehouse, settings = toolace.warehouse(), toolace.effective_settings()
        try:
            pool = configured_pool(settings)
        except PoolError as error:
            return dg.SkipReason(f"The pool can't be read: {error}")
        if pool.unread:
            # Tools that are there no more, or again, make dialogues stale of all domains that borrow them.
            lines = first_notes(pool.unread)
            return dg.SkipReason(f"What is stale can't be told while a part of the pool can't be read: {lines}")
        domains = [domain for domain in pool.domains if domain.tools]
        register_domains(context.instance, [domain.name for domain in domains])
        requests: list[dg.RunRequest] = []
        # All runs of one night share one budget.
        launch = uuid4().hex
        # Another run of these would fail; what it leaves stale is found the next night.
        busy = domains_under_way(context.instance)
        held = set(warehouse.domains())
        for domain in domains:
            if domain.name in busy or domain.name not in held:
                continue
            found = first_stale(StageContext(domain.name, settings, warehouse, run_id=""), domain)
            if found is not None:
                tags = {LAUNCH_TAG: launch, "toolace/stale_from": found.stage, "toolace/stale_rows": str(found.rows)}
                requests.append(dg.RunRequest(run_key=f"{launch}-{domain.name}", partition_key=domain.name, tags=tags))
        never = sum(domain.name not in held and domain.name not in busy for domain in domains)
        told = f"{counted(never, 'domain')} never made before: make them once, by hand" if never else ""
        if requests and told:
            context.log.info(told)
        return requests or dg.SkipReason("; ".join(filter(None, ("Nothing is stale that no run works on", told))))

    return schedule


def weekly_full_check(full_check: "Job", settings: Settings) -> dg.ScheduleDefinition:
    """Make the schedule that runs every check over everything stored.

    Args:
        full_check: The job that runs the checks.
        settings: They say when.
    """
    return dg.ScheduleDefinition(
        name=WEEKLY,
        job=full_check,
        cron_schedule=settings.weekly_cron,
        execution_timezone=settings.cron_timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="All asset checks that look over the whole home; no model call. When: weekly_cron in the settings.",
    )
