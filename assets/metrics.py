"""Assets that measure a home: metrics of its dialogues, and the report.

Belongs here: the assets and what Dagster shows of them. Does not belong here: measuring
(``toolace_dagster.metrics``), or what the report says (``reporting.report``).
"""

from typing import Any

import dagster as dg
from pydantic import Field

from toolace_dagster.entities import content_hash
from toolace_dagster.metrics import METRICS, EntailmentError, MetricRow, keep_metrics
from toolace_dagster.metrics.catalogue import written
from toolace_dagster.orchestration.materialize import Materialized
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.rating import with_ratings
from toolace_dagster.reporting.markdown import table
from toolace_dagster.reporting.report import NothingMade, report_facts, report_html, report_markdown

_GROUP = "stage_5_measurements"


class MeasuringConfig(dg.Config):
    """How coherence and self-BLEU are measured.

    Attributes:
        entailment: A model of entailment: ``path/to/file.py`` or ``package.module``, with ``:function`` where that is
            not ``entails``. Empty means the lexical proxy alone.
        sample: Dialogues of a domain, or of all, over which both are measured.
    """

    entailment: str = ""
    sample: int = Field(default=200, ge=2)


@dg.asset(deps=["verified_dialogues"], group_name=_GROUP, kinds={"duckdb"})
def metrics(config: MeasuringConfig, toolace: Toolace) -> Materialized:
    """Length, diversity, repetition, coverage, coherence, pass rates and cost of all dialogues, and by domain."""
    warehouse = toolace.warehouse()
    try:
        rows = keep_metrics(
            warehouse, entailment=config.entailment or None, sample=config.sample, completed=with_ratings
        )
    except EntailmentError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return dg.MaterializeResult(
        metadata={"dagster/row_count": len(rows), **_figures(rows), **_tables(rows)},
        data_version=dg.DataVersion(content_hash([list(vars(row).values()) for row in rows])),
    )


def _figures(rows: list[MetricRow]) -> dict[str, Any]:
    """Figures over all domains as numbers, which Dagster plots over time."""
    found: dict[str, Any] = {}
    for row in rows:
        if row.domain is None and row.part is None:
            name = row.metric if row.over == "accepted" or row.metric == "pass_rate" else f"{row.metric}_attempted"
            found[name] = dg.MetadataValue.float(round(row.value, 6))
    return found


def _tables(rows: list[MetricRow]) -> dict[str, Any]:
    whole = [row for row in rows if row.part is None]
    by_metric = [
        {"metric": metric.title} | {over: _cell(whole, name, None, over) for over in ("attempted", "accepted")}
        for name, metric in METRICS.items()
    ]
    domains = list(dict.fromkeys(row.domain for row in rows if row.domain))
    by_domain = [
        {"metric": metric.title} | {domain: _cell(whole, name, domain, "accepted") for domain in domains}
        for name, metric in METRICS.items()
    ]
    checks = [
        {"check": row.part, "looked at": row.count, "pass": written("share", row.value)}
        for row in rows
        if row.domain is None and row.metric == "check_pass_rate"
    ]
    return {
        "all_domains": dg.MetadataValue.md(table(by_metric)),
        "by_domain_accepted": dg.MetadataValue.md(table(by_domain)),
        "pass_rate_by_check": dg.MetadataValue.md(table(checks)),
    }


def _cell(rows: list[MetricRow], metric: str, domain: str | None, over: str) -> str:
    wanted = (metric, domain, over)
    return next((written(METRICS[metric].unit, r.value) for r in rows if (r.metric, r.domain, r.over) == wanted), "")


@dg.asset(deps=["metrics"], group_name=_GROUP, kinds={"html"})
def report(toolace: Toolace) -> Materialized:
    """One page of the metrics with plots, beside the paper's figures and beside other methods."""
    warehouse = toolace.warehouse()
    try:
        facts = report_facts(warehouse)
    except NothingMade as nothing:
        raise dg.Failure(description=str(nothing), allow_retries=False) from nothing
    html, markdown = report_html(facts), report_markdown(facts)
    warehouse.reports.mkdir(parents=True, exist_ok=True)
    path = warehouse.reports / "report.html"
    path.write_text(html, encoding="utf-8")
    path.with_suffix(".md").write_text(markdown, encoding="utf-8")
    return dg.MaterializeResult(
        metadata={
            "path": dg.PathMetadataValue(str(path)),
            "report": dg.MetadataValue.md(markdown),
            "methods": len(facts.methods),
            "experiments": len(facts.experiments),
        },
        data_version=dg.DataVersion(content_hash(markdown)),
    )


MEASURING_ASSETS: list[dg.AssetsDefinition] = [metrics, report]
