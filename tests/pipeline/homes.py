"""Homes, runs and what they hold, for tests that run the pipeline."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.pipeline.pool import write_pool
from toolace_dagster.pipeline.stage_report import StageReport
from toolace_dagster.pipeline.stage_run import run_stage
from toolace_dagster.pipeline.stages import domain_stages
from toolace_dagster.settings import SHIPPED_POOL, ModelSettings, Settings
from toolace_dagster.tool_pool import load_pool
from toolace_dagster.warehouse import Warehouse

DOMAIN = "home_energy"
TWO_DOMAINS = (DOMAIN, "museum_visits")
"""Domains whose tools the model simulates."""

# More mistakes than documented, so that a handful of dialogues holds rejected ones.
FAULTY = ModelSettings(error_rate=5.0)


def settings(**more: Any) -> Settings:
    """Settings of a small run."""
    return Settings(**({"dialogues": 10, "rounds": 2, "llm": FAULTY} | more))


def context(home: Path, chosen: Settings, *, run_id: str = "first", domain: str = DOMAIN) -> StageContext:
    """The context of one domain in one run."""
    return StageContext(domain=domain, settings=chosen, warehouse=Warehouse(home), run_id=run_id)


def run_domain(where: StageContext) -> list[StageReport]:
    """Write the domain's tools and bring all its stages up to date."""
    write_pool(where.store, load_pool(where.settings.pool).domain(where.domain))
    return [run_stage(stage, where) for stage in domain_stages(where.settings)]


def paid_calls(where: StageContext) -> int:
    """Model calls paid for in the context's run."""
    return where.store.read("SELECT count(*) AS n FROM model_calls WHERE run_id = $run", {"run": where.run_id})[0]["n"]


def held(where: StageContext) -> dict[str, list[dict[str, Any]]]:
    """All that stages wrote about dialogues, without the ids of the runs."""
    queries = {
        "stage_rows": "SELECT * EXCLUDE (run_id) FROM stage_rows ORDER BY stage_index, dialogue_id",
        "edits": "SELECT * FROM edits ORDER BY edit_id",
        "findings": "SELECT * FROM findings ORDER BY dialogue_id, position",
        "expert_answers": "SELECT * FROM expert_answers ORDER BY dialogue_id, question",
    }
    return {name: where.store.read(query) for name, query in queries.items()}


def small_pool(folder: Path) -> Path:
    """A pool of two of the shipped domains."""
    folder.mkdir(parents=True)
    for name in TWO_DOMAINS:
        shutil.copy(SHIPPED_POOL / f"{name}.json", folder)
    return folder
