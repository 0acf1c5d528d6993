"""An experiment as a person reads it: tables, a plot, and what the figures say.

Belongs here: rows of the tables, the plot's points, the Markdown page. Does not belong
here: geometry (``reporting.plots``), or printing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from toolace_dagster.experiments.catalogue import FIGURES, INTRINSIC, VARIETY, cell
from toolace_dagster.experiments.declared import Experiment
from toolace_dagster.experiments.measures import ArmResult, going_on
from toolace_dagster.experiments.variety import LEAST
from toolace_dagster.intervals import wilson
from toolace_dagster.reporting.markdown import table
from toolace_dagster.reporting.plots import Bar, Curve, Group, Point, curves, grouped_bars

QUALITY = {
    "dialogues": "attempted",
    "defective before": "defective.attempted",
    "by a rule": "rule_failing.attempted",
    "pass rate": "pass_rate",
    "handed over": "handed_over",
    "defective": "defective",
    "rounds each": "passes",
}
"""Columns and the figures in them; `defective before` is before verification, `defective` of what is handed over."""
COST = {
    "calls each": "calls_per_dialogue",
    "tokens each": "tokens_per_dialogue",
    "cached each": "cached_per_dialogue",
    "replies each": "replies_per_dialogue",
    "cost each": "cost_per_dialogue",
}
"""The same, for each dialogue handed over; a cost is left out where the price of some call is not known."""
DEFECTS = "dialogues with a defect, and 95 % interval"
OFFLINE_NOTE = """\
The offline model made these figures. Its mistakes are drawn at set rates and the panel that looks for what is left
overlooks none of them, so the figures show what the pipeline's steps do to planted mistakes, how often they are asked
for, and that the machinery counts right. They say nothing of how well a real model writes, judges or verifies, and
nothing of a model trained on the data: for that, run the same command with your model."""


class ArmTable(NamedTuple):
    """A table of an experiment.

    Attributes:
        title: What it shows.
        rows: A row of texts for each arm, or for each metric.
        note: What to know when reading it.
    """

    title: str
    rows: list[dict[str, str]]
    note: str = ""


def tables(results: Sequence[ArmResult]) -> list[ArmTable]:
    """The tables of an experiment that have rows.

    Args:
        results: Its figures.
    """
    size = dialogues_drawn(results)
    found = [
        ArmTable("Defects", _by_arm(results, QUALITY)),
        ArmTable("Cost, for each dialogue handed over", _by_arm(results, COST)),
        ArmTable(
            "The data itself, dialogues handed over", _by_metric(results, [n for n in INTRINSIC if n not in VARIETY])
        ),
        ArmTable(f"Its variety, over {size:,} dialogues of each arm", _by_metric(results, VARIETY)),
    ]
    kept = [each for each in found if each.rows]
    return [*kept[:-1], kept[-1]._replace(note=_of_variety(results))] if kept else []


def dialogues_drawn(results: Sequence[ArmResult]) -> int:
    """How many dialogues of each arm variety is measured over; 0 where no arm hands over enough."""
    return max((round(result.figures.get("drawn", 0)) for result in results), default=0)


def _of_variety(results: Sequence[ArmResult]) -> str:
    """Over what variety is measured, and which arms hand over too few dialogues for it."""
    few = [each.label for each in results if "drawn" not in each.figures and "handed_over" in each.figures]
    if not (size := dialogues_drawn(results)):
        return f"Variety is not measured: no arm hands over {LEAST} dialogues." if few else ""
    told = (
        "More dialogues repeat each other more and use more tools, so these are measured over the same number in each "
        f"arm: {size:,}, drawn by lot, which falls on the same tasks where arms share them."
    )
    return f"{told} Too few for that (under {LEAST}) are handed over by: {', '.join(few)}." if few else told


def arm_row(result: ArmResult) -> dict[str, str]:
    """Quality and cost of one arm, as texts."""
    return _by_arm([result], QUALITY | COST)[0]


def _by_arm(results: Sequence[ArmResult], columns: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"arm": result.label, **{column: cell(name, result.figures.get(name)) for column, name in columns.items()}}
        for result in results
    ]


def _by_metric(results: Sequence[ArmResult], metrics: Sequence[str]) -> list[dict[str, str]]:
    """Metrics have long names and arms short ones, so a metric is a row here; two arms may have one label."""
    shown = [known(result) for result in results]
    names = [name for each in metrics if any((name := f"{each}.handed_over") in figures for figures in shown)]
    labels = [result.label for result in results]
    columns = [
        result.label if [*labels, "metric"].count(result.label) == 1 else f"{result.label} ({result.name})"
        for result in results
    ]
    return [
        {
            "metric": FIGURES[name].title,
            **{column: cell(name, figures.get(name)) for column, figures in zip(columns, shown, strict=True)},
        }
        for name in names
    ]


def known(result: ArmResult) -> Mapping[str, float]:
    """The figures of an arm that can be set beside those of others: its variety only where all are of one size."""
    if "drawn" in result.figures:
        return result.figures
    return {name: value for name, value in result.figures.items() if name.partition(".")[0] not in VARIETY}


def made_with(results: Sequence[ArmResult], quote: str = "") -> str:
    """Models, number of dialogues, seed and, for the offline model, its error rate, in words.

    Args:
        results: Figures of all arms.
        quote: What stands around a model's name.
    """
    names = dict.fromkeys(
        f"{quote}{model}{quote}" + (f" at {endpoint}" if endpoint != model else "")
        for result in results
        for model, endpoint in result.models
    )
    dialogues = max((round(result.figures.get("attempted", 0)) for result in results), default=0)
    parts = [
        f"{'models' if len(names) > 1 else 'model'} {', '.join(names)}" if names else "a model that is not recorded",
        f"{dialogues:,} {'dialogue' if dialogues == 1 else 'dialogues'} an arm",
    ]
    seeds = dict.fromkeys(result.seed for result in results if result.seed is not None)
    if seeds:
        parts.append(f"seed {', '.join(str(seed) for seed in seeds)}")
    rates = dict.fromkeys(result.error_rate for result in results if result.offline and result.error_rate is not None)
    if rates:
        parts.append(f"error rate {', '.join(f'{rate:g}' for rate in rates)}")
    return ", ".join(parts)


def plot(experiment: Experiment, results: Sequence[ArmResult]) -> str | None:
    """The experiment's plot as SVG; None where it has none, or nothing was measured."""
    if not results or experiment.plot == "none":
        return None
    return _bars(experiment, results) if experiment.plot == "bars" else _curve(experiment, results)


