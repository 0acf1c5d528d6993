"""The baseline beside a home, made through Dagster."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.homes import DOMAIN, context, run_domain, settings
from toolace_dagster.entities import Dialogue
from toolace_dagster.orchestration.definitions import SIMULATE_JOB, build_definitions
from toolace_dagster.orchestration.instance import open_instance, register_domains
from toolace_dagster.pipeline.simulation_home import simulation_context
from toolace_dagster.settings import Settings


def test_the_job_makes_the_baseline_below_the_home(tmp_path: Path) -> None:
    chosen = settings(dialogues=3, rounds=1, compare_simulation=True)
    main = context(tmp_path, chosen)
    run_domain(main)
    before = main.store.read("SELECT * EXCLUDE (payload) FROM stage_rows ORDER BY stage_index, dialogue_id")
    job = build_definitions(tmp_path, settings=chosen).resolve_job_def(SIMULATE_JOB)
    values = {name: value for name, value in chosen.model_dump(mode="json").items() if value is not None}
    config = {"home": str(tmp_path), "settings": values, "settings_are_whole": True}
    with open_instance(main.warehouse) as instance:
        register_domains(instance, [DOMAIN])
        result = job.execute_in_process(
            instance=instance, partition_key=DOMAIN, run_config={"resources": {"toolace": {"config": config}}}
        )
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    beside = simulation_context(main)
    (row,) = beside.store.read("SELECT count(*) AS n, count(DISTINCT stage) AS stages FROM outcomes")
    assert row["n"] == 3
    assert beside.payloads("verified_dialogues", Dialogue)
    made = result.asset_materializations_for_node("simulated_dialogues")[0].metadata
    assert made["attempted"].value == 3
    assert "explorer" not in made, "the explorer's pages are those of the home itself"
    after = main.store.read("SELECT * EXCLUDE (payload) FROM stage_rows ORDER BY stage_index, dialogue_id")
    assert after == before
    (kept,) = main.store.read("SELECT job, settings FROM run_settings WHERE run_id = $run", {"run": result.run_id})
    assert kept["job"] == SIMULATE_JOB
    assert Settings.model_validate_json(kept["settings"]) == chosen
