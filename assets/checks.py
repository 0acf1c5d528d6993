"""Checks over a whole home, for the weekly job: they read everything that is stored and make no model call.

They stand at assets over all domains: at those of a domain each run of a backfill would read the whole home.

Belongs here: the checks. Does not belong here: those that come with a materialization
(``orchestration.materialize``), or what is checked (``toolace_dagster.pipeline``).
"""

import dagster as dg

from toolace_dagster.orchestration.materialize import check_result
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.full_check import (
    contamination_faults,
    export_faults,
    split_faults,
    stored_faults,
    table_faults,
)


@dg.asset_check(asset="splits", description="Every table of every file has the columns it should have.")
def tables_fit_schema(toolace: Toolace) -> dg.AssetCheckResult:
    """Tables as their SQL declares them."""
    return check_result("tables_fit_schema", table_faults(toolace.warehouse()), look="DESCRIBE the table in its file")


@dg.asset_check(asset="splits", description="Rows of all domains and stages are valid, and counts add up.")
def stored_rows_are_sound(toolace: Toolace) -> dg.AssetCheckResult:
    """All stages of all domains, as they are stored now."""
    faults, stale = stored_faults(toolace.warehouse(), toolace.effective_settings())
    return check_result(
        "stored_rows_are_sound", faults, look="the view stage_counts in the domain's file", remarks=stale
    )


@dg.asset_check(asset="splits", description="No verified dialogue repeats a benchmark that is named.")
def no_benchmark_text(toolace: Toolace) -> dg.AssetCheckResult:
    """Contamination: the user's turns of all verified dialogues beside the benchmarks named now."""
    settings = toolace.effective_settings()
    named = [] if settings.benchmarks else ["The setting benchmarks names no file, so nothing was compared"]
    return check_result(
        "no_benchmark_text",
        contamination_faults(toolace.warehouse(), settings),
        look="toolace why --check rule.benchmark_overlap",
        warns=True,
        remarks=named,
    )


@dg.asset_check(asset="splits", description="Every verified dialogue has one side, and no task is on two.")
def splits_are_whole(toolace: Toolace) -> dg.AssetCheckResult:
    """Splits beside the verified dialogues of now."""
    faults = split_faults(toolace.warehouse(), toolace.effective_settings())
    return check_result(
        "splits_are_whole", faults, look="the table splits in warehouse/shared/dataset.duckdb", warns=True
    )


@dg.asset_check(asset="dataset_card", description="Export files are those that were written: same size, same hash.")
def exports_are_unchanged(toolace: Toolace) -> dg.AssetCheckResult:
    """Files on disk beside what is recorded of them."""
    return check_result(
        "exports_are_unchanged", export_faults(toolace.warehouse()), look="exports/ in the home", warns=True
    )


FULL_CHECKS: list[dg.AssetChecksDefinition] = [
    tables_fit_schema,
    stored_rows_are_sound,
    no_benchmark_text,
    splits_are_whole,
    exports_are_unchanged,
]