def _share(result: ArmResult, metric: str, of: str) -> tuple[float, float, float] | None:
    if metric not in result.figures:
        return None
    value, count = result.figures[metric], round(result.figures[of])
    return value, *wilson(round(value * count), count)


def _bars(experiment: Experiment, results: Sequence[ArmResult]) -> str:
    groups: list[Group] = []
    arms = {arm.name: arm for arm in experiment.arms}
    for result in results:
        before = _share(result, "defective.attempted", "refined")
        verified = result.name not in arms or arms[result.name].verified
        after = _share(result, "defective.accepted", "accepted") if verified else None
        bars = [
            Bar(*before, f"{before[0]:.0%}, {result.figures['calls_unverified']:.1f} calls") if before else None,
            *([Bar(*after, f"{after[0]:.0%}, {result.figures['calls_verified']:.1f} calls")] if after else []),
        ]
        groups.append(Group(result.label, tuple(bars)))
    legend = ("before verification", "accepted by verification")
    return grouped_bars(f"{experiment.title}: defects and calls a dialogue", legend, groups, DEFECTS)


def _curve(experiment: Experiment, results: Sequence[ArmResult]) -> str:
    arms = {arm.name: arm for arm in experiment.arms}
    on_curve = [result for result in results if result.name in arms and arms[result.name].on_curve]
    beside = [result for result in results if result.name in arms and not arms[result.name].on_curve]
    lines = [
        _line_of("without verification", on_curve, "defective.attempted", "refined", "calls_unverified"),
        _line_of("with verification", on_curve, "defective.accepted", "accepted", "calls_verified"),
    ]
    marks = [
        point
        for metric, of, cost in (
            ("defective.attempted", "refined", "calls_unverified"),
            ("defective.accepted", "accepted", "calls_verified"),
        )
        for result in beside
        if (point := _point(result, metric, of, cost, "")) is not None
    ]
    if marks:
        label = ", ".join(result.label for result in beside)
        lines.append(Curve(label, tuple(marks), joined=False))
    return curves(f"{experiment.title}: defects against cost", lines, "model calls a dialogue handed over", DEFECTS)


