"""Settings from environment variables.

``TOOLACE_`` and the setting's name in capitals, with two underscores for each dot:
``TOOLACE_SEED=7``, ``TOOLACE_LLM__MAX_TOKENS=8192``. ``TOOLACE_MODEL`` and the
``openai`` package's own ``OPENAI_BASE_URL`` are understood too.

Belongs here: names of variables. Does not belong here: API keys, which are never
settings.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from toolace_dagster.configuration.names import UnknownSetting, assignable_names
from toolace_dagster.configuration.values import anchored, read_value
from toolace_dagster.entities.credentials import VARIABLE

PREFIX = "TOOLACE_"
ALIASES = {"OPENAI_BASE_URL": "llm.base_url", "TOOLACE_MODEL": "llm.model"}
"""Variables with names of their own; the long name comes before them."""
OTHER = frozenset({"TOOLACE_HOME", "TOOLACE_CONFIG"})
"""Variables that are no settings."""
_OF_TESTS = f"{PREFIX}TEST_"
_OF_A_SERVICE = re.compile(r"_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?)?$")
"""What Kubernetes puts into every pod beside a Service: its name, such as ``toolace-ui``, in capitals, and this."""
_CLOSE = 0.75
"""How alike to a setting's a name has to be to be taken for it; the common beginning left out, one letter of four."""
_KEY_SETTING = "api_key_env"


def variable_of(name: str) -> str:
    """The variable that sets a setting, by its dotted name."""
    return PREFIX + name.replace(".", "__").upper()


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what the environment sets.

    Args:
        environ: The environment. An empty variable counts as one that is not set.

    Returns:
        Values by dotted name, and the variable each came from.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    names = {variable_of(name): name for name in assignable_names()}
    for variable, name in (*ALIASES.items(), *names.items()):
        if text := environ.get(variable):
            values[name] = anchored(name, text if variable in ALIASES else read_value(text), Path.cwd())
            origins[name] = variable
    return values, origins


def check_variables(environ: Mapping[str, str], named: Iterable[str] = ()) -> list[str]:
    """Look for variables that look like settings and are none. A limit that is misspelt would limit nothing.

    Args:
        environ: The environment.
        named: Variables that settings name, as of :func:`named_variables`.

    Returns:
        A warning for each that is like no setting: it may be somebody else's.

    Raises:
        UnknownSetting: With a line for each that is nearly a setting.
    """
    known = {*ALIASES, *OTHER, *(variable_of(name) for name in assignable_names())}
    mine = [name.removeprefix(PREFIX) for name in sorted(known) if name.startswith(PREFIX)]
    known.update(named)
    faults: list[str] = []
    warnings: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or not environ[variable] or variable in known:
            continue
        if variable.startswith(_OF_TESTS) or _OF_A_SERVICE.search(variable):
            continue
        close = difflib.get_close_matches(variable.removeprefix(PREFIX), mine, n=1, cutoff=_CLOSE)
        told = f"the environment variable {variable} sets nothing"
        if close:
            faults.append(f"{told}; did you mean {PREFIX}{close[0]}? Else unset it.")
        else:
            warnings.append(f"{told}; if it was meant to, `toolace config show --all` prints all settings.")
    if faults:
        raise UnknownSetting("\n".join(faults))
    return warnings


def named_variables(values: Mapping[str, object]) -> set[str]:
    """Variables that settings take a value from: by ``api_key_env``, or written ``${NAME}`` in any text.

    Args:
        values: Settings by dotted name.
    """
    found: set[str] = set()
    for name, value in values.items():
        for key, text in _texts(value, name.rpartition(".")[2]):
            found.update([text] if key == _KEY_SETTING else VARIABLE.findall(text))
    return found


def _texts(value: object, key: str) -> Iterator[tuple[str, str]]:
    """All texts in a value, each with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[object, object]", value).items():
            yield from _texts(inner, str(name))
    elif isinstance(value, list | tuple):
        for inner in cast("Iterable[object]", value):
            yield from _texts(inner, key)
