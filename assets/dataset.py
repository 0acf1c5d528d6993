"""Assets over all domains: splits, exports, dataset card.

Belongs here: the assets. Does not belong here: choosing a side or writing a file
(``toolace_dagster.dataset``).
"""

from collections import Counter
from collections.abc import Iterable

import dagster as dg

from toolace_dagster.dataset import FileReport, render_card
from toolace_dagster.orchestration.materialize import Materialized, check_result
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.pipeline.card import card_facts, make_card
from toolace_dagster.pipeline.dataset import (
    count_verified,
    make_splits,
    split_rows,
    splits_content,
    stored_withheld,
)
from toolace_dagster.pipeline.exports import make_export
from toolace_dagster.pipeline.preferences import make_preferences
from toolace_dagster.reporting.markdown import dialogue_markdown, table
from toolace_dagster.settings import FORMAT_NAMES, FormatName

_GROUP = "stage_4_dataset"
_SPLIT_CHECK = "no_task_on_two_sides"
_COUNT_CHECK = "every_verified_dialogue_exported"
_SPLITS_FILE = "warehouse/shared/dataset.duckdb"


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
    warehouse, settings = toolace.warehouse(), toolace.effective_settings()
    outcome = make_splits(warehouse, settings)
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
        data_version=dg.DataVersion(splits_content(warehouse, settings)),
        check_results=[check_result(_SPLIT_CHECK, leaks, look=f"the table splits in {_SPLITS_FILE}")],
    )


_EXPORTS: dict[FormatName, tuple[str, str]] = {
    "trl": (
        "parquet",
        "Parquet and JSONL for TRL: arguments as objects, typed so that nothing is padded with nulls.",
    ),
    "openai": ("json", "JSONL for OpenAI fine-tuning: call arguments as JSON text."),
    "llama_factory": ("json", "ShareGPT JSONL for LLaMA-Factory, with its dataset_info.json."),
    "axolotl": ("json", "JSONL for Axolotl's chat_template type."),
    "ms_swift": ("json", "JSONL for ms-swift's agent training."),
    "hermes": ("json", "ShareGPT JSONL with tools and calls as Hermes tags."),
    "toolace": ("json", "JSONL in the form of the ToolACE data: calls as [Func(arg=value)]."),
}


def _files(files: Iterable[FileReport]) -> str:
    """The files as a table that fits the page: the beginning of a hash tells one from another."""
    return table([file.model_dump() | {"sha256": file.sha256[:12]} for file in files])


def export_asset(name: FormatName) -> dg.AssetsDefinition:
    """Make the asset of one format.

    Args:
        name: The format.
    """
    kind, description = _EXPORTS[name]
    asset_name = f"{name}_export"

    @dg.asset(
        name=asset_name,
        deps=["splits"],
        group_name=_GROUP,
        kinds={kind},
        description=description,
        check_specs=[
            dg.AssetCheckSpec(
                name=_COUNT_CHECK, asset=asset_name, blocking=True, description="Rows read back from the files."
            )
        ],
    )
    def made(toolace: Toolace) -> Materialized:
        warehouse, settings = toolace.warehouse(), toolace.effective_settings()
        report = make_export(warehouse, settings, name)
        withheld = stored_withheld(warehouse)
        exported = count_verified(warehouse, settings) - len(withheld)
        cut = sum(report.slices.values())
        by_ending = Counter[str]()
        for file in report.files:
            if file.split:
                by_ending[file.path.rpartition(".")[-1]] += file.rows
        faults = [
            f"{rows - cut} dialogues are in the {ending} files, where {exported} are verified and not withheld"
            for ending, rows in by_ending.items()
            if rows - cut != exported
        ]
        sample = next(split_rows(warehouse, settings), None)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": report.rows,
                "folder": dg.PathMetadataValue(str(warehouse.exports / name)),
                "files": dg.MetadataValue.md(_files(report.files)),
                "examples_cut_out": dg.MetadataValue.md(
                    table([{"kind": kind, "examples": number} for kind, number in report.slices.items()])
                ),
                "warnings": dg.MetadataValue.md("\n".join(f"- {warning}" for warning in report.warnings) or "none"),
                "turns_kept_out_of_the_loss": report.masked,
                "withheld": len(withheld),
                "sample_dialogue": dg.MetadataValue.md(
                    dialogue_markdown(sample.dialogue) if sample else "no verified dialogue"
                ),
            },
            data_version=dg.DataVersion("-".join(file.sha256[:12] for file in report.files)),
            check_results=[check_result(_COUNT_CHECK, faults, look=f"toolace export --format {name}")],
        )

    return made


@dg.asset(deps=[f"{name}_export" for name in FORMAT_NAMES], group_name=_GROUP, kinds={"huggingface"})
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


@dg.asset(deps=["splits"], group_name=_GROUP, kinds={"parquet"})
def preference_export(toolace: Toolace) -> Materialized:
    """Preference pairs for TRL: what a judge preferred, repaired turns, and calls before a mistake was put in."""
    warehouse, settings = toolace.warehouse(), toolace.effective_settings()
    report = make_preferences(warehouse, settings)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.rows,
            "folder": dg.PathMetadataValue(str(warehouse.exports / "preferences")),
            "by_source": dg.MetadataValue.md(
                table(
                    [
                        {"source": name, "same_context": report.same_context.get(name, 0), **ends}
                        for name, ends in report.counts.items()
                    ]
                )
            ),
            "files": dg.MetadataValue.md(_files(report.files)),
        },
        data_version=dg.DataVersion("-".join(file.sha256[:12] for file in report.files)),
    )


DATASET_ASSETS: list[dg.AssetsDefinition] = [
    splits,
    *(export_asset(name) for name in FORMAT_NAMES),
    preference_export,
    dataset_card,
]
