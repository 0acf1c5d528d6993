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

from toolace_dagster.configuration.names import UnknownSetting, assignable_names
from toolace_dagster.configuration.values import anchored, read_value

PREFIX = "TOOLACE_"
ALIASES = {"OPENAI_BASE_URL": "llm.base_url", "TOOLACE_MODEL": "llm.model"}
"""Variables with names of their own; the long name comes before them."""
OTHER = frozenset({"TOOLACE_HOME", "TOOLACE_CONFIG"})
"""Variables that are no settings."""
_OF_TESTS = f"{PREFIX}TEST_"


def variable_of(name: str) -> str:
    """The variable that sets a setting, by its dotted name."""
    return PREFIX + name.replace(".", "__").upper()


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what the environment sets.

    Args:
        environ: The environment. An empty variable counts as one that is not set.

    Returns:
        Values by dotted name, and the variable each came from.

    Raises:
        UnknownSetting: With a line for each variable that looks like a setting and is none. A limit that is misspelt
            would limit nothing.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    faults: list[str] = []
    names = {variable_of(name): name for name in assignable_names()}
    for variable, name in (*ALIASES.items(), *names.items()):
        if text := environ.get(variable):
            values[name] = anchored(name, text if variable in ALIASES else read_value(text), Path.cwd())
            origins[name] = variable
    for variable in sorted(environ):
        known = variable in {*names, *ALIASES, *OTHER} or variable.startswith(_OF_TESTS)
        if variable.startswith(PREFIX) and environ[variable] and not known:
            close = difflib.get_close_matches(variable, [*names, *ALIASES, *OTHER], n=1, cutoff=0.6)
            hint = f"did you mean {close[0]}?" if close else "`toolace config show --all` prints all settings."
            faults.append(f"the environment variable {variable} sets nothing; {hint} Else unset it.")
    if faults:
        raise UnknownSetting("\n".join(faults))
    return values, origins
