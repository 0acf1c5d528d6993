"""The figures of arms, as rows of ``experiment_results``.

Belongs here: putting an arm's figures together, storing and reading them back. Does not
belong here: counting its dialogues (``tallies``), examining them (``examination``), or
drawing figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from toolace_dagster.experiments.catalogue import INTRINSIC, VARIETY
from toolace_dagster.experiments.convergence import convergence_point, could_tell
from toolace_dagster.experiments.declared import ORDER, Arm, arm_settings
from toolace_dagster.experiments.homes import arm_home
from toolace_dagster.experiments.making import Undertaking
from toolace_dagster.experiments.tallies import Tally, arm_dialogues, tally
from toolace_dagster.experiments.variety import same_size
from toolace_dagster.metrics import Over, figure, measure_home
from toolace_dagster.settings import OFFLINE_MODEL
from toolace_dagster.warehouse import Row, Warehouse, insert, sql

_Dialogues = Mapping[str, Sequence[str]]
"""Ids of dialogues by domain."""


@dataclass(frozen=True)
class Unfinished:
    """An arm that can't be measured yet.

    Attributes:
        experiment: Name of the experiment.
        arm: Name of the arm.
        domains: Those in which it was not made and examined to the end.
    """

    experiment: str
    arm: str
    domains: Sequence[str]

    def __str__(self) -> str:
        """What is missing and how it comes about."""
        return (
            f"the arm {self.arm} of {self.experiment} has not been finished in {', '.join(self.domains)}, so it is not "
            f"measured. {going_on(self.experiment)} goes on with it; what was paid for is kept."
        )


def going_on(experiment: str) -> str:
    """The command that goes on with an experiment, by its name; one of the user's own has a file."""
    return (
        f"`toolace experiment {experiment}`" if experiment in ORDER else f"`toolace experiment` with {experiment}.toml"
    )


def measure(undertaking: Undertaking, wanted: Sequence[Arm]) -> list[Unfinished]:
    """Measure arms and put their figures in the place of earlier ones.

    The variety of other arms is measured anew where the number of dialogues that all are compared over has changed.

    Args:
        undertaking: What they are arms of.
        wanted: The arms.

    Returns:
        Those of them that were not made and examined in all their domains. They are left out; what was measured of
        them before stays.
    """
    unfinished = [
        Unfinished(undertaking.experiment.name, arm.name, missing)
        for arm in wanted
        if (missing := _unfinished_domains(undertaking, arm))
    ]
    if arms := [arm for arm in wanted if arm.name not in {each.arm for each in unfinished}]:
        _measure(undertaking, arms)
    return unfinished


def _unfinished_domains(undertaking: Undertaking, arm: Arm) -> list[str]:
    home, experiment = undertaking.home, undertaking.experiment
    made = arm_home(home, experiment, arm)
    # Examination comes last and writes all dialogues of a domain at once.
    return [
        domain
        for domain in undertaking.domains_of(arm)
        if not made.domain(domain).exists() or not arm_dialogues(home, experiment, arm, domain)
    ]


def _measure(undertaking: Undertaking, arms: Sequence[Arm]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None).isoformat()
    home, experiment = undertaking.home, undertaking.experiment
    places = {arm.name: position for position, arm in enumerate(undertaking.arms)}
    points = _convergence_points(undertaking) if experiment.plot == "curve" else {}
    former = {each.name: each.figures.get("drawn", 0) for each in read_results(home, experiment.name)}
    handed = {arm.name: _handed_over(undertaking, arm) for arm in undertaking.arms if arm in arms or arm.name in former}
    drawn = same_size(handed)
    size = {name: _count(drawn.get(name, {})) for name in handed}
    varied = [
        arm for arm in undertaking.arms if arm.name in handed and (arm in arms or size[arm.name] != former[arm.name])
    ]
    rows: list[Row] = []
    for arm in undertaking.arms:
        figures: dict[str | None, dict[str, float]] = dict(_counts(undertaking, arm)) if arm in arms else {}
        if arm in varied:
            whole = handed[arm.name] if arm in arms else None
            figures.setdefault(None, {}).update(_data(undertaking, arm, whole, drawn.get(arm.name)))
        if arm.name in points:
            figures.setdefault(None, {}).update(points[arm.name])
        place = {
            "experiment": experiment.name,
            "arm": arm.name,
            "position": places[arm.name],
            "label": arm.label,
            "settings": arm.settings,
            "measured_at": now,
            **_made_with(undertaking, arm),
        }
        rows += [
            place | {"domain": domain, "metric": metric, "value": value}
            for domain, values in figures.items()
            for metric, value in values.items()
        ]
    with home.shared.write() as connection:
        connection.execute(
            sql("experiments/forget"),
            {
                "experiment": experiment.name,
                "arms": [arm.name for arm in arms],
                "all": list(places),
                "varied": [arm.name for arm in varied],
                "variety": ["drawn", *map(_of_data, VARIETY)],
            },
        )
        insert(connection, "experiment_results", rows)


def _handed_over(undertaking: Undertaking, arm: Arm) -> _Dialogues:
    """Ids of the dialogues that an arm hands over, by domain."""
    return {
        domain: [
            row["dialogue_id"]
            for row in arm_dialogues(undertaking.home, undertaking.experiment, arm, domain)
            if (row["state"] == "accepted" if arm.verified else row["defects_before"] is not None)
        ]
        for domain in undertaking.domains_of(arm)
    }


