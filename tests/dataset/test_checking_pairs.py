"""The validator on preference pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dataset.examples import pair
from toolace_dagster.dataset import PreferencePair, write_preferences
from toolace_dagster.dataset.checking import check_example, check_file

Change = Callable[[Any], Any]


def test_what_was_rejected_may_call_wrongly_and_what_was_chosen_not():
    made = pair()
    assert [(found.check, found.severity) for found in check_example(made, "preferences")] == [
        ("arguments_schema", "warning")
    ]
    made["chosen"], made["rejected"] = made["rejected"], made["chosen"]
    found = check_example(made, "preferences")
    assert [(each.check, each.severity) for each in found] == [("arguments_schema", "error")]
    assert "chosen, message 1" in found[0].message


@pytest.mark.parametrize(
    ("check", "plant"),
    [
        ("pair_same", lambda made: made.update(rejected=made["chosen"])),
        ("pair_shape", lambda made: made.update(prompt="Find a garage.")),
        ("nothing_said", lambda made: made.update(rejected=[{"role": "assistant", "content": " "}])),
        ("end", lambda made: made.update(chosen=[])),
        ("alternation", lambda made: made["prompt"].append({"role": "assistant", "content": "Well."})),
        ("id_dangling", lambda made: made["prompt"][2].update(tool_call_id="nobody")),
        ("call_unanswered", lambda made: made["prompt"].pop(3)),
        ("content_null", lambda made: made["rejected"][0].update(content=None)),
        ("padded_nulls", lambda made: made["prompt"][0].update(name=None)),
        ("tool_name", lambda made: made["tools"][0]["function"].update(name="find garage")),
    ],
)
def test_each_fault_of_a_preference_pair_is_caught_and_said_once(check: str, plant: Change):
    made = pair()
    plant(made)
    found = check_example(made, "preferences")
    assert check in {each.check for each in found if each.severity == "error"}
    assert len({each.message for each in found}) == len(found)


def test_our_preference_files_are_sound(tmp_path: Path):
    made = pair()
    pairs = [
        PreferencePair(
            dialogue_id=f"d-{number}",
            split="train",
            edit_id="e",
            source="injected_mistake",
            reason="The tool refused it.",
            same_context=True,
            **made,
        )
        for number in range(3)
    ]
    write_preferences(pairs, tmp_path)
    for name in ("train.parquet", "train.jsonl"):
        report = check_file(tmp_path / "preferences" / name, "preferences")
        assert (report.examples, report.sound) == (3, 3)
        assert {finding.check for finding in report.findings} == {"arguments_schema"}
    wrong = check_file(tmp_path / "preferences/train.parquet", "trl")
    assert (wrong.sound, {finding.check for finding in wrong.findings}) == (0, {"preference_pair"})
