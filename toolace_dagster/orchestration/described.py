"""What Dagster shows of an asset before it is ever made: columns, owners, its code and its page of the docs.

Belongs here: metadata of definitions. Does not belong here: metadata of materializations (``materialize``).
"""

# pyright: reportUnknownMemberType=false
# Signatures of Dagster's specs have unknown parts.

import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from toolace_dagster.dataset.columns import export_columns, preference_columns
from toolace_dagster.experiments.declared import ORDER
from toolace_dagster.refinement.rounds import stage_name
from toolace_dagster.settings import FORMAT_NAMES, MAX_ROUNDS, Settings
from toolace_dagster.warehouse import sql

_PACKAGE = Path(__file__).parents[1]
_DOCS = _PACKAGE.parent / "docs"
_ROUNDS = tuple(stage_name(number) for number in range(1, MAX_ROUNDS + 1))
_EXPERIMENTS = tuple(f"{name}_experiment" for name in ORDER)
_TABLES = {
    "tool_pool": "domain_tools",
    "task_specs": "task_specs",
    "skeletons": "skeletons",
    "simulated_dialogues": "simulated_dialogues",
    "simulation_verification": "outcomes",
    "simulation_verified_dialogues": "verified_dialogues",
    **dict.fromkeys(_ROUNDS, "refinement_rounds"),
    "verification": "outcomes",
    "verified_dialogues": "verified_dialogues",
    "splits": "splits",
    "metrics": "metrics",
}
"""Table or view in which an asset's rows are read: of the domain's file, or for splits of that over all domains."""
_PAGES = {
    "tool_pool": ("tool_pools.md", "reading and normalizing tools"),
    "task_specs": ("method.md", "paper, stage 1.1: task initialization"),
    "skeletons": ("method.md", "paper, stage 1.2: trajectory initialization"),
    **dict.fromkeys(
        ("simulated_dialogues", "simulation_verification", "simulation_verified_dialogues"),
        ("comparison.md", "the baseline: multi-agent simulation"),
    ),
    **dict.fromkeys(_ROUNDS, ("method.md", "paper, stage 2: iterative refinement")),
    "verification": ("verification.md", "paper, stage 3: offline verification"),
    "verified_dialogues": ("verification.md", "paper, stage 3: offline verification"),
    "splits": ("exports.md", "sides that are balanced, and never change when data is added"),
    **{f"{name}_export": ("exports.md", "training files") for name in FORMAT_NAMES},
    "preference_export": ("exports.md", "preference pairs"),
    "dataset_card": ("exports.md", "the dataset card"),
    "metrics": ("metrics.md", "metrics of the data"),
    "report": ("metrics.md", "the report"),
    "lora_adapter": ("training.md", "fine-tuning on the TRL export"),
    **dict.fromkeys(_EXPERIMENTS, ("experiments.md", "arms that differ in one thing")),
}
_CODE = {
    "tool_pool": "tool_pool",
    "task_specs": "initialization/task_initialization.py",
    "skeletons": "initialization/trajectory_initialization.py",
    "simulated_dialogues": "simulation",
    "simulation_verification": "verification",
    "simulation_verified_dialogues": "pipeline/stages/verified_dialogues.py",
    **dict.fromkeys(_ROUNDS, "refinement"),
    "verification": "verification",
    "verified_dialogues": "pipeline/stages/verified_dialogues.py",
    "splits": "dataset/splits.py",
    **{f"{name}_export": f"dataset/formats/{name}.py" for name in FORMAT_NAMES},
    "openai_export": "dataset/formats/openai_jsonl.py",
    "preference_export": "dataset/formats/preferences.py",
    "dataset_card": "dataset/card.py",
    "metrics": "metrics",
    "report": "reporting/report",
    "lora_adapter": "orchestration/training.py",
    **dict.fromkeys(_EXPERIMENTS, "experiments"),
}
_FILES = {
    **{f"{name}_export": export_columns(name) for name in FORMAT_NAMES},
    "preference_export": preference_columns(),
}
"""Columns of an export's files."""
_COLUMNS = {
    "name": "the tool's name, one of a kind in its domain",
    "fingerprint": "hash of the tool's normal form; a change makes the dialogues that offer it stale",
    "description": "what the tool does, as models are told",
    "definition": "the tool in normal form",
    "source": "the file or address it was read from",
    "licence": "of the source",
    "is_current": "whether the pool still has it",
    "dialogue_id": "the dialogue, the same in all tables",
    "domain": "tool domain",
    "slot": "the place in the domain that the dialogue fills, from 0",
    "attempt": "0, or how many attempts at the slot came before",
    "state": "passed, accepted, rejected or failed; of an outcome also unfinished",
    "check_id": "the rule, question or fault that ended it",
    "turn_id": "the turn it was found in",
    "evidence": "what was found there",
    "reason": "why, in words",
    "call_id": "the model call that decided it, in model_calls",
    "stage": "the last stage the dialogue reached",
    "scenario": "where and when the task takes place",
    "persona": "who the user is",
    "sub_tasks": "number of sub-tasks",
    "spec": "the whole task spec",
    "skeleton": "sub-trajectories, one for each sub-task",
    "stop": "why the simulation ended: done, turn_limit, repetition or unusable",
    "complications": "what was planned to be out of the ordinary, and whether it came about",
    "round": "refinement round, from 1",
    "finished": "whether later rounds leave the dialogue as it is",
    "converged": "why refinement ended early, if it did",
    "dialogue": "the turns, with tool calls and their outputs",
    "content_hash": "hash of the content; what comes later is stale when it changes",
    "split": "train, validation or test; null for a dialogue that no file format can hold",
    "fault": "why no file format can hold it",
    "run_id": "the measurement",
    "method": "how the dialogues were made: non_autoregressive or simulation",
    "over": "attempted dialogues, as generation left them, or accepted ones",
    "metric": "what was measured; docs/metrics.md defines each",
    "part": "what the value is of: a stage, a check, a parameter, a number; null for the whole",
    "value": "the figure, in the metric's unit",
    "count": "over how many dialogues, turns, tokens or calls it was taken",
    "measured_at": "when it was measured (UTC)",
    "stages": "how many stages the run had brought up to date by then",
    "content": "hash of what was measured; the same is not measured again",
    "sample": "dialogues over which coherence and self-BLEU were measured",
    "entailment": "the model of entailment, if one was given",
}


