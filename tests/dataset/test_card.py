"""The dataset card."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import dialogue, reply, user
from tests.dataset.rows import row, rows
from toolace_dagster.dataset import (
    CardFacts,
    DomainCounts,
    PoolSource,
    ReasonCount,
    StageUsage,
    render_card,
    report_splits,
    write_card,
)
from toolace_dagster.llm.money import Bill
from toolace_dagster.settings import Settings

NOTICE = "do not train on it"


def facts(**more: Any) -> CardFacts:
    fields: dict[str, Any] = {
        "model": "offline",
        "settings": Settings().model_dump(mode="json"),
        "splits": report_splits([*rows(3), row("t", "test")]),
        "domains": (DomainCounts("garages", 9, 4, 3, 2), DomainCounts("boats", 1, 0, 1, 0)),
        "reasons": (ReasonCount("verification", "rejected", "rule.grounding", 4),),
        "usage": (
            StageUsage("task_specs", Bill(10, 0, 0, 2000, 300, 0.5)),
            StageUsage("skeletons", Bill(9, 0, 2, 1000, 900, 0.25)),
        ),
        "sources": (PoolSource("garages", "garages.json", 3, "Apache-2.0"),),
        "injections": {"clarification": 2},
        "example": row(),
        "rows": {"trl": {"dialogue": 4}},
    }
    return CardFacts(**(fields | more))


def head(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_offline_model_is_named_first():
    body = render_card(facts()).split("---\n", 2)[2]
    assert NOTICE in body.splitlines()[3]
    assert "rehearsal" in head(render_card(facts()))["tags"]


def test_another_model_brings_no_such_notice():
    card = render_card(facts(model="gpt-x_1"))
    assert NOTICE not in card
    assert "gpt-x\\_1" in card
    assert "rehearsal" not in head(card)["tags"]


def test_the_head_lists_only_splits_with_rows():
    assert head(render_card(facts()))["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "trl/train.parquet"},
                {"split": "test", "path": "trl/test.parquet"},
            ],
        }
    ]
    assert "configs" not in head(render_card(facts(splits=report_splits([]), example=None)))


@pytest.mark.parametrize(
    ("formats", "named"),
    [
        ({"openai": "OpenAI fine-tuning", "toolace": "the form of the ToolACE data"}, "openai/train.jsonl"),
        ({"hermes": "Hermes"}, "hermes/train.jsonl"),
    ],
)
def test_files_for_trl_are_named_only_where_there_are_some(formats: dict[str, str], named: str) -> None:
    card = render_card(facts(rows={name: {"dialogue": 4} for name in formats}, formats=formats))
    assert "trl/" not in card
    assert "configs" not in head(card)
    assert "dataset_info" not in head(card)
    assert f"each line of `{named}` is an example" in card
    with_trl = render_card(facts(rows={name: {"dialogue": 4} for name in (*formats, "trl")}, formats=formats))
    assert "- `trl/train.parquet`" in with_trl
    assert "is an example as JSON" not in with_trl


def test_a_card_beside_no_file_names_none() -> None:
    assert "No file of this data stands beside the card." in render_card(facts(rows={}))


@pytest.mark.parametrize(
    ("licences", "field"),
    [
        (["MIT"], "mit"),
        (["MIT", "Apache-2.0"], ["apache-2.0", "mit"]),
        (["MIT", None], "other"),
        (["Ours"], "other"),
        ([], "other"),
    ],
)
def test_the_licence_is_the_pools(licences: list[str | None], field: object):
    sources = tuple(PoolSource("d", f"{i}.json", 1, licence) for i, licence in enumerate(licences))
    assert head(render_card(facts(sources=sources)))["license"] == field


def test_the_figures_are_there():
    card = render_card(facts())
    assert "| garages | 9 | 4 | 3 | 2 |" in card
    assert "| all | 10 | 4 | 4 | 2 |" in card
    assert "| task\\_specs | 10 | 2,000 | 300 | \\$0.5000 |" in card
    assert "| all | 19 | 3,000 | 1,200 | \\$0.7500 and 2 calls of unknown price |" in card
    assert "| clarification | 2 |" in card.replace("\\_", "_")
    assert "| tool\\_awareness | 0 |" in card
    assert "| sub\\_tasks | 2 to 5 |" in card
    assert "| garages | 3 | 0 | 1 |" in card


@pytest.mark.parametrize(
    ("outputs", "told", "limits"),
    [
        ({"simulated": 1200}, "Tool results: 1,200 (made up by a model: 1,200).", ["made up, also"]),
        (
            {"simulated": 700, "executed": 510, "injected": 1},
            "Tool results: 1,211 (answered by tools that were really run: 510, made up by a model: 700, "
            "failures simulated on purpose: 1).",
            ["made up, also", "tools that were run"],
        ),
        ({"executed": 3}, "Tool results: 3 (answered by tools that were really run: 3).", ["that were run"]),
    ],
)
def test_it_is_told_where_tool_results_come_from(outputs: dict[str, int], told: str, limits: list[str]) -> None:
    card = render_card(facts(outputs=outputs))
    assert told in card
    assert "no tool was run" not in card
    assert all(limit in card for limit in limits)
    assert ("made up" in card) == ("simulated" in outputs)


def test_the_method_told_is_the_one_that_made_the_data() -> None:
    def told(**more: Any) -> str:
        text = render_card(facts(settings=Settings(**more).model_dump(mode="json")))
        return text[text.index("Method:") : text.index("| Setting")]

    assert "ToolACE-MT (arXiv 2508.12685), which writes whole" in told()
    assert "inject complexity" in told()
    assert "let a judge choose" in told()
    baseline = told(method="simulation")
    assert "multi-agent simulation" in baseline
    assert "tool agent" in baseline
    assert "whole dialogues" not in baseline
    assert "let a judge choose" not in baseline
    assert "let a judge choose" not in told(operations=("complexity_injection",))
    assert "inject complexity" in told(operations=("complexity_injection",))
    assert "Refinement" not in told(rounds=0)


def test_rows_are_counted_with_the_examples_cut_out_of_dialogues() -> None:
    rows = {"trl": {"dialogue": 999, "irrelevance": 30, "single_turn": 0}, "openai": {"dialogue": 999}}
    card = render_card(facts(rows=rows, formats={"openai": "OpenAI fine-tuning"}))
    assert "Rows: 1,029; 999 dialogues, and examples cut out of them: 30 of `irrelevance`." in card
    assert "for OpenAI fine-tuning. Rows: 999." in card
    assert head(card)["size_categories"] == ["1K<n<10K"]


def test_what_is_withheld_is_told_with_the_reason() -> None:
    assert "in no file" not in render_card(facts())
    card = render_card(facts(withheld={"garages-0007": "it repeats dialogues | of two sides"}))
    assert "Accepted, but in no file: 1." in card
    assert "| garages-0007 | it repeats dialogues \\| of two sides |" in card


def test_the_card_names_no_place_of_the_machine():
    settings = Settings(pool="/home/someone/pool").model_dump()
    settings["llm"]["base_url"] = "http://10.0.0.5:8000/v1"
    card = render_card(facts(settings=settings))
    assert "someone" not in card
    assert "10.0.0.5" not in card


def test_equal_facts_give_equal_text(tmp_path: Path):
    again = facts(settings=dict(reversed(Settings().model_dump(mode="json").items())), domains=facts().domains[::-1])
    assert render_card(again) == render_card(facts())
    report = write_card(facts(), tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == render_card(facts())
    assert report.path == "README.md"


def test_text_of_a_model_cannot_leave_its_block():
    hostile = "```\n# Owned\n---\n<script>x</script>\n````json\n\u2028---\u2028\u202eevil\x1b[2J \U000e0041"
    card = render_card(facts(example=row(dialogue=dialogue((user("t0", hostile), reply("t1", hostile))))))
    block = re.search(r"^(`{3,})json\n(.*?)\n\1$", card, re.MULTILINE | re.DOTALL)
    assert block is not None
    assert json.loads(block[2])["messages"][0]["content"] == hostile
    assert len(block[1]) > 4
    outside = card.replace(block[0], "")
    assert "Owned" not in outside
    assert "script" not in outside
    assert not {"\u2028", "\u202e", "\x1b", "\U000e0041"} & set(card)


def test_names_cannot_add_markup():
    hostile = "x | y <b>`z`\n# Owned](http://e)"
    card = render_card(
        facts(
            model=hostile,
            domains=(DomainCounts(hostile, 1, 1, 0, 0),),
            reasons=(ReasonCount("s", "rejected", hostile, 1),),
            sources=(PoolSource("d", hostile, 1, hostile),),
        )
    )
    assert not [line for line in card.splitlines() if line.startswith("# Owned")]
    assert "<b>" not in card.replace("\\<b\\>", "")
    assert head(card)["license"] == "other"
