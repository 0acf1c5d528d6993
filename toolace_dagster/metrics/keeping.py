"""The table of measurements in a home's shared file.

Belongs here: writing and reading it, and whether a measurement still holds. Does not
belong here: measuring.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from toolace_dagster.entities import content_hash
from toolace_dagster.metrics.catalogue import METRICS
from toolace_dagster.metrics.measuring import SAMPLE, in_order, measure_home
from toolace_dagster.metrics.rows import MetricRow, Over
from toolace_dagster.warehouse import Row, Warehouse, fetch, insert, sql

DEFAULT_METHOD, SIMULATION, MIXED = "non_autoregressive", "simulation", "mixed"
"""Methods of a home; ``mixed`` where its domains have different ones."""
_KEPT = "coherence_entailment"
"""What only a user's model can measure, so that a measurement without one does not undo it."""
_SAMPLED = (_KEPT, "coherence_lexical", "self_bleu")

Completed = Callable[[Warehouse, Sequence[MetricRow]], list[MetricRow]]
"""Adds to a measurement what is not read from dialogues, such as people's ratings."""


@dataclass(frozen=True)
class HomeState:
    """What a home held when it was looked at.

    Attributes:
        runs: By domain, its newest run.
        newest: The newest run of all; empty where there is none.
        stages: How many stages runs have finished.
        content: Hash of all rows, and of what there is to measure.
        methods: By domain, how its rows were written; domains without such rows are left out.
    """

    runs: dict[str, str]
    newest: str
    stages: int
    content: str
    methods: dict[str, str]

    @property
    def method(self) -> str | None:
        """The method of all domains; None where no domain has one yet."""
        found = set(self.methods.values())
        return found.pop() if len(found) == 1 else MIXED if found else None


def home_state(warehouse: Warehouse) -> HomeState:
    """What a home holds now."""
    found: dict[str, Row] = {}
    for domain in warehouse.domains():
        with warehouse.domain(domain).beside_memory() as connection:
            found[domain] = fetch(connection, sql("metrics/state"))[0]
    ran = {domain: row for domain, row in found.items() if row["run_id"] is not None}
    newest = max(ran.values(), key=lambda row: row["finished_at"], default=None)
    methods = {
        domain: MIXED if row["simulated"] and row["refined"] else SIMULATION if row["simulated"] else DEFAULT_METHOD
        for domain, row in found.items()
        if row["simulated"] or row["refined"]
    }
    return HomeState(
        runs={domain: row["run_id"] for domain, row in ran.items()},
        newest=newest["run_id"] if newest else "",
        stages=sum(row["stages"] for row in found.values()),
        # With the names of the figures: a measurement by a version that had fewer does not stand for one by this.
        content=content_hash({domain: row["content"] for domain, row in found.items()}, sorted(METRICS)),
        methods=methods,
    )


def keep_metrics(
    warehouse: Warehouse,
    *,
    entailment: str | None = None,
    sample: int = SAMPLE,
    completed: Completed | None = None,
) -> list[MetricRow]:
    """Measure a home and keep the figures.

    Args:
        warehouse: The home's files.
        entailment: As :func:`measure_home` takes it.
        sample: As :func:`measure_home` takes it.
        completed: Adds further figures.

    Returns:
        What was measured. Where no model of entailment was asked, the figures of an earlier one are among it if it was
        asked about the same dialogues.

    Raises:
        EntailmentError: If the model can't be used.
        duckdb.IOException: If a domain is being written and does not come free within a minute.
    """
    # Before measuring: what a run finishes meanwhile makes the measurement out of date, not the other way round.
    state = home_state(warehouse)
    rows = measure_home(warehouse, entailment=entailment, sample=sample)
    rows = completed(warehouse, rows) if completed else rows
    return store_metrics(warehouse, rows, entailment=entailment, sample=sample, state=state)


