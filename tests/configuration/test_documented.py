"""The file that ``toolace config init`` writes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from toolace_dagster.configuration import configure
from toolace_dagster.configuration.documented import NOT_SET, documented_file, toml_value
from toolace_dagster.configuration.names import setting_names
from toolace_dagster.settings import Settings

SETTING = re.compile(r"#(\w+ = .*)")


def test_as_it_is_it_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "toolace.toml"
    path.write_text(documented_file())
    assert configure({}, home=tmp_path, environ={}, file=path).settings == Settings()


def test_each_setting_is_in_it_with_its_default(tmp_path: Path) -> None:
    lines = [SETTING.sub(r"\1", line) for line in documented_file().splitlines() if NOT_SET not in line]
    path = tmp_path / "toolace.toml"
    path.write_text("\n".join(lines))
    made = configure({}, home=tmp_path, environ={}, file=path)
    assert made.settings == Settings()
    unset = {name for name, each in setting_names().items() if each.default is None} | {"pool"}
    given = {name for name in made.origins if not name.startswith("roles.")}
    assert given == setting_names().keys() - unset


def test_each_setting_says_what_it_is() -> None:
    assert [name for name, each in setting_names().items() if not each.text] == []


@given(
    st.recursive(
        st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )
)
def test_any_value_comes_back_as_it_was_written(value: JsonValue) -> None:
    assert tomllib.loads(f"key = {toml_value(value)}")["key"] == value
