"""What the report says, collected from a home and from the homes inside it.

Belongs here: reading, and measuring what was not measured yet. Does not belong here:
plots, HTML or Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from toolace_dagster.experiments.declared import Experiment
from toolace_dagster.experiments.making import made_experiment
from toolace_dagster.experiments.measures import ArmResult, measured_experiments, read_results
from toolace_dagster.metrics import METRICS, MetricRow, figure
from toolace_dagster.metrics.keeping import (
    DEFAULT_METHOD,
    MIXED,
    SIMULATION,
    current_metrics,
    home_method,
    metric_over_time,
)
from toolace_dagster.pipeline.simulation_home import FOLDER, simulation_home
from toolace_dagster.rating import Tally, read_ratings, tally_ratings, with_ratings
from toolace_dagster.reporting.report.paper import cell
from toolace_dagster.settings import OFFLINE_MODEL
from toolace_dagster.warehouse import Row, Warehouse, sql

METHOD_NAMES = {DEFAULT_METHOD: "Non-autoregressive", SIMULATION: "Simulation", MIXED: "Mixed methods"}
_FOLLOWED = ("pass_rate", "calls", "distinct_3", "self_bleu", "coherence_lexical", "user_turns")


class NothingMade(ValueError):
    """A home without a dialogue and without an experiment; the message says what to do."""


@dataclass(frozen=True)
class Overlap:
    """How many tasks two homes have in common: the same id, and the same text.

    Attributes:
        common: Tasks of both.
        own: Tasks of the home.
        other: Tasks of the home beside it.
    """

    common: int
    own: int
    other: int


@dataclass(frozen=True)
class MethodFigures:
    """A home's figures under the name of its method.

    Attributes:
        name: Of the method, for people.
        rows: The measurement.
        models: Models that answered, by name and endpoint.
        overlap: Of a home beside the one the report is of, the tasks that both have.
        method: The name of the method in settings; ``mixed`` where domains differ.
    """

    name: str
    rows: Sequence[MetricRow]
    models: Sequence[tuple[str, str]]
    overlap: Overlap | None = None
    method: str = ""

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
class ExperimentFigures:
    """An experiment: what it compared, where that is known, and its arms in order."""

    name: str
    declared: Experiment | None
    arms: Sequence[ArmResult]

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.declared.title if self.declared else self.name.replace("_", " ").capitalize()

    @property
    def offline(self) -> bool:
        """Whether the offline model answered some of its calls."""
        return any(arm.offline for arm in self.arms)


@dataclass(frozen=True)
class ReportFacts:
    """Everything the report says.

    Attributes:
        home: The home folder's name.
        own: The home's figures; None where it holds no dialogue.
        others: Those of the home inside it, which another method made.
        domains: Tool domains.
        offline: Whether the offline model answered: ``all``, ``some`` or no calls.
        experiments: Experiments that were run.
        ratings: What people preferred, for each two homes that were compared.
        history: By metric, its value in each measurement of the home's method, oldest first; only where there are
            several.
    """

    home: str
    own: MethodFigures | None = None
    others: Sequence[MethodFigures] = ()
    domains: Sequence[str] = ()
    offline: str = "none"
    experiments: Sequence[ExperimentFigures] = ()
    ratings: Sequence[Tally] = ()
    history: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])

    @property
    def methods(self) -> list[MethodFigures]:
        """The home and what stands beside it."""
        return [*([self.own] if self.own else []), *self.others]


def report_facts(warehouse: Warehouse) -> ReportFacts:
    """Read what the report says; figures that are older than the home's last run are measured anew.

    Args:
        warehouse: The home's files.

    Raises:
        NothingMade: If the home has no dialogue, nothing beside it and no experiment.
        duckdb.IOException: If a run is writing the home.
    """
    own = _method(warehouse)
    inside = simulation_home(warehouse)
    other = _method(inside)
    if own is not None and other is not None:
        # Two columns of one name would not be told apart.
        name = other.name if other.name != own.name else f"{other.name} (folder {FOLDER})"
        other = replace(other, name=name, overlap=_overlap(warehouse, inside))
    experiments = _experiments(warehouse)
    if own is None and other is None and not experiments:
        tools = f"{warehouse.home.name} holds tools and no dialogue yet. `toolace run` makes some."
        raise NothingMade(
            tools
            if warehouse.domains()
            else f"{warehouse.home.name} holds nothing yet. `toolace run` makes something; --home names another folder."
        )
    methods = [each for each in (own, other) if each is not None]
    history = {name: _history(warehouse, name) for name in _FOLLOWED}
    return ReportFacts(
        home=warehouse.home.name,
        own=own,
        others=[other] if other else [],
        domains=warehouse.domains() if own else [],
        offline=_offline(
            [model for each in methods for model in each.models]
            + [model for each in experiments for arm in each.arms for model in arm.models]
        ),
        experiments=experiments,
        ratings=tally_ratings(read_ratings(warehouse)),
        history={name: rows for name, rows in history.items() if len(rows) > 1},
    )


def stage_order(stage: str) -> tuple[int, str]:
    """Stages in the order of the pipeline; what is not known to it stands before verification."""
    known = ("task_specs", "skeletons", "refinement")
    place = next((n for n, name in enumerate(known) if stage.startswith(name)), len(known))
    return (len(known) + 1 if stage.startswith("verif") else place), stage


def _method(warehouse: Warehouse) -> MethodFigures | None:
    """The figures of a home; None where it has no dialogue."""
    if not warehouse.domains():
        return None
    method = home_method(warehouse)
    models = {
        (row["model"], row["endpoint"])
        for domain in warehouse.domains()
        for row in warehouse.domain(domain).read(sql("report/models"))
    }
    rows = current_metrics(warehouse, completed=with_ratings)
    found = MethodFigures(METHOD_NAMES.get(method, method), rows, sorted(models), method=method)
    return found if found.value("dialogues", over="attempted") else None


def _overlap(one: Warehouse, other: Warehouse) -> Overlap:
    mine, others = _tasks(one), _tasks(other)
    return Overlap(len(mine & others), len(mine), len(others))


def _tasks(warehouse: Warehouse) -> set[tuple[str, str, str]]:
    return {
        (domain, row["dialogue_id"], row["task"])
        for domain in warehouse.domains()
        for row in warehouse.domain(domain).read(sql("report/tasks"))
    }


def _offline(models: Sequence[tuple[str, str]]) -> str:
    ours = [endpoint == OFFLINE_MODEL for _, endpoint in models]
    return "all" if ours and all(ours) else "some" if any(ours) else "none"


def _history(warehouse: Warehouse, metric: str) -> list[Row]:
    rows = metric_over_time(warehouse, metric, "attempted" if metric == "pass_rate" else "accepted")
    # A change of method is no course of time.
    return [row for row in rows if row["method"] == rows[-1]["method"]]


def _experiments(warehouse: Warehouse) -> list[ExperimentFigures]:
    found = ((name, made_experiment(warehouse, name)) for name in measured_experiments(warehouse))
    return [ExperimentFigures(name, declared, read_results(warehouse, name)) for name, declared in found]
