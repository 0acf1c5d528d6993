"""The choice between the defaults and the small preset by how the first dialogues fared."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolace_dagster.pipeline.pilot import PILOT, Pilot, keep_pilot, kept_pilot, pilot_dialogues
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
