"""The figures of arms, as rows of ``experiment_results``.

Belongs here: what is counted of an arm, storing and reading it back. Does not belong
here: examining dialogues (``examination``), or drawing figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from toolace_dagster.experiments.catalogue import INTRINSIC
from toolace_dagster.experiments.convergence import convergence_point, could_tell
from toolace_dagster.experiments.declared import ORDER, Arm, Experiment, arm_settings
from toolace_dagster.experiments.homes import arm_home, examined_store
from toolace_dagster.experiments.making import Undertaking
from toolace_dagster.metrics import Over, figure, measure_home
from toolace_dagster.settings import OFFLINE_MODEL
from toolace_dagster.warehouse import Row, Warehouse, insert, sql

_VERIFYING = "verification"
_USED = ("calls", "tokens", "cached", "replies", "costs", "unpriced")


@dataclass
class Tally:
    """Counts of an arm's dialogues.

    Attributes:
        attempted: Dialogues attempted.
        refined: Those that verification was handed.
        accepted: Those that it accepted.
        defects: Dialogues with a defect as refinement left them.
        rule_failures: Those of them in which a rule found it.
        accepted_defects: Accepted dialogues with a defect.
        passes: Refinement passes made.
        calls: Model calls by stage.
        tokens: Tokens of prompts and replies by stage.
        cached: Those of prompts that the endpoint had in its cache, by stage.
        replies: Those of replies, by stage.
        costs: Dollars by stage, of the calls whose price is known.
        unpriced: Calls whose price is not known, by stage.
    """

    attempted: int = 0
    refined: int = 0
    accepted: int = 0
    defects: int = 0
    rule_failures: int = 0
    accepted_defects: int = 0
    passes: int = 0
    calls: dict[str, int] = field(default_factory=dict[str, int])
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    cached: dict[str, int] = field(default_factory=dict[str, int])
    replies: dict[str, int] = field(default_factory=dict[str, int])
    costs: dict[str, float] = field(default_factory=dict[str, float])
    unpriced: dict[str, int] = field(default_factory=dict[str, int])

    def plus(self, other: Tally) -> Tally:
        """The sum of two."""
        made = Tally()
        for name in ("attempted", "refined", "accepted", "defects", "rule_failures", "accepted_defects", "passes"):
            setattr(made, name, getattr(self, name) + getattr(other, name))
        for name in _USED:
            setattr(made, name, _sums(getattr(self, name), getattr(other, name)))
        return made

    def figures(self, arm: Arm) -> dict[str, float]:
        """The counts as metrics; a share or mean over nothing is left out.

        Args:
            arm: What it hands over decides: what was accepted, or all that was refined.
        """
        handed = self.accepted if arm.verified else self.refined
        defective = self.accepted_defects if arm.verified else self.defects
        whole = {name: sum(getattr(self, name).values()) for name in _USED}
        making = {name: whole[name] - getattr(self, name).get(_VERIFYING, 0) for name in _USED}
        charged = whole if arm.verified else making
        shares: dict[str, tuple[float, int]] = {
            "pass_rate": (self.accepted, self.attempted),
            "defective.attempted": (self.defects, self.refined),
            "rule_failing.attempted": (self.rule_failures, self.refined),
            "defective.accepted": (self.accepted_defects, self.accepted),
            "defective": (defective, handed),
            "calls_unverified": (making["calls"], self.refined),
            "calls_verified": (whole["calls"], self.accepted),
            "tokens_unverified": (making["tokens"], self.refined),
            "tokens_verified": (whole["tokens"], self.accepted),
            "passes": (self.passes, self.refined),
            **{f"{name}_per_dialogue": (charged[name], handed) for name in ("calls", "tokens", "cached", "replies")},
        }
        counts: dict[str, float] = {
            "attempted": self.attempted,
            "refined": self.refined,
            "accepted": self.accepted,
            "handed_over": handed,
            **{f"{name}_made": whole[name] for name in ("calls", "tokens", "cached", "replies")},
        }
        # A sum without some of its calls would look like less.
        if not whole["unpriced"]:
            counts["cost_made"] = whole["costs"]
        if not charged["unpriced"]:
            shares["cost_per_dialogue"] = (charged["costs"], handed)
        return {
            **{name: float(value) for name, value in counts.items()},
            **{name: value / of for name, (value, of) in shares.items() if of},
        }


def _sums(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def tally(home: Warehouse, experiment: Experiment, arm: Arm, domain: str) -> Tally:
    """Count an arm's dialogues of one domain.

    Args:
        home: The home that the experiments belong to.
        experiment: The experiment.
        arm: The arm, made and examined.
        domain: Tool domain.
    """
    made = Tally()
    for row in arm_dialogues(home, experiment, arm, domain):
        made.attempted += 1
        made.accepted += row["state"] == "accepted"
        before, after = row["defects_before"], row["defects_after"]
        made.refined += before is not None
        made.defects += bool(before)
        made.rule_failures += any(check.startswith("rule.") for check in before or ())
        made.accepted_defects += bool(after)
    store = arm_home(home, experiment, arm).domain(domain)
    with store.reading():
        for row in store.read(sql("experiments/usage")):
            for name in ("calls", "tokens", "cached", "replies", "unpriced"):
                getattr(made, name)[row["stage"]] = row[name]
            made.costs[row["stage"]] = row["cost"]
        made.passes = store.read(sql("experiments/passes"))[0]["passes"]
    return made


def arm_dialogues(home: Warehouse, experiment: Experiment, arm: Arm, domain: str) -> list[Row]:
    """What became of an arm's dialogues of one domain: state, and defects before and after verification."""
    place = {"experiment": experiment.name, "arm": arm.name}
    return examined_store(home, domain).read(sql("experiments/arm_dialogues"), place)


def measure(undertaking: Undertaking, arms: Sequence[Arm]) -> None:
    """Measure arms and put their figures in the place of earlier ones.

    Args:
        undertaking: What they are arms of.
        arms: Arms that are made and examined.
    """
    now = datetime.now(UTC).replace(tzinfo=None).isoformat()
    home, experiment = undertaking.home, undertaking.experiment
    places = {arm.name: position for position, arm in enumerate(undertaking.arms)}
    points = _convergence_points(undertaking) if experiment.plot == "curve" else {}
    rows: list[Row] = []
    for arm in undertaking.arms:
        figures: dict[str | None, dict[str, float]] = dict(_figures(undertaking, arm)) if arm in arms else {}
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
            {"experiment": experiment.name, "arms": [arm.name for arm in arms], "all": list(places)},
        )
        insert(connection, "experiment_results", rows)


def _figures(undertaking: Undertaking, arm: Arm) -> Iterable[tuple[str | None, dict[str, float]]]:
    whole = Tally()
    for domain in undertaking.domains_of(arm):
        counted = tally(undertaking.home, undertaking.experiment, arm, domain)
        whole = whole.plus(counted)
        yield domain, counted.figures(arm)
    made = measure_home(arm_home(undertaking.home, undertaking.experiment, arm))
    over: Over = "accepted" if arm.verified else "attempted"
    intrinsic = {name: figure(made, name, over=over) for name in INTRINSIC}
    known = {f"{name}.handed_over": value for name, value in intrinsic.items() if value is not None}
    yield None, whole.figures(arm) | known


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
