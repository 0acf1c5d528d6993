"""Assets over all domains: splits, exports, dataset card.

Belongs here: the assets. Does not belong here: choosing a side or writing a file
(``toolace_dagster.dataset``).
"""

import dagster as dg

from toolace_dagster.dataset import DatasetRow, render_card
from toolace_dagster.orchestration.materialize import Materialized, check_result
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.dataset import card_facts, dataset_rows, make_card, make_exports, make_splits
from toolace_dagster.reporting.markdown import dialogue_markdown, table

_GROUP = "stage_4_dataset"
_SPLIT_CHECK = "no_task_on_two_sides"
_COUNT_CHECK = "every_verified_dialogue_exported"


@dg.asset(
    deps=["verified_dialogues"],
    group_name=_GROUP,
    kinds={"duckdb"},
    check_specs=[
        dg.AssetCheckSpec(
            name=_SPLIT_CHECK,
            asset="splits",
            blocking=True,
            description="Dialogues of one task are on one side, and so are near-duplicates.",
        )
    ],
)
def splits(toolace: Toolace) -> Materialized:
    """Train, validation and test over all domains, balanced; a side once given is kept when data is added."""
    outcome = make_splits(toolace.warehouse(), toolace.effective_settings())
    report = outcome.report
    by_domain = [{"domain": name, **sizes} for name, sizes in report.domains.items()]
    leaks = [f"{report.leakage} tasks are on two sides"] if report.leakage else []
    leaks += [f"{report.near_leakage} pairs of near-duplicates are on two sides"] if report.near_leakage else []
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(report.sizes.values()),
            **report.sizes,
            "tasks": report.groups,
            "near_duplicates": report.near_duplicates or 0,
            "tools_on_two_sides": report.tools_on_two_sides,
            "withheld": dg.MetadataValue.md(
                table([{"dialogue": name, "fault": fault} for name, fault in outcome.withheld.items()])
            ),
            "by_domain": dg.MetadataValue.md(table(by_domain)),
            "by_injection": dg.MetadataValue.md(table([{"injection": n, **s} for n, s in report.injections.items()])),
            "by_length": dg.MetadataValue.md(table([{"length": name, **s} for name, s in report.lengths.items()])),
        },
        check_results=[check_result(_SPLIT_CHECK, leaks)],
    )


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "trl_export",
            deps=["splits"],
            group_name=_GROUP,
            kinds={"parquet"},
            description="Parquet for TRL: call arguments as objects, typed so that `datasets` pads nothing with nulls.",
        ),
        dg.AssetSpec(
            "openai_export",
            deps=["splits"],
            group_name=_GROUP,
            kinds={"json"},
            description="JSONL for OpenAI fine-tuning: call arguments as JSON text.",
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(name=_COUNT_CHECK, asset="trl_export", description="Rows read back from the files."),
        dg.AssetCheckSpec(name=_COUNT_CHECK, asset="openai_export", description="Rows read back from the files."),
    ],
)
def exports(toolace: Toolace):
    """Training files; all appear together, after all were read back."""
    warehouse, settings = toolace.warehouse(), toolace.effective_settings()
    report = make_exports(warehouse, settings)
    verified = list(dataset_rows(warehouse, settings))
    for asset, folder in (("trl_export", "trl/"), ("openai_export", "openai/")):
        files = [file for file in report.files if file.path.startswith(folder)]
        written = sum(file.rows for file in files)
        faults = (
            [] if written == len(verified) else [f"{written} of {len(verified)} verified dialogues are in {folder}"]
        )
        yield dg.MaterializeResult(
            asset_key=asset,
            metadata={
                "dagster/row_count": written,
                "folder": dg.PathMetadataValue(str(warehouse.exports / folder)),
                "files": dg.MetadataValue.md(table([file.model_dump() for file in files])),
                "warnings": dg.MetadataValue.md("\n".join(f"- {warning}" for warning in report.warnings) or "none"),
                "sample_dialogue": dg.MetadataValue.md(_sample(verified)),
            },
            data_version=dg.DataVersion("-".join(file.sha256[:12] for file in files)),
            check_results=[check_result(_COUNT_CHECK, faults, asset)],
        )


@dg.asset(deps=["trl_export", "openai_export"], group_name=_GROUP, kinds={"huggingface"})
def dataset_card(toolace: Toolace) -> Materialized:
    """The dataset card: which model made the data, how, from which tools, and how many were rejected why."""
    warehouse, settings = toolace.warehouse(), toolace.effective_settings()
    report = make_card(warehouse, settings)
    text = render_card(card_facts(warehouse, settings))
    return dg.MaterializeResult(
        metadata={
            "path": dg.PathMetadataValue(str(warehouse.exports / report.path)),
            "card": dg.MetadataValue.md(text.split("---", 2)[-1]),
        },
        data_version=dg.DataVersion(report.sha256),
    )


def _sample(rows: list[DatasetRow]) -> str:
    return dialogue_markdown(rows[0].dialogue) if rows else "no verified dialogue"


DATASET_ASSETS: list[dg.AssetsDefinition] = [splits, exports, dataset_card]
