"""Measurements that are kept."""

from __future__ import annotations

import json
from pathlib import Path

from tests.builders import dialogue
from tests.metrics.homes import Attempt, finish, write_home
from toolace_dagster.metrics import figure, keep_metrics, measure_home, read_metrics, store_metrics
from toolace_dagster.metrics.keeping import current_metrics, home_method, metric_over_time
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


def kept_methods(warehouse: Warehouse) -> set[tuple[str | None, str]]:
    rows = warehouse.shared.read("SELECT DISTINCT domain, method FROM metrics")
    return {(row["domain"], row["method"]) for row in rows}


def test_the_method_of_a_domain_is_that_of_its_rows(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue())])
    # A run that was stopped before it made anything changed the settings alone.
    warehouse.settings_file.write_text(json.dumps({"method": "simulation"}))
    measured(warehouse)
    assert kept_methods(warehouse) == {(None, "non_autoregressive"), ("garages", "non_autoregressive")}
    other = dialogue(id="vans-0000-a", domain="vans")
    write_home(tmp_path, [Attempt(other)], "vans", run="run-2", method="simulation")
    with warehouse.shared.write() as connection:
        connection.execute("DELETE FROM metrics")
    measured(warehouse)
    assert kept_methods(warehouse) == {
        (None, "mixed"), ("garages", "non_autoregressive"), ("vans", "simulation"),
    }  # fmt: skip
    assert home_method(warehouse) == "mixed"


def test_without_rows_the_method_is_that_of_the_settings(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [])
    assert home_method(warehouse) == "non_autoregressive"
    warehouse.settings_file.write_text(json.dumps({"method": "simulation"}))
    assert home_method(warehouse) == "simulation"


def test_a_measurement_in_the_middle_of_a_run_does_not_stand_for_its_end(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path, [Attempt(dialogue())])
    assert figure(current_metrics(warehouse), "dialogues", over="attempted") == 1
    later = dialogue(id="vans-0000-a", domain="vans")
    write_home(tmp_path, [Attempt(later)], "vans", run="run-1")
    assert figure(current_metrics(warehouse), "dialogues", over="attempted") == 2
    # A stage that made nothing but costs, in the same run.
    with warehouse.domain("vans").write() as connection:
        finish(connection, "vans", "run-1", "verified_dialogues")
    before = warehouse.shared.read("SELECT DISTINCT measured_at FROM metrics")
    current_metrics(warehouse)
    after = warehouse.shared.read("SELECT DISTINCT measured_at FROM metrics")
    assert len(after) == 1
    assert after != before
    current_metrics(warehouse)
    assert warehouse.shared.read("SELECT DISTINCT measured_at FROM metrics") == after


def entailing(folder: Path) -> str:
    """A model that holds everything entailed."""
    path = folder / "model.py"
    path.write_text("def entails(pairs):\n    return [1.0 for _ in pairs]\n")
    return str(path)


def test_a_models_figures_outlive_a_measurement_without_it_while_the_dialogues_are_the_same(tmp_path: Path) -> None:
    warehouse = write_home(tmp_path / "home", [Attempt(dialogue()), Attempt(dialogue(id="garages-0001-a"))])
    first = keep_metrics(warehouse, entailment=entailing(tmp_path))
    assert figure(first, "coherence_entailment") == 1
    for rows in (keep_metrics(warehouse, sample=3), keep_metrics(warehouse), current_metrics(warehouse)):
        assert figure(rows, "coherence_entailment") == 1
        assert rows == read_metrics(warehouse)
    query = "SELECT DISTINCT sample, entailment FROM metrics WHERE metric = $metric"
    assert warehouse.shared.read(query, {"metric": "coherence_entailment"}) == [
        {"sample": 200, "entailment": str(tmp_path / "model.py")}
    ]
    assert warehouse.shared.read(query, {"metric": "self_bleu"}) == [{"sample": 200, "entailment": None}]
    other = dialogue(dialogue().turns[:6], id="garages-0002-a")
    write_home(tmp_path / "home", [Attempt(other)], run="run-2")
    assert figure(keep_metrics(warehouse), "coherence_entailment") is None


def test_what_is_current_is_over_the_ordinary_sample_and_followed_over_the_same(tmp_path: Path) -> None:
    attempts = [Attempt(dialogue(id=f"garages-000{number}-a")) for number in range(4)]
    warehouse = write_home(tmp_path, attempts)
    keep_metrics(warehouse, sample=2)
    count = "SELECT count FROM metrics WHERE metric = 'self_bleu' AND domain IS NULL AND over = 'accepted'"
    assert warehouse.shared.read(count) == [{"count": 2}]
    write_home(tmp_path, [Attempt(dialogue(id="vans-0000-a", domain="vans"))], "vans", run="run-2")
    current_metrics(warehouse)
    assert len(metric_over_time(warehouse, "user_turns", "accepted")) == 2
    assert [row["count"] for row in metric_over_time(warehouse, "self_bleu", "accepted")] == [5]
    keep_metrics(warehouse, sample=2)
    assert [row["count"] for row in metric_over_time(warehouse, "self_bleu", "accepted")] == [2, 2]
    current_metrics(warehouse)
    assert [row["count"] for row in metric_over_time(warehouse, "self_bleu", "accepted")] == [5]


def test_nothing_measured_writes_nothing(tmp_path: Path) -> None:
    store_metrics(Warehouse(tmp_path), [])
    assert read_metrics(Warehouse(tmp_path)) == []
    assert not (tmp_path / "warehouse").exists()
