"""What the report says, collected from a home and from the homes inside it.

Belongs here: reading, and measuring what was not measured yet. Does not belong here:
plots, HTML or Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from toolace_dagster.metrics import METRICS, MetricRow, figure
from toolace_dagster.metrics.keeping import current_metrics, home_method, metric_over_time
from toolace_dagster.rating import Tally, read_ratings, tally_ratings, with_ratings
from toolace_dagster.reporting.report.paper import cell
from toolace_dagster.settings import OFFLINE_MODEL
from toolace_dagster.warehouse import Row, Warehouse, sql

SIMULATION = "simulation"
"""Folder inside a home that holds the same tasks as simulation makes them; also the name of the method."""
METHOD_NAMES = {"non_autoregressive": "Non-autoregressive", SIMULATION: "Simulation"}
_FOLLOWED = ("pass_rate", "calls", "distinct_3", "self_bleu", "coherence_lexical", "user_turns")


class NothingMade(ValueError):
    """A home without a dialogue; the message says what to do."""


@dataclass(frozen=True)
class MethodFigures:
    """A home's figures under the name of its method.

    Attributes:
        name: Of the method, for people.
        rows: The measurement.
        models: Models that answered, by name and endpoint.
    """

    name: str
    rows: Sequence[MetricRow]
    models: Sequence[tuple[str, str]]

    def value(self, metric: str, **where: str | None) -> float | None:
        """A figure; over accepted dialogues of all domains unless said otherwise."""
        return figure(self.rows, metric, **where)  # pyright: ignore[reportArgumentType]

    def text(self, metric: str, **where: str | None) -> str:
        """The same as people read it; a dash where there is none."""
        return cell(METRICS[metric].unit, self.value(metric, **where))

    @property
    def stages(self) -> list[str]:
        """Stages that made calls, in the order of the pipeline."""
        found = {row.part for row in self.rows if row.metric == "calls" and row.domain is None and row.part}
        return sorted(found, key=stage_order)


@dataclass(frozen=True)
class ArmFigures:
    """An arm of an experiment with its figures by metric."""

    label: str
    values: dict[str, float]


@dataclass(frozen=True)
class ExperimentFigures:
    """An experiment: its arms in order, and the metrics that at least two of them have."""

    name: str
    arms: Sequence[ArmFigures]
    metrics: Sequence[str]

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class ReportFacts:
    """Everything the report says.

    Attributes:
        home: The home folder's name.
        own: The home's figures.
        others: Those of other methods over the same tasks.
        domains: Tool domains.
        offline: Whether the offline model answered: ``all``, ``some`` or no calls.
        experiments: Experiments that were run.
        ratings: What people preferred, for each two homes that were compared.
        history: By metric, its value in each measurement, oldest first; only where there are several.
    """

    home: str
    own: MethodFigures
    others: Sequence[MethodFigures] = ()
    domains: Sequence[str] = ()
    offline: str = "none"
    experiments: Sequence[ExperimentFigures] = ()
    ratings: Sequence[Tally] = ()
    history: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])

    @property
    def methods(self) -> list[MethodFigures]:
        """The home and what stands beside it."""
        return [self.own, *self.others]


def report_facts(warehouse: Warehouse) -> ReportFacts:
    """Read what the report says; figures that are older than the home's last run are measured anew.

    Args:
        warehouse: The home's files.

    Raises:
        NothingMade: If the home has no dialogue.
        duckdb.IOException: If a run is writing the home.
    """
    if not warehouse.domains():
        raise NothingMade(
            f"{warehouse.home.name} holds nothing yet. `toolace run` makes something; --home names another folder."
        )
    own = _method(warehouse)
    if not own.value("dialogues", over="attempted"):
        raise NothingMade(f"{warehouse.home.name} holds tools and no dialogue yet. `toolace run` makes some.")
    inside = Warehouse(warehouse.home / SIMULATION)
    others = [_method(inside)] if inside.domains() else []
    history = {name: _history(warehouse, name) for name in _FOLLOWED}
    return ReportFacts(
        home=warehouse.home.name,
        own=own,
        others=[each for each in others if each.value("dialogues", over="attempted")],
        domains=warehouse.domains(),
        offline=_offline([model for each in (own, *others) for model in each.models]),
        experiments=_experiments(warehouse),
        ratings=tally_ratings(read_ratings(warehouse)),
        history={name: rows for name, rows in history.items() if len(rows) > 1},
    )


def stage_order(stage: str) -> tuple[int, str]:
    """Stages in the order of the pipeline; what is not known to it stands before verification."""
    known = ("task_specs", "skeletons", "refinement")
    place = next((n for n, name in enumerate(known) if stage.startswith(name)), len(known))
    return (len(known) + 1 if stage.startswith("verif") else place), stage


def _method(warehouse: Warehouse) -> MethodFigures:
    method = home_method(warehouse)
    models = {
        (row["model"], row["endpoint"])
        for domain in warehouse.domains()
        for row in warehouse.domain(domain).read(sql("report/models"))
    }
    rows = with_ratings(warehouse, current_metrics(warehouse))
    return MethodFigures(METHOD_NAMES.get(method, method), rows, sorted(models))


def _offline(models: Sequence[tuple[str, str]]) -> str:
    ours = [endpoint == OFFLINE_MODEL for _, endpoint in models]
    return "all" if ours and all(ours) else "some" if any(ours) else "none"


def _history(warehouse: Warehouse, metric: str) -> list[Row]:
    return metric_over_time(warehouse, metric, "attempted" if metric == "pass_rate" else "accepted")


def _experiments(warehouse: Warehouse) -> list[ExperimentFigures]:
    if "experiment_results" not in {row["table_name"] for row in warehouse.shared.read(sql("queries/table_names"))}:
        return []
    found: dict[str, dict[str, ArmFigures]] = {}
    for row in warehouse.shared.read(sql("report/experiments")):
        arms = found.setdefault(row["experiment"], {})
        arms.setdefault(row["arm"], ArmFigures(row["label"], {})).values[row["metric"]] = row["value"]
    return [
        ExperimentFigures(name, list(arms.values()), _shared_metrics(list(arms.values())))
        for name, arms in found.items()
    ]


def _shared_metrics(arms: Sequence[ArmFigures]) -> list[str]:
    names = dict.fromkeys(name for arm in arms for name in arm.values)
    return [name for name in names if sum(name in arm.values for arm in arms) > 1]
