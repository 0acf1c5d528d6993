"""An experiment as a person reads it: a table, a plot, and what the figures say.

Belongs here: rows of the table, the plot's points, the Markdown page. Does not belong
here: geometry (``reporting.plots``), or printing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from toolace_dagster.experiments.declared import Experiment
from toolace_dagster.experiments.measures import ArmResult
from toolace_dagster.intervals import wilson
from toolace_dagster.reporting.markdown import table
from toolace_dagster.reporting.plots import Bar, Curve, Group, Point, curves, grouped_bars
from toolace_dagster.settings import OFFLINE_MODEL, Settings

COLUMNS = (
    "arm",
    "dialogues",
    "defective before",
    "by a rule",
    "pass rate",
    "handed over",
    "defective",
    "calls each",
    "tokens each",
    "rounds each",
)
"""Of the table; `defective before` is before verification, `defective` of what is handed over."""
DEFECTS = "dialogues with a defect, and 95 % interval"
OFFLINE_NOTE = """\
The offline model made these figures. Its mistakes are drawn at set rates and the panel that looks for what is left
overlooks none of them, so the figures show what the pipeline's steps do to planted mistakes, how often they are asked
for, and that the machinery counts right. They say nothing of how well a real model writes, judges or verifies, and
nothing of a model trained on the data: for that, run the same command with your model."""


def table_rows(results: Sequence[ArmResult]) -> list[dict[str, str]]:
    """A row of texts for each arm."""
    return [dict(zip(COLUMNS, _cells(result), strict=True)) for result in results]


def _cells(result: ArmResult) -> list[str]:
    figures = result.figures

    def share(name: str) -> str:
        return f"{figures[name]:.1%}" if name in figures else "-"

    def mean(name: str, digits: int = 1) -> str:
        return f"{figures[name]:,.{digits}f}" if name in figures else "-"

    return [
        result.label,
        f"{figures['attempted']:.0f}",
        share("defective.attempted"),
        share("rule_failing.attempted"),
        share("pass_rate"),
        f"{figures['handed_over']:.0f}",
        share("defective"),
        mean("calls_per_dialogue"),
        mean("tokens_per_dialogue", 0),
        mean("passes"),
    ]


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
    on_curve = [result for result in results if arms[result.name].on_curve]
    beside = [result for result in results if not arms[result.name].on_curve]
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


def page(
    experiment: Experiment, results: Sequence[ArmResult], basis: Settings, command: Sequence[str], picture: str | None
) -> str:
    """The experiment as a Markdown page.

    Args:
        experiment: What was compared.
        results: Its figures.
        basis: Settings that the arms have in common.
        command: The words of the command that made it.
        picture: The plot's file, relative to the page.
    """
    dialogues = max((round(result.figures["attempted"]) for result in results), default=0)
    model = basis.llm.model
    made_by = f"model `{model}`, {dialogues} dialogues an arm, seed {basis.seed}"
    if model == OFFLINE_MODEL:
        made_by += f", error rate {basis.llm.error_rate:g}"
    parts = [
        f"# {experiment.title}",
        experiment.question,
        f"```\n{shlex.join(command)}\n```",
        " ".join(f"Made with {made_by}. {experiment.reading}".split()),
        table(table_rows(results)),
        *([f"![{experiment.title}]({picture})"] if picture else []),
        *_points(results),
        *([OFFLINE_NOTE] if model == OFFLINE_MODEL else []),
    ]
    return "\n\n".join(parts) + "\n"


def _points(results: Sequence[ArmResult]) -> list[str]:
    said: list[str] = []
    for of, words in (("refined", "Without verification"), ("accepted", "With verification")):
        found = next((each for each in results if each.figures.get(f"convergence_point.{of}")), None)
        if found is not None:
            said.append(
                f"{words}, from {found.label} on more brings no measurable gain: no later arm has fewer defective "
                "dialogues beyond what chance explains (sign test over the same tasks, 5 %)."
            )
    return said
