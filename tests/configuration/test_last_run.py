"""``settings.json`` of a home: written whole or not at all, and read in whatever state it is."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolace_dagster.configuration import ConfigurationError, configure
from toolace_dagster.configuration.last_run import LastRunBroken, last_settings, read_last_run, write_last_run
from toolace_dagster.pipeline.simulation_home import write_settings
from toolace_dagster.settings import Settings
from toolace_dagster.warehouse import Warehouse


@pytest.mark.parametrize("write", [write_last_run, lambda path, made: write_settings(Warehouse(path.parent), made)])
def test_a_disk_that_is_full_half_way_leaves_the_former_settings(tmp_path: Path, write: object) -> None:
    assert callable(write)
    path = tmp_path / "settings.json"
    write(path, Settings(seed=1))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write(path, Settings(seed=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["settings.json"]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made = Settings.model_validate({"seed": 4, "preset": "lean", "roles": {"judge": {"model": "small"}}})
    path = tmp_path / "home" / "settings.json"
    write_last_run(path, made)
    assert last_settings(path) == (made, ())
    assert configure({}, home=tmp_path, environ={}, last_run=path).settings == made


@given(part=st.binary(max_size=60) | st.integers(0, 2000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_the_file_is_read_or_named(tmp_path: Path, part: bytes | int) -> None:
    path = tmp_path / "settings.json"
    whole = Settings(seed=5).model_dump_json(indent=1).encode()
    path.write_bytes(part if isinstance(part, bytes) else whole[:part])
    found, notes = last_settings(path)
    said = ""
    try:
        read_last_run(path)
    except LastRunBroken as broken:
        said = str(broken)
    if not said:
        assert found.seed in (0, 5)
        return
    assert str(path) in said
    assert "Delete settings.json" in said
    assert (found, said in notes[0]) == (Settings(), True)
    with pytest.raises(ConfigurationError, match=r"Delete settings\.json"):
        configure({}, home=tmp_path, environ={}, last_run=path)


def test_a_setting_of_an_earlier_version_is_left_aside_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"seed": 5, "gone": 1, "llm": {"vanished": true, "max_tokens": 3}}')
    made = configure({}, home=tmp_path, environ={}, last_run=path)
    assert (made.settings.seed, made.settings.llm.max_tokens) == (5, 3)
    (note,) = made.warnings
    assert str(path) in note
    assert note.endswith("gone, llm.vanished")
    assert last_settings(path) == (made.settings, made.warnings)


def test_a_value_that_is_none_any_more_is_named_with_the_file_and_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"seed": 5, "trajectory": "backwards"}')
    with pytest.raises(ConfigurationError) as raised:
        configure({}, home=tmp_path, environ={}, last_run=path)
    assert f"setting trajectory (from {path}, the last run)" in str(raised.value)
    assert "Delete settings.json" in str(raised.value)
    found, (note,) = last_settings(path)
    assert found == Settings()
    assert "trajectory" in note
    assert str(path) in note


def test_with_a_file_of_settings_the_last_run_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{")
    (tmp_path / "toolace.toml").write_text("seed = 3\n")
    made = configure({}, home=tmp_path, environ={}, file=tmp_path / "toolace.toml", last_run=path)
    assert made.settings.seed == 3
