"""``toolace metrics``: the figures of a home as tables.

Belongs here: printing them. Does not belong here: measuring (``toolace_dagster.metrics``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import duckdb

from toolace_dagster.cli.console import complain, say, say_json, show_table
from toolace_dagster.llm.money import counted
from toolace_dagster.metrics import METRICS, EntailmentError, MetricRow, figure, keep_metrics
from toolace_dagster.metrics.catalogue import written
from toolace_dagster.metrics.keeping import home_method
from toolace_dagster.rating import with_ratings
from toolace_dagster.reporting.report.facts import stage_order
from toolace_dagster.warehouse import Warehouse

_USAGE = ("calls", "prompt_tokens", "cached_tokens", "completion_tokens", "cost")
_BY_DOMAIN = ("user_turns", "calls_per_user_turn", "distinct_3", "self_bleu", "shape_repetition", "coherence_lexical")


def show_metrics(home: Path, domain: str | None, entailment: str | None, sample: int, *, as_json: bool) -> int:
    """Measure a home, keep the figures in its table ``metrics``, and print them.

    Args:
        home: Home folder.
        domain: Tool domain to show; None shows all together.
        entailment: A user's model of entailment.
        sample: Dialogues over which self-BLEU and coherence are measured.
        as_json: Print everything as JSON.

    Returns:
        Exit code: 1 when there is nothing to measure or a model can't be used.
    """
    warehouse = Warehouse(home)
    if not warehouse.domains():
        complain(f"{home} holds nothing yet. `toolace run` makes something; --home names another folder.")
        return 1
    if domain is not None and domain not in warehouse.domains():
        complain(f"{home} has no domain {domain!r}. There are {', '.join(warehouse.domains())}.")
        return 1
    try:
        rows = keep_metrics(warehouse, entailment=entailment, sample=sample, completed=with_ratings)
    except EntailmentError as error:
        complain(str(error))
        return 1
    except duckdb.IOException:
        complain(f"a run is writing {home}. Measure when it has ended.")
        return 1
    if as_json:
        say_json({"home": str(home), "method": home_method(warehouse), "metrics": [asdict(row) for row in rows]})
        return 0
    _print(rows, domain, warehouse.domains())
    return 0


def _print(rows: Sequence[MetricRow], domain: str | None, domains: Sequence[str]) -> None:
    shown = [row for row in rows if row.domain == domain]
    table: list[tuple[str, ...]] = []
    group = ""
    for name, metric in METRICS.items():
        values = {row.over: row for row in shown if row.metric == name and row.part is None}
        if metric.group == "Cost" or not values:
            continue
        cells = [
            written(metric.unit, values[over].value) if over in values else "-" for over in ("attempted", "accepted")
        ]
        table.append((metric.group if metric.group != group else "", metric.title, *cells))
        group = metric.group
    show_table(f"Metrics, {domain or 'all domains'}", ("", "metric", "attempted", "accepted"), table)
    injections = [row for row in shown if row.metric == "injection_share" and row.over == "accepted"]
    _table(
        "Accepted dialogues with an injection", ("injection", "share"), [(r.part, f"{r.value:.0%}") for r in injections]
    )
    checks = sorted(
        (row for row in shown if row.metric == "check_pass_rate"), key=lambda row: (row.value, row.part or "")
    )
    _table("Pass rate by check", ("check", "looked at", "pass"), [(r.part, r.count, f"{r.value:.1%}") for r in checks])
    columns = ("stage", *(METRICS[name].title.lower() for name in _USAGE))
    stages = sorted({row.part for row in shown if row.metric == "calls" and row.part}, key=stage_order)
    usage = [(stage or "all", *(_cell(shown, name, stage, domain) for name in _USAGE)) for stage in (*stages, None)]
    _table("For each accepted dialogue, rejected ones' calls included", columns, usage if stages else [])
    for row in shown:
        if row.metric == "calls_left_out":
            method = (row.part or "").replace("_", " ")
            calls = counted(row.count, "call")
            say(f"Left out: {calls} of the method {method}, which the home was switched from.")
    if domain is None and len(domains) > 1:
        by_domain = [(name, *(_cell(rows, metric, None, name) for metric in _BY_DOMAIN)) for name in domains]
        _table(
            "By domain, accepted dialogues",
            ("domain", *(METRICS[name].title.lower() for name in _BY_DOMAIN)),
            by_domain,
        )


def _cell(rows: Sequence[MetricRow], metric: str, part: str | None, domain: str | None) -> str:
    value = figure(rows, metric, part=part, domain=domain)
    return "-" if value is None else written(METRICS[metric].unit, value)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if rows:
        say("")
        show_table(title, columns, rows)