def _line_of(label: str, results: Sequence[ArmResult], metric: str, of: str, cost: str) -> Curve:
    found = [(result, _point(result, metric, of, cost, result.label)) for result in results]
    kept = [(result, point) for result, point in found if point is not None]
    ringed = next((n for n, (each, _) in enumerate(kept) if each.figures.get(f"convergence_point.{of}")), None)
    return Curve(label, tuple(point for _, point in kept), ringed=ringed)


def _point(result: ArmResult, metric: str, of: str, cost: str, words: str) -> Point | None:
    share = _share(result, metric, of)
    return Point(result.figures[cost], *share, words) if share and cost in result.figures else None


def page(experiment: Experiment, results: Sequence[ArmResult], command: Sequence[str], picture: str | None) -> str:
    """The experiment as a Markdown page.

    Args:
        experiment: What was compared.
        results: Its figures.
        command: The words of the command that made it.
        picture: The plot's file, relative to the page.
    """
    parts = [
        f"# {experiment.title}",
        experiment.question,
        f"```\n{shlex.join(command)}\n```",
        " ".join(f"Made with {made_with(results, '`')}. {experiment.reading}".split()),
    ]
    for title, rows, note in tables(results):
        parts += [f"## {title}", *([note] if note else []), table(rows)]
    parts += [f"![{experiment.title}]({picture})"] if picture else []
    parts += conclusions(experiment, results)
    parts += [OFFLINE_NOTE] if any(result.offline for result in results) else []
    return "\n\n".join(parts) + "\n"


def conclusions(experiment: Experiment | None, results: Sequence[ArmResult]) -> list[str]:
    """What the figures come to, and which arms have none.

    Args:
        experiment: What was compared; None where that is not known.
        results: Its figures.
    """
    measured = {each.name for each in results}
    missing = [arm.label for arm in experiment.arms if arm.name not in measured] if experiment else []
    if experiment is None or not missing:
        return points(results)
    left = f"Not finished, so without figures: {', '.join(missing)}. {going_on(experiment.name)} goes on with them."
    return [*points(results), left]


def points(results: Sequence[ArmResult]) -> list[str]:
    """From which arm of a curve on more brings nothing, in sentences; an experiment without a curve has none."""
    said: list[str] = []
    last = next((each for each in reversed(results) if "convergence_point.accepted" in each.figures), None)
    for of, words in (("refined", "Without verification"), ("accepted", "With verification")):
        found = next((each for each in results if each.figures.get(f"convergence_point.{of}")), None)
        undecided = next((each for each in results if each.figures.get(f"undecided_from.{of}")), None)
        if undecided is not None:
            of_them, defects = round(undecided.figures[of]), _defects(undecided, of)
            said.append(
                f"{words}, too few dialogues to tell whether more than {undecided.label} brings a gain: {defects} of "
                f"{of_them:,} are defective there, and even an arm that mended them all would not be told from chance "
                "(sign test over the same tasks, 5 %)."
            )
        elif found is not None and found is last:
            said.append(f"{words}, {found.label} still has fewer defective dialogues than less: it did not converge.")
        elif found is not None:
            said.append(
                f"{words}, from {found.label} on more brings no measurable gain: no later arm has fewer defective "
                "dialogues beyond what chance explains (sign test over the same tasks, 5 %)."
            )
    return said


def _defects(result: ArmResult, of: str) -> int:
    share = result.figures.get("defective.attempted" if of == "refined" else "defective.accepted", 0.0)
    return round(share * result.figures[of])
