"""Presets: named sets of values under whatever is set."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from toolace_dagster.configuration import configure
from toolace_dagster.configuration.last_run import write_last_run
from toolace_dagster.settings import Settings
from toolace_dagster.settings.presets import PRESETS


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_says_nothing_that_is_no_setting(name: str) -> None:
    settings = Settings.model_validate({"preset": name})
    made = settings.model_dump(mode="json")
    for key, value in PRESETS[name].items():
        assert made[key] == value or (isinstance(value, dict) and made[key].items() >= value.items())
    changed = {key for key, value in Settings().model_dump(mode="json").items() if made[key] != value}
    assert changed <= {"preset", *PRESETS[name]}


def test_what_is_set_comes_before_the_preset() -> None:
    settings = Settings.model_validate({"preset": "lean", "rounds": 4, "injections": {"low": 0}})
    assert (settings.rounds, settings.injections.low, settings.injections.high) == (4, 0, 1)
    assert settings.quiet_passes == PRESETS["lean"]["quiet_passes"]


def test_settings_with_a_preset_are_the_same_when_read_again() -> None:
    settings = Settings.model_validate({"preset": "lean", "rounds": 3})
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ValidationError, match="there is no preset 'thrifty'"):
        Settings.model_validate({"preset": "thrifty"})


def test_a_preset_from_the_environment_comes_before_the_last_run_and_after_the_command_line(tmp_path: Path) -> None:
    stored = tmp_path / "settings.json"
    write_last_run(stored, Settings(seed=7))
    environ = {"TOOLACE_PRESET": "lean"}
    settings = configure({"rounds": 3}, home=tmp_path, environ=environ, last_run=stored).settings
    assert (settings.preset, settings.rounds, settings.seed) == ("lean", 3, 7)
    assert settings.quiet_passes == PRESETS["lean"]["quiet_passes"]


def test_weights_of_a_preset_go_with_its_range() -> None:
    drawn = Settings.model_validate({"preset": "lean"}).injections
    assert drawn.weights
    given = Settings.model_validate({"preset": "lean", "injections": {"low": 1}}).injections
    assert (given.low, given.high, given.weights) == (1, 1, {})
