"""The choice between the defaults and the small preset by how the first dialogues fared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.homes import DOMAIN, context, run_domain
from toolace_dagster.pipeline.pilot import PILOT, Pilot, fared, keep_pilot, kept_pilot, pilot_dialogues
from toolace_dagster.settings import ModelSettings, Settings


@pytest.mark.parametrize(
    ("attempted", "accepted", "preset"), [(20, 12, "default"), (20, 11, "small"), (3, 0, "small"), (0, 0, "default")]
)
def test_a_pass_rate_below_the_mark_chooses_small(attempted: int, accepted: int, preset: str) -> None:
    assert Pilot(attempted, accepted).preset == preset


def test_no_more_dialogues_are_looked_at_than_are_wanted() -> None:
    assert pilot_dialogues(1, Settings(dialogues=100)) == PILOT
    assert pilot_dialogues(10, Settings(dialogues=100)) == 2
    assert pilot_dialogues(60, Settings(dialogues=100)) == 2
    assert pilot_dialogues(1, Settings(dialogues=5)) == 5


def test_what_was_measured_is_kept_by_model(tmp_path: Path) -> None:
    one, other = (Settings(llm=ModelSettings(model=name)) for name in ("one", "other"))
    assert kept_pilot(tmp_path, one) is None
    keep_pilot(tmp_path, one, Pilot(20, 3))
    keep_pilot(tmp_path, other, Pilot(20, 19))
    assert kept_pilot(tmp_path, one) == Pilot(20, 3)
    assert kept_pilot(tmp_path, other) == Pilot(20, 19)
    (tmp_path / "pilot.json").write_text("[]", encoding="utf-8")
    assert kept_pilot(tmp_path, one) is None
    keep_pilot(tmp_path, one, Pilot(4, 4))
    assert kept_pilot(tmp_path, one) == Pilot(4, 4)


def test_what_was_measured_over_a_handful_counts_until_more_are_wanted(tmp_path: Path) -> None:
    keep_pilot(tmp_path, Settings(), Pilot(3, 3), 3)
    assert kept_pilot(tmp_path, Settings(), 3) == Pilot(3, 3)
    assert kept_pilot(tmp_path, Settings(), 20) is None
    keep_pilot(tmp_path, Settings(), Pilot(19, 3), 20)
    assert kept_pilot(tmp_path, Settings(), 20) == Pilot(19, 3), "one slot that no dialogue came of is no reason"
    assert kept_pilot(tmp_path, Settings(), 40) == Pilot(19, 3), "twenty are enough"


def test_only_what_was_made_with_the_settings_of_the_pilot_is_counted(tmp_path: Path) -> None:
    of_the_pilot = Settings(dialogues=2, rounds=1)
    where = context(tmp_path, of_the_pilot.model_copy(update={"dialogues": 3}))
    run_domain(where)
    assert fared(where.warehouse, [DOMAIN, "none_such"], of_the_pilot).attempted == 2, "the first slots alone"
    others = [
        {"llm": ModelSettings(model="another")},
        {"trajectory": "by_turn"},
        {"rules_in_refinement": True},
        {"repairs": 3},
        {"sub_tasks": {"low": 2, "high": 2}},
        {"seed": 7},
        {"rounds": 0},
    ]
    for changed in others:
        settings = Settings.model_validate({"dialogues": 2, "rounds": 1, **changed})
        assert fared(where.warehouse, [DOMAIN], settings) == Pilot(0, 0), changed
