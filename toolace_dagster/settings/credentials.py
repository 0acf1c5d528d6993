"""Refusing settings that hold a credential: settings are stored and shown.

Belongs here: what a value must not hold, and the mend. Does not belong here: what a credential looks like
(``entities.credentials``).
"""

from __future__ import annotations

import json
import os
import re
import shlex
from urllib.parse import parse_qsl

from pydantic import JsonValue

from toolace_dagster.entities.credentials import is_secret_name, looks_like_key, names_variable, secret_argument

_SHORTEST_KEY = 8


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


def _refuse_keys(text: str, mend: str) -> None:
    for variable, value in os.environ.items():
        if variable.endswith("KEY") and len(value) >= _SHORTEST_KEY and value in text:
            raise ValueError(f"it holds the value of {variable}; {mend}")
