"""A whole domain in batch mode: the same stage code, the same rows as live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.llm.batch.endpoints import batching
from tests.pipeline.homes import context, held, run_domain
from toolace_dagster.llm.offline import OfflineModel
from toolace_dagster.llm.offline.server import Fate
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.settings import ModelSettings, Settings

STAGES = ["task_specs", "skeletons", "refinement_round_01", "verification", "verified_dialogues"]


def over(url: str, home: Path, **more: Any) -> StageContext:
    batch = {"poll": 0.05, "linger": 0.05}
    llm = ModelSettings.model_validate({"model": "offline-served", "base_url": url, "batch": batch} | more)
    return context(home, Settings(dialogues=4, rounds=1, llm=llm))


def test_a_domain_gives_the_same_rows_in_batch_mode_as_live(tmp_path: Path) -> None:
    """With the offline model's mistakes, and with lines that fail: the row programs do not notice."""
    with batching(OfflineModel(3.0), batch_fate=Fate(failing_share=0.05)) as (url, requests):
        live = over(url, tmp_path / "live")
        assert [report.stage for report in run_domain(live)] == STAGES
        assert requests.batches == 0
        asked = requests.seen["POST /v1/chat/completions"]
        batch = over(url, tmp_path / "batch", mode="batch")
        run_domain(batch)
        assert requests.seen["POST /v1/chat/completions"] == asked
        assert requests.batches > len(STAGES)
    assert held(batch) == held(live)
    usable = "SELECT key, response FROM model_calls WHERE usable ORDER BY key"
    assert batch.store.read(usable) == live.store.read(usable)
    modes = "SELECT DISTINCT mode, batch_id IS NULL AS alone FROM model_calls"
    assert live.store.read(modes) == [{"mode": "live", "alone": True}]
    assert batch.store.read(modes) == [{"mode": "batch", "alone": False}]


def test_roles_may_differ_in_mode(tmp_path: Path) -> None:
    with batching(OfflineModel(0)) as (url, requests):
        where = over(url, tmp_path, mode="batch")
        mixed = where.settings.model_copy(update={"roles": {"judge": {"mode": "live"}, "expert": {"mode": "live"}}})
        reports = run_domain(context(tmp_path, mixed))
        assert requests.batches > 0
    assert reports[-1].accepted == 4
    modes = where.store.read("SELECT role, list(DISTINCT mode) AS modes FROM model_calls GROUP BY role ORDER BY role")
    assert {row["role"]: row["modes"] for row in modes} == {
        "expert": ["live"],
        "generator": ["batch"],
        "judge": ["live"],
        "refiner": ["batch"],
    }
