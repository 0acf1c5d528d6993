"""Experiments in Dagster: partitions of an asset are arms, made as the command line makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from tests.experiments.undertakings import make, rows_of, undertaking
from toolace_dagster.assets.experiments import experiment_asset
from toolace_dagster.experiments.declared import arm_settings, find_experiment
from toolace_dagster.experiments.making import Undertaking
from toolace_dagster.experiments.measures import measure, read_results
from toolace_dagster.orchestration.experiments import report_arms
from toolace_dagster.orchestration.instance import open_instance
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.orchestration.workers import engine_events

FEW = {"dialogues": 1, "llm": {"error_rate": 6.0}}


def materialized(
    home: Path, partition: str, instance: dg.DagsterInstance | None = None, **settings: object
) -> dg.ExecuteInProcessResult:
    """One arm of the ablation, over the domains of the last launch."""
    resource = Toolace(home=str(home), settings=settings)
    return dg.materialize(
        [experiment_asset(find_experiment("ablation"))],
        partition_key=partition,
        resources={"toolace": resource},
        instance=instance,
        raise_on_error=False,
    )


def small(home: Path, **more: Any) -> Undertaking:
    return undertaking(home, "ablation", dialogues=1, **more)


def test_an_arm_is_made_with_those_it_goes_on_from_and_measured(tmp_path: Path) -> None:
    planned = small(tmp_path)
    make(planned, "initialization", launch="command")
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialized(tmp_path, "injection", instance)
        logged = [
            each.metadata["settings"].value
            for each in engine_events(instance, result.run_id)
            if "settings" in each.metadata
        ]
    assert result.success
    (event,) = result.asset_materializations_for_node("ablation_experiment")
    assert event.partition == "injection"
    figures = str(event.metadata["figures"].value).splitlines()
    assert figures[2] == "| arm | + complexity injection |"
    assert any(line.startswith("| pass rate |") for line in figures)
    own = arm_settings(planned.basis, planned.experiment.arm("injection", planned.domains)).model_dump(mode="json")
    assert event.metadata["settings"].value == own
    of_home, of_arm = logged
    assert of_arm == own != of_home
    assert [each.name for each in read_results(planned.home, "ablation")] == ["injection"]
    assert rows_of(planned, "initialization", "SELECT DISTINCT run_id FROM stage_rows") == [{"run_id": "command"}]
    specs = "SELECT payload FROM stage_rows WHERE stage = 'task_specs'"
    assert rows_of(planned, "injection", specs) == rows_of(planned, "initialization", specs) != []


def test_a_limit_that_is_reached_is_a_failure_with_its_name(tmp_path: Path) -> None:
    make(small(tmp_path, max_calls=3), "initialization", launch="command")
    result = materialized(tmp_path, "full")
    assert not result.success
    (failed,) = (event for event in result.all_events if event.is_step_failure)
    said = failed.step_failure_data.user_failure_data
    assert said is not None
    assert said.metadata["limit_reached"].value == "max_calls"
    assert "home_energy" in (said.description or "")


def test_what_the_command_line_made_is_told_to_dagster(tmp_path: Path) -> None:
    planned = small(tmp_path)
    make(planned)
    measure(planned, planned.arms)
    report_arms(planned)
    with open_instance(planned.home) as instance:
        told = instance.get_materialized_partitions(dg.AssetKey("ablation_experiment"))
    assert told == {arm.name for arm in planned.arms}