def _counts(undertaking: Undertaking, arm: Arm) -> Iterable[tuple[str | None, dict[str, float]]]:
    whole = Tally()
    for domain in undertaking.domains_of(arm):
        counted = tally(undertaking.home, undertaking.experiment, arm, domain)
        whole = whole.plus(counted)
        yield domain, counted.figures(arm)
    yield None, whole.figures(arm)


def _data(
    undertaking: Undertaking, arm: Arm, handed_over: _Dialogues | None, drawn: _Dialogues | None
) -> dict[str, float]:
    """Metrics of the data itself, all domains together.

    Args:
        undertaking: What the arm is of.
        arm: The arm.
        handed_over: The dialogues that it hands over; None where these are measured.
        drawn: Those of them over which variety is measured; None where they are too few.
    """
    home = arm_home(undertaking.home, undertaking.experiment, arm)
    over: Over = "accepted" if arm.verified else "attempted"
    found: dict[str, float | None] = {}
    # Of an arm without verification this leaves out what never got there: a skeleton is not what the arm gives.
    made = measure_home(home, only=handed_over) if handed_over is not None else []
    found |= {_of_data(name): figure(made, name, over=over) for name in INTRINSIC if name not in VARIETY}
    if drawn is not None:
        if handed_over is None or _count(drawn) < _count(handed_over):
            made = measure_home(home, only=drawn)
        found |= {_of_data(name): figure(made, name, over=over) for name in VARIETY} | {"drawn": float(_count(drawn))}
    return {name: value for name, value in found.items() if value is not None}


def _count(dialogues: _Dialogues) -> int:
    return sum(map(len, dialogues.values()))


def _of_data(metric: str) -> str:
    return f"{metric}.handed_over"


def _made_with(undertaking: Undertaking, arm: Arm) -> dict[str, Any]:
    """Who answered the calls of an arm, and what drew its tasks and mistakes."""
    home, settings = arm_home(undertaking.home, undertaking.experiment, arm), arm_settings(undertaking.basis, arm)
    models = {
        (row["model"], row["endpoint"])
        for domain in undertaking.domains_of(arm)
        for row in home.domain(domain).read(sql("report/models"))
    }
    return {"models": sorted(models), "seed": settings.seed, "error_rate": settings.llm.error_rate}


def _convergence_points(undertaking: Undertaking) -> dict[str, dict[str, float]]:
    """By arm on the curve, whether later ones bring nothing more than it, without and with verification."""
    curve = [arm for arm in undertaking.arms if arm.on_curve]
    if any(_unfinished_domains(undertaking, arm) for arm in curve):
        # A part of an arm is no arm: what it lacks may be what it has over the others.
        return {}
    points: dict[str, dict[str, float]] = {arm.name: {} for arm in curve}
    for over, column in (("refined", "defects_before"), ("accepted", "defects_after")):
        defective = [
            {
                row["dialogue_id"]: bool(row[column])
                for domain in undertaking.domains_of(arm)
                for row in arm_dialogues(undertaking.home, undertaking.experiment, arm, domain)
                if row[column] is not None
            }
            for arm in curve
        ]
        if not all(defective):
            continue
        position = convergence_point(defective)
        told = position is not None and could_tell(defective, position)
        for number, arm in enumerate(curve):
            points[arm.name][f"convergence_point.{over}"] = float(number == position and told)
            points[arm.name][f"undecided_from.{over}"] = float(number == position and not told)
    return points


@dataclass(frozen=True)
class ArmResult:
    """The figures of an arm over all domains.

    Attributes:
        name: Of the arm.
        label: What it is called.
        figures: By metric.
        models: Models that answered, by name and endpoint.
        seed: What its tasks were drawn from; None where an earlier version measured it.
        error_rate: Of the offline model; None likewise.
    """

    name: str
    label: str
    figures: Mapping[str, float]
    models: Sequence[tuple[str, str]] = ()
    seed: int | None = None
    error_rate: float | None = None

    @property
    def offline(self) -> bool:
        """Whether the offline model answered some of its calls."""
        return any(endpoint == OFFLINE_MODEL for _, endpoint in self.models)


def read_results(home: Warehouse, name: str, domain: str | None = None) -> list[ArmResult]:
    """The figures of an experiment, arm by arm; empty where it was not measured.

    Args:
        home: The home that the experiments belong to.
        name: Name of the experiment.
        domain: One domain; None for all together.
    """
    found: dict[str, ArmResult] = {}
    figures: dict[str, dict[str, float]] = {}
    for row in home.shared.read(sql("experiments/results"), {"experiment": name}):
        if row["domain"] != domain:
            continue
        known = figures.setdefault(row["arm"], {})
        known[row["metric"]] = row["value"]
        if row["arm"] not in found:
            models = [(model, endpoint) for model, endpoint in json.loads(row["models"] or "[]")]
            found[row["arm"]] = ArmResult(row["arm"], row["label"], known, models, row["seed"], row["error_rate"])
    return list(found.values())


def measured_experiments(home: Warehouse) -> list[str]:
    """Names of the experiments that have figures: the shipped ones in their order, then others."""
    names = [row["experiment"] for row in home.shared.read(sql("experiments/measured"))]
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
