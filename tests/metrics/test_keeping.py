"""Measurements that are kept."""

from __future__ import annotations

import json
from pathlib import Path

from tests.builders import dialogue
from tests.metrics.homes import Attempt, write_home
from toolace_dagster.metrics import figure, measure_home, read_metrics, store_metrics
from toolace_dagster.metrics.keeping import metric_over_time
from toolace_dagster.warehouse import Warehouse


def measured(warehouse: Warehouse) -> None:
    store_metrics(warehouse, measure_home(warehouse))


def test_what_is_read_is_what_was_measured(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue())])
    rows = measure_home(warehouse)
    assert read_metrics(warehouse) == []
    store_metrics(warehouse, rows)
    assert read_metrics(warehouse) == rows


def test_a_home_that_did_not_change_has_one_measurement(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue())])
    measured(warehouse)
    measured(warehouse)
    assert len(metric_over_time(warehouse, "user_turns", "accepted")) == 1


def test_each_run_adds_a_measurement_and_the_newest_is_read(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue())])
    measured(warehouse)
    short = dialogue(dialogue().turns[:6], id="vans-0000-abcdef", domain="vans")
    write_home(tmp_path, [Attempt(short)], "vans", run="run-2")
    measured(warehouse)
    kept = metric_over_time(warehouse, "user_turns", "accepted")
    assert [(row["run_id"], row["value"]) for row in kept] == [("run-1", 2), ("run-2", 1.5)]
    assert figure(read_metrics(warehouse), "user_turns") == 1.5
    domains = warehouse.shared.read("SELECT DISTINCT domain, run_id FROM metrics WHERE domain IS NOT NULL ORDER BY ALL")
    assert [tuple(row.values()) for row in domains] == [("garages", "run-1"), ("vans", "run-2")]


def test_the_method_is_that_of_the_homes_settings(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue())])
    measured(warehouse)
    assert {row["method"] for row in warehouse.shared.read("SELECT method FROM metrics")} == {"non_autoregressive"}
    warehouse.settings_file.write_text(json.dumps({"method": "simulation"}))
    measured(warehouse)
    assert {row["method"] for row in warehouse.shared.read("SELECT method FROM metrics")} == {"simulation"}


def test_nothing_measured_writes_nothing(tmp_path: Path) -> None:
    store_metrics(Warehouse(tmp_path), [])
    assert read_metrics(Warehouse(tmp_path)) == []
    assert not (tmp_path / "warehouse").exists()