def store_metrics(
    warehouse: Warehouse,
    rows: Sequence[MetricRow],
    *,
    entailment: str | None = None,
    sample: int = SAMPLE,
    state: HomeState | None = None,
) -> list[MetricRow]:
    """Keep a measurement; one after the same run is replaced.

    Args:
        warehouse: The home's files.
        rows: What was measured.
        entailment: The model of entailment that was asked, if any.
        sample: Over how many dialogues self-BLEU and coherence were measured.
        state: What the home held before it was measured; None looks now.

    Returns:
        What is kept: the rows, with an earlier model's figures over the same dialogues where none was asked.
    """
    if not rows:
        return []
    state = state or home_state(warehouse)
    taken = [(row, sample, entailment if row.metric == _KEPT else None) for row in rows]
    if entailment is None:
        where = {"kept": _KEPT, "content": state.content}
        spared = warehouse.shared.read(sql("metrics/spared"), where)
        taken += [(_row(row), row["sample"], row["entailment"]) for row in spared]
    details = {row: (size, model) for row, size, model in taken}
    kept = in_order(row for row, _, _ in taken)
    whole = state.method or _set_method(warehouse)
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
    made: list[dict[str, Any]] = [
        {
            "domain": row.domain,
            "run_id": state.runs.get(row.domain or "", state.newest),
            "method": state.methods.get(row.domain or "", whole),
            "over": row.over,
            "metric": row.metric,
            "part": row.part,
            "value": row.value,
            "count": row.count,
            "measured_at": now,
            "stages": state.stages,
            "content": state.content,
            "sample": details[row][0],
            "entailment": details[row][1],
        }
        for row in kept
    ]
    with warehouse.shared.write() as connection:
        connection.execute(sql("metrics/forget"), {"run_id": state.newest})
        insert(connection, "metrics", made)
    return kept


def read_metrics(warehouse: Warehouse) -> list[MetricRow]:
    """The newest measurement of a home; an empty list where there is none."""
    return [_row(row) for row in warehouse.shared.read(sql("metrics/newest"))]


def current_metrics(warehouse: Warehouse, completed: Completed | None = None) -> list[MetricRow]:
    """The figures of a home as it is now, over a sample of the ordinary size.

    Args:
        warehouse: The home's files.
        completed: Adds further figures, to kept ones too.

    Returns:
        Those that are kept; measured anew and kept where a run, or a stage of one, came after them, or where they
        were taken over another sample.
    """
    state = home_state(warehouse)
    known = warehouse.shared.read(sql("metrics/measured_state"), {"kept": _KEPT})
    wanted = {"run_id": state.newest, "stages": state.stages, "content": state.content, "sample": SAMPLE}
    if state.newest and known == [wanted]:
        rows = read_metrics(warehouse)
        return completed(warehouse, rows) if completed else rows
    return keep_metrics(warehouse, completed=completed)


def metric_over_time(warehouse: Warehouse, metric: str, over: Over, part: str | None = None) -> list[Row]:
    """A figure over all domains in each measurement, with its time, run and method, oldest first.

    What is taken over a sample is compared over one of the same size alone.
    """
    where = {"metric": metric, "over": over, "part": part, "sampled": metric in _SAMPLED}
    return warehouse.shared.read(sql("metrics/over_time"), where)


def home_method(warehouse: Warehouse) -> str:
    """How a home's dialogues were generated: by their rows, or where there is none by the settings of its last run.

    Returns:
        ``non_autoregressive``, ``simulation``, or ``mixed`` where domains differ.
    """
    return home_state(warehouse).method or _set_method(warehouse)


def _set_method(warehouse: Warehouse) -> str:
    try:
        settings: object = json.loads(warehouse.settings_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return DEFAULT_METHOD
    found = cast("dict[str, object]", settings).get("method") if isinstance(settings, dict) else None
    return found if isinstance(found, str) else DEFAULT_METHOD


def _row(row: Row) -> MetricRow:
    return MetricRow(row["domain"], row["over"], row["metric"], row["part"], row["value"], row["count"])
