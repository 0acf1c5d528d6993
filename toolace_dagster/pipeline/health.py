"""Whether what a domain holds is what one would expect: pass rate, repetition, pool, money.

Faults here are warnings: data is not wrong, but someone should look. Belongs here:
checks of a domain as a whole. Does not belong here: whether rows are sound
(``checks``), and checks of a single dialogue (``verification``).
"""

from __future__ import annotations

from collections import Counter
from math import sqrt

from toolace_dagster.entities import ToolDomain
from toolace_dagster.llm.money import dollars
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.spending import limits_of
from toolace_dagster.warehouse import sql

ENOUGH = 10
"""Decided dialogues from which on a run's pass rate says something."""
_RUNS = 5
_TIGHT = 0.8
_REJECTED = 0.05
_FEW_TOOLS = 3


def pass_rate_faults(context: StageContext) -> list[str]:
    """Compare this run's pass rate with that of the runs before.

    Returns:
        A fault when it is lower than the mean of the last five runs by more than chance (two standard errors) and
        ten percentage points.
    """
    runs = context.store.read(sql("queries/pass_rates"), {"enough": ENOUGH})
    own = next((run for run in runs if run["run_id"] == context.run_id), None)
    before = [run for run in runs if run["run_id"] != context.run_id][-_RUNS:]
    if own is None or not before:
        return []
    decided = sum(run["decided"] for run in before)
    usual = sum(run["pass_rate"] * run["decided"] for run in before) / decided
    error = sqrt(usual * (1 - usual) * (1 / own["decided"] + 1 / decided))
    if usual - own["pass_rate"] <= max(0.1, 2 * error):
        return []
    return [
        f"{own['pass_rate']:.0%} of {own['decided']} dialogues passed, and {usual:.0%} in the last {len(before)} runs. "
        f"`toolace why --domain {context.domain}` shows what they failed by"
    ]


def repetition_faults(context: StageContext) -> list[str]:
    """Find verified dialogues whose user says the very same as another's.

    Returns:
        A fault for each.
    """
    return [
        f"the user of {row['dialogue_id']} says the same as that of {row['original']}; a lower setting "
        "near_duplicate rejects the later one"
        for row in context.store.read(sql("queries/same_words"))
    ]


def budget_faults(context: StageContext) -> list[str]:
    """Say when most of what a run, with the others of its launch, may spend is spent.

    Returns:
        A fault for each limit of which four fifths are used up.
    """
    limits = limits_of(context.settings)
    if not limits:
        return []
    spent = context.budget.spent
    used = {
        "max_cost": (spent.cost, limits.max_cost, dollars),
        "max_tokens_total": (spent.tokens, limits.max_tokens_total, "{:,}".format),
        "max_calls": (spent.calls, limits.max_calls, "{:,}".format),
    }
    return [
        f"{words(amount)} of {words(limit)} that {name} allows are spent; when the rest is, the run stops in between"
        for name, (amount, limit, words) in used.items()
        if limit is not None and amount >= _TIGHT * limit
    ]


def pool_faults(domain: ToolDomain) -> list[str]:
    """Look for what makes a domain's tools poor material.

    Args:
        domain: The domain as loaded.

    Returns:
        Faults in words, each with the mend.
    """
    statuses = Counter(note.status for note in domain.notes)
    entries = statuses["accepted"] + statuses["repaired"] + statuses["rejected"]
    silent = sorted(tool.name for tool in domain.tools if not tool.description.strip())
    faults: list[str] = []
    if entries and statuses["rejected"] > _REJECTED * entries:
        faults.append(f"{statuses['rejected']} of {entries} entries were rejected; `toolace pool check` says why")
    if silent:
        faults.append(f"no description: {', '.join(silent[:10])}; a model can only guess what they do")
    if len(domain.tools) < _FEW_TOOLS:
        faults.append(f"{len(domain.tools)} tools make few different tasks; add some, or merge domains in domains.toml")
    return faults
