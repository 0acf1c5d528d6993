"""A ``toolace.toml`` with every setting, its default and what it says.

Belongs here: writing it. Does not belong here: reading one (``toml_file``).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from toolace_dagster.configuration.names import SettingName, setting_names
from toolace_dagster.settings import SHIPPED_POOL

_HEAD = """\
# Settings of toolace-dagster. Every setting is here with its default; remove the # before a line to change it.
# The environment comes before this file (TOOLACE_LLM__MAX_TOKENS=8192), the command line before the environment,
# and the configuration of a Dagster run before all. `toolace config show` prints what counts and where it came from.
# Relative paths count from the folder of this file. API keys don't belong here: llm.api_key_env names their variable.
"""
NOT_SET = "(not set)"
"""Stands for a default that TOML has no word for."""
_ROLES = """
# A role may name a model of its own; whatever is not set is taken from [llm].
# The roles are generator, refiner, judge and expert.
# [roles.judge]
# model = "another-model"
"""


def documented_file() -> str:
    """The text of a ``toolace.toml`` that changes nothing, with all settings in comments."""
    tables: dict[str, list[SettingName]] = {}
    for each in setting_names().values():
        tables.setdefault(each.name.rpartition(".")[0], []).append(each)
    parts = [_HEAD]
    # Top-level keys come first: in TOML whatever follows a table's head belongs to the table.
    for table in sorted(tables, key=lambda name: name.count(".") + bool(name)):
        parts.append(f"\n[{table}]\n" if table else "")
        parts += [_entry(each) for each in tables[table]]
    return "".join([*parts, _ROLES])


def toml_value(value: Any) -> str:
    """A JSON value as TOML has it; tables are written on one line."""
    if isinstance(value, Mapping):
        entries = [f"{toml_key(str(key))} = {toml_value(each)}" for key, each in value.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return f"{{ {', '.join(entries)} }}" if entries else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(each) for each in value)}]"  # pyright: ignore[reportUnknownVariableType]
    # TOML allows no DEL character in a string, JSON does.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """A key, quoted where it has to be."""
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else toml_value(key)


def _entry(each: SettingName) -> str:
    text = each.text.replace("``", "`")
    words = textwrap.wrap(text, 116, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
    # The path of this installation is no default to show.
    unset = each.default is None or each.default == str(SHIPPED_POOL)
    value = NOT_SET if unset else toml_value(each.default)
    return "".join(f"{line}\n" for line in [*words, f"#{toml_key(each.name.rpartition('.')[2])} = {value}"])
