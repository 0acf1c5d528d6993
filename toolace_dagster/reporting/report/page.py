"""The report as one HTML page that stands alone: no script, nothing from the network, everything escaped.

Belongs here: choosing what is plotted, and rendering. Does not belong here: geometry
(``plots``), tables (``tables``), or markup (``templates``).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from toolace_dagster.experiments.catalogue import FIGURES, VARIETY
from toolace_dagster.experiments.catalogue import cell as cell_of
from toolace_dagster.experiments.pages import conclusions, dialogues_drawn, known, made_with, plot
from toolace_dagster.metrics import METRICS
from toolace_dagster.metrics.catalogue import written
from toolace_dagster.rating import Tally
from toolace_dagster.reporting.report import statements
from toolace_dagster.reporting.report.facts import ExperimentFigures, MethodFigures, ReportFacts, stage_order
from toolace_dagster.reporting.report.paper import COLUMNS, TABLES, PaperRow, cell
from toolace_dagster.reporting.report.plots import (
    BarPlot,
    BarRow,
    ColumnPlot,
    LinePlot,
    bar_plot,
    column_plot,
    line_plot,
)
from toolace_dagster.reporting.report.tables import (
    domains_note,
    experiments_note,
    left_out,
    ratio_note,
    report_tables,
)
from toolace_dagster.reporting.report.text import models

_TILES = ("dialogues", "pass_rate", "user_turns", "calls_per_user_turn", "calls", "tokens", "cost")
_COMPARED = (
    "pass_rate",
    "calls",
    "user_turns",
    "calls_per_user_turn",
    "distinct_3",
    "self_bleu",
    "shape_repetition",
    "clarification_rate",
    "coherence_lexical",
)
_MOST_CHECKS = 12
_LEAST_SCALE = 0.1
_PLOTTED = (
    "pass_rate",
    "defective",
    "calls_per_dialogue",
    "tokens_per_dialogue",
    "cost_per_dialogue",
    "distinct_3.handed_over",
    "self_bleu.handed_over",
    "coherence_lexical.handed_over",
)
"""Figures of experiments worth a plot besides their own, in this order; the others are in the tables."""
_STEPS = (
    ("task_specs", "task specs"),
    ("skeletons", "skeletons"),
    ("refinement", "refinement"),
    ("verification", "verification"),
)


def report_html(facts: ReportFacts) -> str:
    """Write the page.

    Args:
        facts: What it says.
    """
    return (
        _environment()
        .get_template("report.html")
        .render(
            facts=facts,
            models=models,
            tiles=_tiles(facts),
            beside_paper=_beside_paper(facts),
            ratio=ratio_note(facts),
            left_out=[sentence for method in facts.methods for sentence in left_out(method)],
            side_by_side=_side_by_side(facts),
            usage=_usage_plots(facts),
            sizes=_size_plots(facts.own) if facts.own else [],
            checks=[plot for method in facts.methods if (plot := _check_plot(method))],
            domains=_domain_plots(facts),
            experiments=[_shown(each) for each in facts.experiments],
            experiments_note=experiments_note(facts),
            ratings=[_rating_plot(each) for each in facts.ratings],
            history=_history_plots(facts),
            sections=report_tables(facts),
            statements=statements,
            style=_style(),
            policy=_policy(),
        )
    )


def _tiles(facts: ReportFacts) -> list[tuple[str, str, str]]:
    """The figures a reader looks for first: title, value, remark."""
    own = facts.own
    if own is None:
        return []
    tokens = [own.value(name) for name in ("prompt_tokens", "completion_tokens")]
    each = "for each accepted dialogue"
    found = {
        "dialogues": (
            "Accepted dialogues",
            own.text("dialogues"),
            f"of {own.text('dialogues', over='attempted')} attempted",
        ),
        "pass_rate": ("Pass rate", own.text("pass_rate", over="attempted"), "of those that came to an end"),
        "user_turns": ("User turns", own.text("user_turns"), "a dialogue"),
        "calls_per_user_turn": ("Tool calls", own.text("calls_per_user_turn"), "a user turn"),
        "calls": ("Model calls", own.text("calls"), each),
        "tokens": ("Tokens", written("number", sum(t for t in tokens if t)) if any(tokens) else "–", each),
        "cost": ("Cost", own.text("cost"), each),
    }
    return [found[name] for name in _TILES]


def _beside_paper(facts: ReportFacts) -> list[BarPlot]:
    plots: list[BarPlot] = []
    for row in (row for table in TABLES for row in table.rows if row.plotted):
        ours = [(method.name, row.ours(method.rows)) for method in facts.methods]
        if any(value is not None for _, value in ours):
            plots.append(_paper_plot(row, ours))
    return plots


def _paper_plot(row: PaperRow, ours: Sequence[tuple[str, float | None]]) -> BarPlot:
    named = [(name, value, 5) for name, value in zip(COLUMNS, row.values, strict=True)]
    named += [(name, value, place) for place, (name, value) in enumerate(ours)]
    bars = [
        BarRow(name, [(series, value, f"{name}: {cell(row.unit, value)}")], cell(row.unit, value))
        for name, value, series in named
        if value is not None
    ]
    return bar_plot(row.title, bars, note=row.remark, most=1 if row.unit == "share" else None)


def _side_by_side(facts: ReportFacts) -> list[BarPlot]:
    """The figures in which methods are told apart, a bar a method."""
    plots: list[BarPlot] = []
    for name in _COMPARED if len(facts.methods) > 1 else ():
        metric, over = METRICS[name], "attempted" if name == "pass_rate" else "accepted"
        values = [(place, method, method.value(name, over=over)) for place, method in enumerate(facts.methods)]
        bars = [
            BarRow(method.name, [(place, value, method.name)], written(metric.unit, value))
            for place, method, value in values
            if value is not None
        ]
        if len(bars) > 1:
            plots.append(bar_plot(metric.title, bars, most=1 if metric.unit == "share" else None, note=metric.meaning))
    return plots


def _usage_plots(facts: ReportFacts) -> list[BarPlot]:
    """Calls and tokens for each accepted dialogue, a bar a method, its parts the steps."""
    stages = {stage for method in facts.methods for stage in method.stages}
    names = dict.fromkeys(_step(stage) for stage in sorted(stages, key=stage_order))
    series = {name: place for place, name in enumerate(names)}
    legend = [(place, name) for name, place in series.items()]
    plots: list[BarPlot] = []
    for title, metrics in (
        ("Model calls for each accepted dialogue", ("calls",)),
        ("Tokens for each accepted dialogue", ("prompt_tokens", "completion_tokens")),
        ("Cost for each accepted dialogue", ("cost",)),
    ):
        rows = [_usage_row(method, metrics, series) for method in facts.methods]
        if any(part for row in rows for _, part, _ in row.parts):
            plots.append(bar_plot(title, rows, width=860, labels=200, legend=legend))
    return plots


def _usage_row(method: MethodFigures, metrics: Sequence[str], series: dict[str, int]) -> BarRow:
    sums = dict.fromkeys(series, 0.0)
    for stage in method.stages:
        sums[_step(stage)] += sum(method.value(name, part=stage) or 0 for name in metrics)
    unit, whole = METRICS[metrics[0]].unit, sum(sums.values())
    parts = [
        (series[name], value, f"{name}: {written(unit, value)} ({value / whole:.0%})" if whole else name)
        for name, value in sums.items()
    ]
    return BarRow(method.name, parts, written(unit, whole))


def _step(stage: str) -> str:
    return next((title for start, title in _STEPS if stage.startswith(start)), stage.replace("_", " "))


def _size_plots(own: MethodFigures) -> list[ColumnPlot]:
    plots: list[ColumnPlot] = []
    for metric, title in (
        ("dialogues_by_user_turns", "Accepted dialogues by number of user turns"),
        ("dialogues_by_steps", "Accepted dialogues by number of steps (turns that call tools)"),
    ):
        counts = [
            (int(row.part), row.value)
            for row in own.rows
            if row.metric == metric and row.domain is None and row.over == "accepted" and row.part
        ]
        if counts:
            plots.append(column_plot(title, counts, "dialogues"))
    return plots


def _rating_plot(tally: Tally) -> BarPlot:
    """How often each home was preferred, in blind pairs."""
    counts = ((tally.one, tally.wins, 0), (tally.other, tally.losses, 1), ("neither", tally.ties, 5))
    bars = [BarRow(name, [(series, count, f"{name}: {count:,} pairs")], f"{count:,}") for name, count, series in counts]
    return bar_plot("Pairs by the home that was preferred", bars)


def _check_plot(method: MethodFigures) -> BarPlot | None:
    found = [r for r in method.rows if r.metric == "check_pass_rate" and r.domain is None and r.value < 1]
    worst = sorted(found, key=lambda row: (row.value, row.part or ""))[:_MOST_CHECKS]
    bars = [
        BarRow(
            r.part or "",
            [(4, 1 - r.value, f"{r.part}: objected to {1 - r.value:.1%} of {r.count:,}")],
            f"{1 - r.value:.1%}",
        )
        for r in worst
    ]
    if not bars:
        return None
    # Where all is well a per cent shall not look like much.
    most = max(_LEAST_SCALE, 1 - worst[0].value)
    return bar_plot(f"{method.name}: share of dialogues a check objected to", bars, most=most, width=640, labels=260)


def _domain_plots(facts: ReportFacts) -> list[BarPlot]:
    own = facts.own
    if own is None or len(facts.domains) < 2:
        return []
    plots: list[BarPlot] = []
    for name in ("pass_rate", "calls", "distinct_3_by_domain", "self_bleu_by_domain"):
        metric, over = METRICS[name], "attempted" if name == "pass_rate" else "accepted"
        values = [(domain, own.value(name, domain=domain, over=over)) for domain in facts.domains]
        bars = [
            BarRow(domain, [(0, value, f"{domain}: {written(metric.unit, value)}")], written(metric.unit, value))
            for domain, value in values
            if value is not None
        ]
        most = {"share": 1.0, "score": 100.0}.get(metric.unit)
        note = f"{metric.meaning} {domains_note(own, facts.domains)}" if name.endswith("_by_domain") else metric.meaning
        if bars:
            plots.append(bar_plot(metric.title, bars, note=note, most=most))
    return plots


@dataclass(frozen=True)
class _Shown:
    """An experiment on the page: its own plot, what it comes to in sentences, and further plots."""

    title: str
    question: str
    made: str
    said: Sequence[str]
    drawn: Markup | None
    plots: Sequence[BarPlot]


def _shown(experiment: ExperimentFigures) -> _Shown:
    declared = experiment.declared
    svg = plot(declared, experiment.arms) if declared else None
    # Inside a page the name of SVG's namespace is not needed.
    drawn = Markup(svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)) if svg else None  # noqa: S704 - plots escape their words
    return _Shown(
        title=experiment.title,
        question=declared.question if declared else "",
        made=f"Made with {made_with(experiment.arms)}.",
        said=conclusions(declared, experiment.arms),
        drawn=drawn,
        plots=_experiment_plots(experiment),
    )


def _experiment_plots(experiment: ExperimentFigures) -> list[BarPlot]:
    plots: list[BarPlot] = []
    drawn = dialogues_drawn(experiment.arms)
    figures = [(arm.label, known(arm)) for arm in experiment.arms]
    for name in _PLOTTED:
        values = [(label, found[name]) for label, found in figures if name in found]
        bars = [
            BarRow(label, [(0, value, f"{label}: {cell_of(name, value)}")], cell_of(name, value))
            for label, value in values
        ]
        # What is nothing in every arm, as dollars are with the offline model, is no plot.
        if len(bars) > 1 and any(value for _, value in values):
            note = f"Over {drawn:,} dialogues of each arm." if name.partition(".")[0] in VARIETY else ""
            plots.append(bar_plot(FIGURES[name].title, bars, note=note, most=1 if name == "pass_rate" else None))
    return plots


def _history_plots(facts: ReportFacts) -> list[LinePlot]:
    return [
        line_plot(
            METRICS[name].title,
            [(f"{row['measured_at']:%Y-%m-%d %H:%M}", row["value"]) for row in rows],
            lambda value, unit=METRICS[name].unit: written(unit, value),
        )
        for name, rows in facts.history.items()
    ]


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> str:
    return files("toolace_dagster.reporting.report").joinpath("templates", name).read_text(encoding="utf-8")


def _style_text() -> str:
    return files("toolace_dagster.reporting.report").joinpath("static", "report.css").read_text(encoding="utf-8")


@cache
def _style() -> Markup:
    return Markup(_style_text())  # noqa: S704 - our own file


@cache
def _policy() -> str:
    """Nothing may be loaded or run; the one style sheet is named by its hash."""
    digest = base64.b64encode(hashlib.sha256(_style_text().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