def with_descriptions(assets: Iterable[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """Give assets their columns and owners, and where their code and docs are.

    Args:
        assets: Assets of ours.
        settings: They name the owners.
    """

    def described(spec: dg.AssetSpec) -> dg.AssetSpec:
        name = spec.key.to_user_string()
        page, section = _PAGES[name]
        return spec.merge_attributes(
            owners=list(settings.owners),
            metadata={
                **_rows_of(name),
                "section": section,
                "docs": f"docs/{page}",
                "dagster/code_references": _links(_CODE[name], page),
            },
        )

    return [asset.map_asset_specs(described) for asset in assets]


def _links(path: str, page: str) -> dg.CodeReferencesMetadataValue:
    """Links to an asset's code, and to its page of the docs where the checkout has them."""
    file = _PACKAGE / path
    files = {path: file / "__init__.py" if file.is_dir() else file}
    if (_DOCS / page).exists():
        files[f"docs/{page}"] = _DOCS / page
    with warnings.catch_warnings():
        # That code references may yet change in Dagster is no news to users of the command line.
        warnings.simplefilter("ignore", dg.BetaWarning)
        found: list[dg.LocalFileCodeReference | dg.UrlCodeReference] = [
            dg.LocalFileCodeReference(file_path=str(each), label=label) for label, each in files.items()
        ]
        return dg.CodeReferencesMetadataValue(code_references=found)


def _rows_of(name: str) -> dict[str, Any]:
    """The columns of an asset's rows, and the table that they are in if they are in one."""
    if name in _TABLES:
        columns = [dg.TableColumn(*each, description=_COLUMNS[each[0]]) for each in _columns()[_TABLES[name]]]
        return {"dagster/column_schema": dg.TableSchema(columns), "dagster/table_name": _TABLES[name]}
    if name not in _FILES:
        return {}
    columns = [dg.TableColumn(each.name, each.kind, description=each.text) for each in _FILES[name]]
    return {"dagster/column_schema": dg.TableSchema(columns)}


@cache
def _columns() -> dict[str, list[tuple[str, str]]]:
    """Columns and types of the tables and views of a home's files, as their SQL declares them."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute(sql("tables/domain"))
        connection.execute(sql("tables/shared"))
        connection.execute(sql("tables/metrics"))
        query = (
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
        )
        found: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in connection.execute(query).fetchall():
            found.setdefault(table, []).append((column, kind))
    return found


def location_metadata() -> dict[str, Any]:
    """What the code location as a whole leads to: the paper, its code, and its docs where the checkout has them."""
    pages = {"docs": _DOCS, "operating_it": _DOCS / "operations.md", "settings": _DOCS / "configuration.md"}
    return {
        "paper": dg.MetadataValue.url("https://arxiv.org/abs/2508.12685"),
        "code": dg.MetadataValue.path(str(_PACKAGE)),
        **{name: dg.MetadataValue.path(str(path)) for name, path in pages.items() if path.exists()},
    }
