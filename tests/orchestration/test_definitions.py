"""The code location: assets, what they depend on, partitions, checks and jobs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from tests.orchestration.conftest import DagsterHome
from toolace_dagster.assets.dataset import DATASET_ASSETS
from toolace_dagster.experiments.declared import ORDER, find_experiment
from toolace_dagster.orchestration.definitions import (
    DATASET_JOB,
    GENERATE_JOB,
    MEASURE_JOB,
    SIMULATE_JOB,
    build_definitions,
)
from toolace_dagster.orchestration.materialize import SCHEMA_CHECK, SUMS_CHECK
from toolace_dagster.orchestration.partitions import TOOL_DOMAINS
from toolace_dagster.pipeline.dataset import splits_content
from toolace_dagster.settings import FORMAT_NAMES, Settings
from toolace_dagster.warehouse import Warehouse

REPOSITORY = Path(__file__).parents[2]

ROUNDS = [f"refinement_round_{number:02d}" for number in range(1, 6)]
BY_DOMAIN = ["tool_pool", "task_specs", "skeletons", *ROUNDS, "verification", "verified_dialogues"]
IN_NO_JOB = {"lora_adapter"}
"""What nobody wants by accident: it takes a GPU and hours."""
MEASUREMENTS = {"metrics", "report"}
OVER_DOMAINS = {
    "splits": {"verified_dialogues"},
    **{f"{name}_export": {"splits"} for name in FORMAT_NAMES},
    "preference_export": {"splits"},
    "metrics": {"verified_dialogues"},
    "report": {"metrics"},
    "lora_adapter": {"trl_export"},
    "dataset_card": {f"{name}_export" for name in FORMAT_NAMES},
}


EXPERIMENTS = {f"{name}_experiment" for name in ORDER}
"""In no job either: they cost several runs."""


def graph(definitions: dg.Definitions) -> dict[str, set[str]]:
    assets = definitions.resolve_asset_graph()
    return {
        key.to_user_string(): {parent.to_user_string() for parent in assets.get(key).parent_keys}
        for key in assets.get_all_asset_keys()
    }


def test_the_definitions_are_sound(tmp_path: Path) -> None:
    dg.Definitions.validate_loadable(build_definitions(tmp_path))


def test_each_stage_follows_the_one_before_and_the_dataset_follows_all(tmp_path: Path) -> None:
    expected = {name: {before} for before, name in pairwise(BY_DOMAIN)}
    assert graph(build_definitions(tmp_path)) == {"tool_pool": set()} | expected | OVER_DOMAINS | {
        name: set() for name in EXPERIMENTS
    }


@pytest.mark.parametrize(("rounds", "before"), [(0, "skeletons"), (2, "refinement_round_02")])
def test_verification_follows_the_last_round_there_is(tmp_path: Path, rounds: int, before: str) -> None:
    edges = graph(build_definitions(tmp_path, rounds))
    assert edges["verification"] == {before}
    assert len([name for name in edges if name.startswith("refinement_round")]) == rounds


def test_the_graph_has_the_rounds_of_the_last_run_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(Settings(rounds=3).model_dump_json())
    assert "refinement_round_03" in graph(build_definitions(tmp_path))
    assert "refinement_round_04" not in graph(build_definitions(tmp_path))


def test_stages_are_partitioned_by_tool_domain_and_the_dataset_is_not(tmp_path: Path) -> None:
    assets = build_definitions(tmp_path).resolve_asset_graph()
    for name in BY_DOMAIN:
        assert assets.get(dg.AssetKey(name)).partitions_def == TOOL_DOMAINS, name
    for name in OVER_DOMAINS:
        assert assets.get(dg.AssetKey(name)).partitions_def is None, name


def test_every_stage_is_checked_and_a_failed_check_blocks(tmp_path: Path) -> None:
    assets = build_definitions(tmp_path).resolve_asset_graph()
    for name in BY_DOMAIN[1:]:
        for check in (SUMS_CHECK, SCHEMA_CHECK):
            assert assets.get(dg.AssetCheckKey(dg.AssetKey(name), check)).blocking, (name, check)


def test_checks_at_assets_of_a_domain_look_at_that_domain_alone(tmp_path: Path) -> None:
    """A run of a backfill executes all checks at its assets, and there is one for each domain."""
    assets = build_definitions(tmp_path).resolve_asset_graph()
    for node in assets.asset_check_nodes:
        of_domain = node.key.asset_key.to_user_string() in BY_DOMAIN
        assert node.partitions_def == (TOOL_DOMAINS if of_domain else None), node.key


def test_the_jobs_make_all_assets(tmp_path: Path) -> None:
    definitions = build_definitions(tmp_path)
    made = {
        job: {key.to_user_string() for key in definitions.resolve_job_def(job).asset_layer.executable_asset_keys}
        for job in (GENERATE_JOB, DATASET_JOB, MEASURE_JOB)
    }
    assert made == {
        GENERATE_JOB: set(BY_DOMAIN),
        DATASET_JOB: set(OVER_DOMAINS) - IN_NO_JOB - MEASUREMENTS,
        MEASURE_JOB: MEASUREMENTS,
    }


def test_experiments_have_a_partition_for_each_arm_and_are_in_no_job_and_on_no_schedule(tmp_path: Path) -> None:
    definitions = build_definitions(tmp_path)
    assets = definitions.resolve_asset_graph()
    jobs = definitions.resolve_all_job_defs()
    in_jobs = {
        key.to_user_string()
        for job in jobs
        if "__ASSET_JOB" not in job.name
        for key in job.asset_layer.executable_asset_keys
    }
    assert in_jobs.isdisjoint(EXPERIMENTS)
    for name in ORDER:
        node = assets.get(dg.AssetKey(f"{name}_experiment"))
        assert node.group_name == "stage_6_experiments"
        assert node.automation_condition is None
        experiment = find_experiment(name)
        if experiment.arm_by_domain:
            assert node.partitions_def == TOOL_DOMAINS
        else:
            assert node.partitions_def is not None
            assert list(node.partitions_def.get_partition_keys()) == [arm.name for arm in experiment.arms]


def test_every_asset_says_what_it_holds(tmp_path: Path) -> None:
    for spec in build_definitions(tmp_path).resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.group_name != "default", spec.key


def test_assets_in_tables_show_their_columns(tmp_path: Path) -> None:
    """Columns under the names and types of a file that was made."""
    warehouse = Warehouse(tmp_path)
    stores = dict.fromkeys(BY_DOMAIN, warehouse.domain("empty")) | {"splits": warehouse.shared}
    specs = {spec.key.to_user_string(): spec for spec in build_definitions(tmp_path).resolve_all_asset_specs()}
    for name, store in stores.items():
        with store.write():
            pass
        spec = specs[name]
        rows = store.read(f'DESCRIBE "{spec.metadata["dagster/table_name"]}"')
        columns = spec.metadata["dagster/column_schema"].columns
        assert [(each.name, each.type) for each in columns] == [
            (row["column_name"], row["column_type"]) for row in rows
        ], name
        assert all(column.description for column in columns), name


def test_assets_lead_to_their_code_and_docs_and_name_their_owners(tmp_path: Path) -> None:
    settings = Settings(owners=("team:data",))
    for spec in build_definitions(tmp_path, settings=settings).resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert (REPOSITORY / spec.metadata["docs"]).is_file(), name
        code, page = spec.metadata["dagster/code_references"].code_references
        assert Path(code.file_path).is_file(), name
        assert (page.label, Path(page.file_path)) == (spec.metadata["docs"], REPOSITORY / spec.metadata["docs"]), name
        assert spec.metadata["section"], name
        assert spec.owners == ["team:data"], name


def test_schedules_start_when_the_settings_say(tmp_path: Path) -> None:
    settings = Settings(nightly_cron="30 1 * * mon-fri", weekly_cron="0 5 * * 6", cron_timezone="Europe/Berlin")
    schedules = build_definitions(tmp_path, settings=settings).schedules or ()
    found = {
        (each.cron_schedule, each.execution_timezone) for each in schedules if isinstance(each, dg.ScheduleDefinition)
    }
    assert found == {("30 1 * * mon-fri", "Europe/Berlin"), ("0 5 * * 6", "Europe/Berlin")}


BASELINE = {
    "simulated_dialogues": {"task_specs"},
    "simulation_verification": {"simulated_dialogues"},
    "simulation_verified_dialogues": {"simulation_verification"},
}


def test_the_baseline_is_in_the_graph_only_where_it_is_asked_for(tmp_path: Path) -> None:
    usual = build_definitions(tmp_path)
    assert not BASELINE.keys() & graph(usual).keys()
    compared = build_definitions(tmp_path, settings=Settings(compare_simulation=True))
    dg.Definitions.validate_loadable(compared)
    assert graph(compared) == graph(usual) | BASELINE
    simulate = compared.resolve_job_def(SIMULATE_JOB).asset_layer.executable_asset_keys
    assert {key.to_user_string() for key in simulate} == BASELINE.keys()
    generate = compared.resolve_job_def(GENERATE_JOB).asset_layer.executable_asset_keys
    assert not {key.to_user_string() for key in generate} & BASELINE.keys(), "a run pays for no baseline by accident"


def test_where_the_method_is_simulation_it_takes_the_place_of_skeletons_and_rounds(tmp_path: Path) -> None:
    edges = graph(build_definitions(tmp_path, settings=Settings(method="simulation", compare_simulation=True)))
    assert edges["simulated_dialogues"] == {"task_specs"}
    assert edges["verification"] == {"simulated_dialogues"}
    assert not {"skeletons", *ROUNDS, "simulation_verification"} & edges.keys()


def test_the_code_location_leads_to_paper_code_and_docs_that_open(tmp_path: Path) -> None:
    metadata = dict(build_definitions(tmp_path).metadata)
    assert {"paper", "code", "docs", "operating_it"} <= metadata.keys()
    paths = [Path(each.value) for each in metadata.values() if isinstance(each, dg.PathMetadataValue)]
    assert len(paths) == len(metadata) - 1
    assert all(path.exists() for path in paths)


def test_metrics_show_their_columns_and_a_wrong_export_stops_what_follows(tmp_path: Path) -> None:
    specs = {spec.key.to_user_string(): spec for spec in build_definitions(tmp_path).resolve_all_asset_specs()}
    columns = specs["metrics"].metadata["dagster/column_schema"].columns
    assert {"metric", "value", "over", "domain"} <= {column.name for column in columns}
    assert all(column.description for column in columns)
    checks = [check for asset in DATASET_ASSETS for check in asset.check_specs]
    counted = [check for check in checks if check.name == "every_verified_dialogue_exported"]
    assert len(counted) == len(FORMAT_NAMES)
    assert all(check.blocking for check in counted)


def test_splits_have_a_data_version_of_their_content(shared: DagsterHome) -> None:
    tags = shared.latest("splits", None).tags or {}
    warehouse = Warehouse(shared.home)
    assert tags["dagster/data_version"] == splits_content(warehouse, shared.settings)
    none = shared.settings.model_copy(update={"pool": str(shared.home / "nowhere")})
    assert splits_content(warehouse, none) != splits_content(warehouse, shared.settings)
