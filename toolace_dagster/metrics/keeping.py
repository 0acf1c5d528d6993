"""The table of measurements in a home's shared file.

Belongs here: writing and reading it. Does not belong here: measuring.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from toolace_dagster.metrics.measuring import measure_home
from toolace_dagster.metrics.rows import MetricRow, Over
from toolace_dagster.warehouse import Row, Warehouse, fetch, insert, sql

DEFAULT_METHOD = "non_autoregressive"


def store_metrics(warehouse: Warehouse, rows: Sequence[MetricRow]) -> None:
    """Keep a measurement; one of the same state of the home is replaced.

    Args:
        warehouse: The home's files.
        rows: What was measured.
    """
    if not rows:
        return
    runs = _last_runs(warehouse)
    newest = max(runs.values(), key=lambda row: row["finished_at"], default=None)
    of_home = newest["run_id"] if newest else ""
    method, now = home_method(warehouse), datetime.now(UTC).replace(tzinfo=None)
    made = [
        {
            "domain": row.domain,
            "run_id": runs[row.domain]["run_id"] if row.domain in runs else of_home,
            "method": method,
            "over": row.over,
            "metric": row.metric,
            "part": row.part,
            "value": row.value,
            "count": row.count,
            "measured_at": now.isoformat(sep=" "),
        }
        for row in rows
    ]
    with warehouse.shared.write() as connection:
        connection.execute(sql("metrics/forget"), {"run_id": of_home})
        insert(connection, "metrics", made)


def read_metrics(warehouse: Warehouse) -> list[MetricRow]:
    """The newest measurement of a home; an empty list where there is none."""
    return [_row(row) for row in warehouse.shared.read(sql("metrics/newest"))]


def current_metrics(warehouse: Warehouse) -> list[MetricRow]:
    """The figures of a home as it is now: those that are kept, or measured and kept where a run came after them."""
    runs = _last_runs(warehouse)
    newest = max(runs.values(), key=lambda row: row["finished_at"], default=None)
    known = warehouse.shared.read(sql("metrics/measured_run"))
    if newest is not None and known and known[0]["run_id"] == newest["run_id"]:
        return read_metrics(warehouse)
    rows = measure_home(warehouse)
    store_metrics(warehouse, rows)
    return rows


def metric_over_time(warehouse: Warehouse, metric: str, over: Over, part: str | None = None) -> list[Row]:
    """A figure over all domains in each measurement, with its time, run and method, oldest first."""
    return warehouse.shared.read(sql("metrics/over_time"), {"metric": metric, "over": over, "part": part})


def home_method(warehouse: Warehouse) -> str:
    """How a home's dialogues are generated, by the settings of its last run."""
    try:
        settings: object = json.loads(warehouse.settings_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return DEFAULT_METHOD
    found = cast("dict[str, object]", settings).get("method") if isinstance(settings, dict) else None
    return found if isinstance(found, str) else DEFAULT_METHOD


def _last_runs(warehouse: Warehouse) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for domain in warehouse.domains():
        with warehouse.domain(domain).beside_memory() as connection:
            rows = fetch(connection, sql("metrics/last_runs"))
        if rows:
            found[domain] = rows[0]
    return found


def _row(row: Row) -> MetricRow:
    return MetricRow(row["domain"], row["over"], row["metric"], row["part"], row["value"], row["count"])
