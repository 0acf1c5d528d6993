"""The assets that measure: what Dagster is told, and what they leave behind."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from tests.builders import dialogue
from tests.metrics.homes import Attempt, write_home
from toolace_dagster.assets.metrics import MEASURING_ASSETS
from toolace_dagster.metrics import read_metrics
from toolace_dagster.orchestration.resources import Toolace


def measured(home: Path, **config: object) -> dg.ExecuteInProcessResult:
    instance = dg.DagsterInstance.ephemeral()
    ops = {"metrics": {"config": config}} if config else {}
    return dg.materialize(
        MEASURING_ASSETS,
        resources={"toolace": Toolace(home=str(home))},
        instance=instance,
        run_config={"ops": ops},
        raise_on_error=False,
    )


def test_figures_are_numbers_and_tables_and_the_report_is_written(tmp_path: Path) -> None:
    warehouse = write_home(
        tmp_path, [Attempt(dialogue()), Attempt(dialogue(id="garages-0001-a"), "rejected", check="rule.x")]
    )
    ended = measured(tmp_path)
    assert ended.success
    (metrics,) = ended.asset_materializations_for_node("metrics")
    (report,) = ended.asset_materializations_for_node("report")
    assert metrics.metadata["user_turns"].value == 2.0
    assert metrics.metadata["pass_rate"].value == 0.5
    assert "| Pass rate | 50.0% |" in str(metrics.metadata["all_domains"].value)
    assert "| rule.x | 2 | 50.0% |" in str(metrics.metadata["pass_rate_by_check"].value)
    assert len(read_metrics(warehouse)) == metrics.metadata["dagster/row_count"].value
    assert "Beside the paper" in str(report.metadata["report"].value)
    assert (tmp_path / "reports" / "report.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "reports" / "report.md").read_text() == report.metadata["report"].value


def test_a_model_that_can_not_be_used_fails_the_step_with_the_mend(tmp_path: Path) -> None:
    write_home(tmp_path, [Attempt(dialogue())])
    ended = measured(tmp_path, entailment="nothing_of_the_kind")
    assert not ended.success
    (failure,) = [event for event in ended.all_events if event.is_step_failure and event.step_key == "metrics"]
    data = failure.step_failure_data
    assert data.user_failure_data is not None
    assert "nothing_of_the_kind can't be loaded" in (data.user_failure_data.description or "")
    assert read_metrics(write_home(tmp_path / "other", [Attempt(dialogue())])) == []
