"""What a plan will cost by past runs, in a sentence, with what speaks against it.

Belongs here: those words, for the command line and for a run's metadata. Does not belong
here: what is stale (``pipeline.regeneration``), or the arithmetic (``figures``).
"""

from __future__ import annotations

from collections.abc import Sequence

from toolace_dagster.llm.money import dollars, load_prices
from toolace_dagster.pipeline.estimate.evidence import Evidence, nearest_evidence
from toolace_dagster.pipeline.estimate.figures import Estimate, make_estimate
from toolace_dagster.pipeline.estimate.work import work_of
from toolace_dagster.pipeline.regeneration import DomainPlan
from toolace_dagster.settings import OFFLINE_MODEL, Settings
from toolace_dagster.warehouse import Warehouse


def foresee(plans: Sequence[DomainPlan], settings: Settings, warehouse: Warehouse) -> tuple[Estimate | None, str]:
    """Forecast what plans will cost.

    Args:
        plans: By domain.
        settings: Settings of the run.
        warehouse: The home.

    Returns:
        The estimate and a sentence or two; None and why not where past runs tell nothing.

    Raises:
        PriceError: If the user's price file is none.
    """
    if not any(plan.stale for plan in plans):
        return None, "Nothing is stale: no model call."
    evidence = nearest_evidence(warehouse, [plan.domain for plan in plans], settings)
    if evidence is None:
        return None, "What it will cost is not known from past runs; `toolace estimate` rehearses it."
    estimate = make_estimate([work_of(plan) for plan in plans], evidence, settings, load_prices(settings.prices))
    whole = estimate.whole
    cost = "unknown, for want of a price" if whole.live is None else dollars(whole.live.value)
    between = f"{whole.calls.low:,.0f} to {whole.calls.high:,.0f} with a probability of 90 %"
    words = f"By past runs that takes {whole.calls.value:,.0f} calls ({between}) and costs {cost}."
    return estimate, " ".join([words, *_caveats(evidence, settings)])


def _caveats(evidence: Evidence, settings: Settings) -> list[str]:
    models = ", ".join(sorted(evidence.models))
    found: list[str] = []
    if evidence.kind == "unlike":
        found.append("These runs had other settings, so it is a rough figure; stages they did not have are left out.")
    if evidence.kind == "other":
        found.append(f"They were answered by {models}; another model's replies may be far shorter or longer.")
    asked = {model.model for model in settings.models.values()}
    if OFFLINE_MODEL in evidence.models - asked:
        found.append("The offline model's tokens are taken as four characters each.")
    return found
