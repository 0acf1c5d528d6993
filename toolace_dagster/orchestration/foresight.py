"""What a run will make and pay, noted in Dagster before it pays.

Belongs here: the event, and which asset of a run writes it. Does not belong here: what is stale
(``pipeline.regeneration``), or what that costs (``pipeline.estimate``).
"""

from collections import Counter
from typing import Any

import dagster as dg

from toolace_dagster.orchestration.run_settings import keep_settings
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.reporting.markdown import table


def note_plan(context: dg.AssetExecutionContext, domain: StageContext) -> None:
    """Log what the domain's run will make, why and at what cost, if this asset is the first of the run.

    The settings it goes by are kept beside.

    Args:
        context: Of the asset.
        domain: The domain, with the tools of now in its file.
    """
    from toolace_dagster.llm.money import PriceError
    from toolace_dagster.pipeline.estimate.foresight import foresee
    from toolace_dagster.pipeline.regeneration import plan_stored

    if not _is_first(context, domain):
        return
    keep_settings(domain.store, context.run, domain.settings)
    plan = plan_stored(domain)
    try:
        estimate, words = foresee([plan], domain.settings, domain.warehouse)
    except PriceError as error:
        estimate, words = None, str(error)
    counts = Counter((each.from_stage, ", ".join(each.causes)) for each in plan.stale)
    rows = [{"from stage": stage, "because of": why, "dialogues": number} for (stage, why), number in counts.items()]
    # The log of a run shows no description and the first few entries, until it is unfolded: the sentence comes first.
    metadata: dict[str, Any] = {
        "forecast": dg.MetadataValue.text(words),
        "stale": len(plan.stale),
        "wanted": plan.wanted,
        "dropped": len(plan.dropped),
        "to_be_made": dg.MetadataValue.md(table(rows)),
    }
    if estimate is not None:
        metadata["forecast_calls"] = round(estimate.whole.calls.value, 1)
    if estimate is not None and estimate.whole.live is not None:
        metadata["forecast_cost_usd"] = round(estimate.whole.live.value, 6)
    told = f"{len(plan.stale)} of {plan.wanted} dialogues are to be made. {words}"
    context.log_event(
        dg.AssetObservation(
            asset_key=context.asset_key, partition=context.partition_key, description=told, metadata=metadata
        )
    )


def _is_first(context: dg.AssetExecutionContext, domain: StageContext) -> bool:
    """Whether no asset of the domain comes before this one in the run, or in what of it is executed again."""
    from toolace_dagster.pipeline.pool import STAGE
    from toolace_dagster.pipeline.stages import domain_stages

    order = [STAGE, *(stage.name for stage in domain_stages(domain.settings))]
    chosen = context.run.asset_selection
    names = {key.to_user_string() for key in chosen} if chosen else set(order)
    if context.run.step_keys_to_execute is not None:
        names &= set(context.run.step_keys_to_execute)
    return next((name for name in order if name in names), None) == context.asset_key.to_user_string()
