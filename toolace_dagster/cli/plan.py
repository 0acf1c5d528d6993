"""``toolace plan``: what a run would make, why, and what it would cost.

Belongs here: what is printed. Does not belong here: finding it (``pipeline.regeneration``),
or pricing (``pipeline.estimate``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from toolace_dagster.cli.console import complain, say, say_json, show_table
from toolace_dagster.cli.domains import choose_domains
from toolace_dagster.cli.pool import open_pool, print_notes
from toolace_dagster.cli.preset import RunOptions
from toolace_dagster.llm.money import PriceError
from toolace_dagster.pipeline.estimate.foresight import foresee
from toolace_dagster.pipeline.regeneration import DomainPlan, plan_domain
from toolace_dagster.warehouse import Warehouse


def show_plan(options: RunOptions, *, as_json: bool) -> int:
    """Look ahead and print what was found.

    Args:
        options: Those of the run.
        as_json: A JSON object for each dialogue, and nothing else.

    Returns:
        Exit code: 0, 1 when the pool can't be read, 2 when the price file can't.
    """
    settings, warehouse = options.settings, Warehouse(options.home)
    pool = open_pool(settings)
    if pool is None:
        return 1
    if not as_json:
        print_notes(pool.notes)
    chosen, _ = choose_domains(pool, options.domains, warehouse)
    if not chosen:
        return 1
    plans = [plan_domain(pool.domain(name), settings, warehouse) for name in chosen]
    if as_json:
        for plan in plans:
            for stale in plan.stale:
                say_json(asdict(stale))
        return 0
    _show(plans)
    if not any(plan.stale for plan in plans):
        return 0
    try:
        estimate, words = foresee(plans, settings, warehouse)
    except PriceError as error:
        complain(str(error))
        return 2
    say(words)
    if estimate is not None:
        say("`toolace estimate` says more.")
    return 0


def _show(plans: Sequence[DomainPlan]) -> None:
    wanted = sum(plan.wanted for plan in plans)
    stale = [each for plan in plans for each in plan.stale]
    say(f"{len(plans)} domains, {wanted:,} dialogues: {wanted - len(stale):,} stand, {len(stale):,} are to be made.")
    counts = Counter((each.domain, each.from_stage, ", ".join(each.causes)) for each in stale)
    examples = {(each.domain, each.from_stage, ", ".join(each.causes)): each.dialogue_id for each in reversed(stale)}
    rows = [(*key, count, examples[key]) for key, count in counts.items()]
    if rows:
        show_table("To be made", ("domain", "from stage", "because of", "dialogues", "such as"), rows)
    dropped = [name for plan in plans for name in plan.dropped]
    if dropped:
        say(f"{len(dropped):,} dialogues are not asked for any more, such as {dropped[0]}; they stay as past rows.")
