"""`toolace run --preset auto`: the first dialogues decide which settings the rest is made with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import toolace


@pytest.mark.parametrize(("error_rate", "preset", "context"), [(0, "default", "full"), (60, "small", "summary")])
def test_the_first_dialogues_decide_once_for_a_home_and_its_models(
    tmp_path: Path, error_rate: int, preset: str, context: str
) -> None:
    home = tmp_path / "home"
    words = ("run", "--home", home, "--preset", "auto", "--domain", "home_energy", "--rounds", "1")
    words = (*words, "--error-rate", str(error_rate), "--dialogues")
    ended = toolace(*words, "2")
    assert f"Preset {preset}: of this model's first 2 dialogues" in ended.out, ended.err
    settings = json.loads((home / "settings.json").read_text(encoding="utf-8"))
    assert settings["skeleton_context"] == context
    assert (settings["rounds"], settings["dialogues"]) == (1, 2)
    more = toolace(*words, "3")
    assert f"Preset {preset}: of this model's first 3 dialogues" in more.out, "two were too few to settle it for good"
    assert json.loads((home / "settings.json").read_text(encoding="utf-8"))["dialogues"] == 3
    again = toolace(*words, "3")
    assert f"Preset {preset}: of this model's first 3 dialogues" in again.out
