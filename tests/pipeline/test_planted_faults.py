"""The checks of a stage find what was planted in its rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.pipeline.homes import context
from toolace_dagster.pipeline.checks import schema_faults, sum_faults
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.reporting.summary import summarize


@pytest.fixture
def planted(finished: StageContext, tmp_path: Path) -> StageContext:
    """A copy of the finished home, to be broken."""
    home = shutil.copytree(finished.warehouse.home, tmp_path / "home")
    return context(home, finished.settings)


def execute(where: StageContext, statement: str) -> None:
    with where.store.write() as connection:
        connection.execute(statement)


@pytest.mark.parametrize("stage", ["task_specs", "skeletons", "refinement_round_01", "verification"])
def test_a_row_that_is_gone_breaks_the_sum_of_its_stage(planted: StageContext, stage: str) -> None:
    execute(
        planted,
        f"DELETE FROM stage_rows WHERE stage = '{stage}' AND dialogue_id = "
        f"(SELECT min(dialogue_id) FROM stage_rows WHERE stage = '{stage}')",
    )
    (fault,) = sum_faults(planted, stage)
    assert stage in fault
    assert "attempted, but" in fault


@pytest.mark.parametrize("stage", ["task_specs", "skeletons", "refinement_round_02", "verified_dialogues"])
def test_a_stage_without_rows_is_missed(planted: StageContext, stage: str) -> None:
    execute(planted, f"DELETE FROM stage_rows WHERE stage = '{stage}'")
    (fault,) = sum_faults(planted, stage)
    assert fault.startswith(f"{stage} holds no row, but ")


def test_a_row_in_no_known_state_breaks_sum_and_summary(planted: StageContext) -> None:
    execute(planted, "UPDATE stage_rows SET state = 'lost' WHERE stage = 'verification' AND slot = 2")
    assert "accepted, rejected or failed" in sum_faults(planted, "verification")[0]
    assert not summarize(planted.warehouse, planted.domain).adds_up


def test_a_payload_that_is_no_entity_is_found(planted: StageContext) -> None:
    execute(planted, """UPDATE stage_rows SET payload = '{"id": 1}' WHERE stage = 'refinement_round_01' AND slot = 4""")
    (fault,) = schema_faults(planted, "refinement_round_01")
    assert fault.startswith(f"{planted.domain}-0004-")
    assert "RefinedDialogue" in fault


def test_a_rejection_without_a_reason_is_found(planted: StageContext) -> None:
    execute(planted, "UPDATE stage_rows SET reason = NULL WHERE stage = 'verification' AND state = 'rejected'")
    faults = schema_faults(planted, "verification")
    assert faults
    assert all(fault.endswith("is rejected without a reason") for fault in faults)
