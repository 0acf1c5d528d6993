"""Which settings a Dagster run goes by."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from toolace_dagster.orchestration.definitions import build_definitions
from toolace_dagster.orchestration.resources import Toolace
from toolace_dagster.settings import Settings


def stored(home: Path, **values: object) -> None:
    home.mkdir(exist_ok=True)
    (home / "settings.json").write_text(Settings.model_validate(values).model_dump_json())


def settings_of_run(home: Path, **given: object) -> Settings:
    return Toolace(home=str(home), settings=given).effective_settings()


def test_without_a_file_a_run_goes_on_from_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, seed=3, rounds=2, llm={"max_tokens": 9})
    monkeypatch.setenv("TOOLACE_SEED", "4")
    made = settings_of_run(tmp_path, llm={"timeout": 7.0})
    assert (made.seed, made.rounds, made.llm.max_tokens, made.llm.timeout) == (4, 2, 9, 7.0)


def test_a_file_counts_in_place_of_the_last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, seed=3, rounds=2)
    (tmp_path / "toolace.toml").write_text("rounds = 4\n[llm]\nmax_tokens = 11\n")
    monkeypatch.setenv("TOOLACE_LLM__MAX_TOKENS", "12")
    made = settings_of_run(tmp_path, roles={"judge": {"model": "small"}})
    assert (made.seed, made.rounds, made.llm.max_tokens) == (0, 4, 12)
    assert made.model_of("judge").model == "small"
    rounds = [
        key for key in build_definitions(tmp_path).resolve_asset_graph().get_all_asset_keys() if "round" in str(key)
    ]
    assert len(rounds) == 4


def test_a_setting_that_a_version_before_had_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"seed": 5, "gone": 1, "llm": {"vanished": true, "max_tokens": 3}}')
    made = settings_of_run(tmp_path)
    assert (made.seed, made.llm.max_tokens) == (5, 3)


def test_what_the_command_line_worked_out_is_not_laid_over_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path, seed=3)
    (tmp_path / "toolace.toml").write_text("max_calls = 5\n")
    monkeypatch.setenv("TOOLACE_ROUNDS", "1")
    whole = Toolace(home=str(tmp_path), settings={"dialogues": 2}, settings_are_whole=True)
    assert whole.effective_settings() == Settings(dialogues=2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rouns": 3}, "Did you mean rounds"),
        ({"llm": {"temperature": 9}}, "setting llm.temperature (from the configuration of the run)"),
    ],
)
def test_a_bad_setting_fails_the_run_once_and_says_what_to_mend(
    tmp_path: Path, given: dict[str, object], words: str
) -> None:
    with pytest.raises(dg.Failure) as raised:
        settings_of_run(tmp_path, **given)
    assert words in (raised.value.description or "")
    assert not raised.value.allow_retries
