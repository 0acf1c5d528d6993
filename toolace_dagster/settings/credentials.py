"""Refusing settings that hold a credential: settings are stored and shown.

Belongs here: what a value must not hold, and the mend. Does not belong here: what a credential looks like
(``entities.credentials``).
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import cast
from urllib.parse import parse_qsl

from pydantic import JsonValue

from toolace_dagster.entities.credentials import is_secret_name, looks_like_key, names_variable, secret_argument

_SHORTEST_KEY = 8
_LONGER_THAN_WORDS = 16
"""Length from which on a value is taken for a secret whatever it looks like; servers of one's own take any word."""


def no_credentials(url: str | None) -> str | None:
    """Refuse an address that holds a credential: settings are stored and shown.

    Raises:
        ValueError: With the mend, and without the address.
    """
    _refuse_credentials(url or "", "leave it out, and name the variable that holds it in api_key_env")
    return url


def no_credentials_in_url(url: str) -> str:
    """An address that is never asked with a key, and so has no variable for one."""
    _refuse_credentials(url, "leave it out")
    return url


def no_credentials_in_pool(pool: str) -> str:
    """The same for a pool that is an address or a server; a secret of a server may be written as ``${NAME}``."""
    if pool.startswith("mcp+"):
        mend = "write it as ${NAME}, the name of a variable of the environment that holds it"
    else:
        mend = "import it once with toolace pool import, which stores no address, and give the folder"
    named = re.sub(r"[A-Za-z0-9_.-]+=\$\{[A-Za-z_][A-Za-z0-9_]*\}", "", pool)
    if re.match(r"(mcp\+)?https?://", pool, re.IGNORECASE):
        _refuse_credentials(named, mend)
    else:
        try:
            found = secret_argument(shlex.split(pool.partition(":")[2])) if pool.startswith("mcp+") else None
        except ValueError as fault:
            raise ValueError(f"its command line can't be read: {fault}") from None
        if found is not None:
            raise ValueError(f"{found} looks like a credential; {mend}")
        _refuse_keys(named, mend)
    return pool


def from_variables(headers: dict[str, str]) -> dict[str, str]:
    """Headers whose values are names of variables, as ``${NAME}``; no other is allowed."""
    for name, value in headers.items():
        if not names_variable(value):
            raise ValueError(f"{name}: write its value as ${{NAME}}, the variable of the environment that holds it")
    return headers


def _refuse_credentials(text: str, mend: str) -> None:
    if "@" in text.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[0]:
        raise ValueError(f"it holds a user name or password; {mend}")
    for name, _ in parse_qsl(text.partition("?")[2], keep_blank_values=True):
        if is_secret_name(name):
            raise ValueError(f"its parameter {name} looks like a credential; {mend}")
    _refuse_keys(text, mend)


def no_secret_parameters(query: dict[str, str]) -> dict[str, str]:
    """Refuse parameters of an address that carry a credential."""
    mend = "use api_key_env and api_key_header"
    for name, value in query.items():
        if is_secret_name(name):
            raise ValueError(f"its parameter {name} looks like a credential; {mend}")
        _refuse_keys(value, mend)
    return query


def no_keys(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse fields of a request that hold a key."""
    _refuse_keys(json.dumps(body, ensure_ascii=False), "settings are stored and shown; use api_key_env")
    return body


def name_of_variable(name: str) -> str:
    """Refuse a key in the place of its variable's name; a variable that is set may have any name."""
    mend = "name the variable of the environment that holds the key, such as OPENAI_API_KEY, and set that to the key"
    if name not in os.environ and looks_like_key(name):
        raise ValueError(f"it looks like a key itself; {mend}")
    _refuse_keys(name, mend)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"it is no name of a variable; {mend}")
    return name


def name_of_header(name: str | None) -> str | None:
    """Refuse a key in the place of its header's name."""
    mend = "name the header that carries the key, such as api-key, and in api_key_env the variable that holds it"
    if name is not None:
        if looks_like_key(name):
            raise ValueError(f"it looks like a key itself; {mend}")
        _refuse_keys(name, mend)
        if not re.fullmatch("[A-Za-z0-9-]+", name):
            raise ValueError(f"it is no name of a header; {mend}")
    return name


def refuse_secrets(settings: Mapping[str, object], variables: Iterable[str]) -> None:
    """Refuse a secret of the environment anywhere in settings: they are stored and shown.

    Args:
        settings: All of them, as JSON has them.
        variables: Names of variables that hold keys, whatever they are called; others are known by their names.

    Raises:
        ValueError: It names the setting, and the variable that has the same value.
    """
    secrets = dict(_secrets(variables))
    for name, text in _leaves(settings, "") if secrets else ():
        for variable, value in secrets.items():
            if value in text:
                raise ValueError(
                    f"{name}: it holds the value of {variable}; settings are stored and shown: leave it out, and name "
                    "the variable that holds a key in api_key_env"
                )


def without_secrets(text: str, variables: Iterable[str] = ()) -> str:
    """A message in which the name of its variable stands for each secret of the environment.

    Args:
        text: The message.
        variables: Names of variables that hold secrets, whatever they are called; others are known by their names.
    """
    for variable, value in _secrets(variables):
        text = text.replace(value, f"[{variable}]")
    return text


def _secrets(variables: Iterable[str]) -> Iterator[tuple[str, str]]:
    known = frozenset(variables)
    for variable, value in os.environ.items():
        value = value.strip()
        mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
        if len(value) >= (_SHORTEST_KEY if mixed else _LONGER_THAN_WORDS) and (
            variable in known or is_secret_name(variable)
        ):
            yield variable, value


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Each value in settings as text, and each key of theirs, with the dotted name of the table it stands in."""
    if isinstance(value, Mapping):
        for key, each in cast("Mapping[object, object]", value).items():
            yield name or "settings", str(key)
            yield from _leaves(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for each in cast("Iterable[object]", value):
            yield from _leaves(each, name)
    else:
        yield name, str(value)


def _refuse_keys(text: str, mend: str) -> None:
    for variable, value in os.environ.items():
        if variable.endswith("KEY") and len(value) >= _SHORTEST_KEY and value in text:
            raise ValueError(f"it holds the value of {variable}; {mend}")
