"""Settings from environment variables.

``TOOLACE_`` and the setting's name in capitals, with two underscores for each dot:
``TOOLACE_SEED=7``, ``TOOLACE_LLM__MAX_TOKENS=8192``. ``TOOLACE_MODEL`` and the
``openai`` package's own ``OPENAI_BASE_URL`` are understood too.

Belongs here: names of variables. Does not belong here: API keys, which are never
settings.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolace_dagster.configuration.names import assignable_names
from toolace_dagster.configuration.values import anchored, read_value

PREFIX = "TOOLACE_"
ALIASES = {"OPENAI_BASE_URL": "llm.base_url", "TOOLACE_MODEL": "llm.model"}
"""Variables with names of their own; the long name comes before them."""
OTHER = frozenset({"TOOLACE_HOME", "TOOLACE_CONFIG"})
"""Variables that are no settings."""


def variable_of(name: str) -> str:
    """The variable that sets a setting, by its dotted name."""
    return PREFIX + name.replace(".", "__").upper()


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Read what the environment sets.

    Args:
        environ: The environment. An empty variable counts as one that is not set.

    Returns:
        Values by dotted name; the variable each came from; and a warning for each variable that looks like a setting
        and is none.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    names = {variable_of(name): name for name in assignable_names()}
    for variable, name in (*ALIASES.items(), *names.items()):
        if text := environ.get(variable):
            values[name] = anchored(name, text if variable in ALIASES else read_value(text), Path.cwd())
            origins[name] = variable
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in {*names, *ALIASES, *OTHER}:
            close = difflib.get_close_matches(variable, [*names, *OTHER], n=1, cutoff=0.6)
            hint = f"; did you mean {close[0]}?" if close else ""
            warnings.append(f"the environment variable {variable} sets nothing{hint}")
    return values, origins, warnings
