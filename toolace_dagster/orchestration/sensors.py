"""Sensors: what watches the pool, and what follows a run. All are off until they are switched on.

Belongs here: sensors and what they request. Does not belong here: schedules
(``schedules``), or conditions on single assets (``automation``).
"""

# pyright: reportUnknownMemberType=false
# Signatures of Dagster's decorators have unknown parts.

import json
from typing import TYPE_CHECKING, cast
from uuid import uuid4

import dagster as dg

from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.orchestration.resources import LAUNCH_TAG, Toolace
from toolace_dagster.orchestration.sync import registered_domains
from toolace_dagster.orchestration.workers import domains_under_way, runs_under_way
from toolace_dagster.pipeline.exports import dataset_is_stale
from toolace_dagster.pipeline.pool import configured_pool, own_fingerprint
from toolace_dagster.pipeline.stages import VERIFIED_STAGE
from toolace_dagster.pipeline.sync import mark_domains, pool_drift
from toolace_dagster.reporting.import_notes import first_notes
from toolace_dagster.tool_pool import PoolError

POOL_SENSOR = "tool_pool_sensor"
DATASET_SENSOR = "dataset_sensor"
_UNREAD = "No domain is retired and no run asked for while a part of the pool can't be read"
_VERIFIED = dg.AssetKey(VERIFIED_STAGE)

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job


def pool_sensor(generate: "Job") -> dg.SensorDefinition:
    """Make the sensor that watches the pool.

    A domain that appears becomes a partition and is generated; one that goes loses its partition and keeps its data;
    one that changed is generated again, which remakes only the dialogues that offer what changed. What stands in
    the pool when the sensor is first switched on is taken as it is: only domains of which the home holds an earlier
    state are requested then. One that a run works on is requested once that has ended.

    While a part of the pool can't be read, nothing is retired and nothing requested: it may hold the domain that is
    missing, the tools that others borrow, or what the user leaves out.

    Args:
        generate: The job that makes a domain.
    """

    @dg.sensor(
        name=POOL_SENSOR,
        job=generate,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Adds and retires partitions as tool domains come and go, and requests runs for changed ones.",
    )
    def sensor(context: dg.SensorEvaluationContext, toolace: Toolace) -> dg.SensorResult | dg.SkipReason:
        warehouse, settings = toolace.warehouse(), toolace.effective_settings()
        try:
            pool = configured_pool(settings)
        except PoolError as error:
            # A pool that can't be read for a moment must not retire every domain.
            return dg.SkipReason(f"The pool can't be read: {error}")
        drift = pool_drift(pool, warehouse)
        known = cast("dict[str, str] | None", json.loads(context.cursor) if context.cursor else None)
        now = {domain.name: own_fingerprint(domain) for domain in pool.domains if domain.tools}
        if known is None:
            stale = list(drift.changed)
        else:
            stale = [name for name, fingerprint in now.items() if known.get(name) != fingerprint]
        # A second run of a domain would fail.
        busy = domains_under_way(context.instance) & set(stale)
        waiting = set(stale) if drift.unread else busy
        mark_domains(drift, warehouse)
        registered = registered_domains(context.instance)
        new = sorted(now.keys() - registered - set(drift.doubtful))
        gone = [] if drift.unread else sorted(registered - now.keys())
        requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
        if new:
            requests.append(TOOL_DOMAINS.build_add_request(new))
        if gone:
            requests.append(TOOL_DOMAINS.build_delete_request(gone))
        # All runs of one tick share one budget. A key is never run twice, and a domain may well go back to what it was.
        launch = uuid4().hex
        tags = {LAUNCH_TAG: launch}
        runs = [
            dg.RunRequest(run_key=f"{launch}-{name}", partition_key=name, tags=tags)
            for name in stale
            if name not in waiting
        ]
        # A domain that can't be read for a moment has not changed when it can be again.
        seen = (known or {}) | now if drift.unread else now
        # What such a domain was stays in the cursor, so that a later tick asks for it.
        seen = seen | {name: (known or {}).get(name, "") for name in waiting}
        told = f"Asked for once their runs have ended: {', '.join(sorted(busy))}" if busy else ""
        if drift.unread:
            told = f"{_UNREAD}: {first_notes(drift.unread)}"
            told += f" Asked for then: {', '.join(sorted(waiting))}" if waiting else ""
        if told and runs:
            context.log.warning(told)
        return dg.SensorResult(
            run_requests=runs,
            skip_reason=told if told and not runs else None,
            dynamic_partitions_requests=requests,
            # The first look at a pool is one at all of it.
            cursor=None if known is None and drift.unread else json.dumps(seen),
        )

    return sensor


def dataset_sensor(generate: "Job", build_dataset: "Job") -> dg.SensorDefinition:
    """Make the sensor that brings splits, exports and card up to date once no domain is being generated any more.

    It goes by what was made, not by how a run ended: whoever launched it, and if the last of several failed too.

    Args:
        generate: The job that makes a domain.
        build_dataset: The job that makes what spans domains.
    """

    @dg.sensor(
        name=DATASET_SENSOR,
        job=build_dataset,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Builds splits, exports and the dataset card when the last of several domains is done.",
    )
    def sensor(context: dg.SensorEvaluationContext, toolace: Toolace) -> dg.SensorResult | dg.SkipReason:
        latest = context.instance.get_latest_materialization_event(_VERIFIED)
        if latest is None:
            return dg.SkipReason("No domain was made yet")
        seen = f"{latest.run_id} {latest.timestamp}"
        if seen == context.cursor:
            return dg.SkipReason("No domain was made since the last look")
        under_way = runs_under_way(context.instance)
        busy = sum(
            run.job_name == generate.name or _VERIFIED in (run.asset_selection or frozenset()) for run in under_way
        )
        if busy:
            return dg.SkipReason(f"{busy} domains are still being generated")
        if not dataset_is_stale(toolace.warehouse(), toolace.effective_settings()):
            return dg.SensorResult(skip_reason="The dataset stands as the verified dialogues ask for", cursor=seen)
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)

    return sensor
