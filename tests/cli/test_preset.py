"""`toolace run --preset auto`: the first dialogues decide which settings the rest is made with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.command import toolace
from toolace_dagster.cli.app import app
from toolace_dagster.orchestration import launch
from toolace_dagster.settings import Settings


def words(home: Path, error_rate: int) -> tuple[str | Path, ...]:
    of_one_round = ("--domain", "home_energy", "--rounds", "1", "--error-rate", str(error_rate))
    return ("run", "--home", home, "--preset", "auto", *of_one_round, "--dialogues")


def test_a_model_that_fares_well_keeps_the_defaults(tmp_path: Path) -> None:
    ended = toolace(*words(tmp_path, 0), "2")
    assert "Preset default: of this model's first 2 dialogues" in ended.out, ended.err
    assert json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["skeleton_context"] == "full"


def test_the_first_dialogues_decide_once_for_a_home_and_its_models(tmp_path: Path) -> None:
    ended = toolace(*words(tmp_path, 60), "2")
    assert "Preset small: of this model's first 2 dialogues" in ended.out, ended.err
    settings = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert settings["skeleton_context"] == "summary"
    assert (settings["rounds"], settings["dialogues"]) == (1, 2)
    more = toolace(*words(tmp_path, 60), "3")
    assert "Preset small: of this model's first 3 dialogues" in more.out, "two were too few to settle it for good"
    assert json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))["dialogues"] == 3
    again = toolace(*words(tmp_path, 60), "3")
    assert "Preset small: of this model's first 3 dialogues" in again.out


def test_a_home_that_is_stopped_amid_its_first_dialogues_keeps_what_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went_by: list[Settings] = []

    def stopped(_: object, settings: Settings, *__: object, **___: object) -> None:
        went_by.append(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "run_domains", stopped)
    for number in (1, 2):
        ended = CliRunner().invoke(app, [*map(str, words(tmp_path, 0)), "30", "--attempts", "3"])
        assert ended.exit_code == 130
        asked = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
        assert (asked["preset"], asked["dialogues"], asked["attempts"]) == ("auto", 30, 3)
        assert [(each.dialogues, each.attempts) for each in went_by] == [(20, 1)] * number, "it is resumed as it was"
