"""Telling what looks like a credential, so that it is refused before it is stored.

Belongs here: names and places that give a secret away. Does not belong here: what
the message says, or taking known keys out of texts (``llm``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""How a text names a variable of the environment that it takes a value from."""
_ASSIGNED = re.compile(r"^-{0,2}([A-Za-z][\w.-]*)[=:](.+)$", re.DOTALL)
_SCHEME = re.compile(r"\b(?:bearer|basic)\s+\S", re.IGNORECASE)
_KEY_PREFIX = re.compile(
    r"(sk|gsk|csk|rk|pk|xai|hf|r8|pplx|nvapi|fw|tgp|key|ghp|gho|glpat|github_pat|esecret|AIza|AKIA|eyJ)[A-Za-z0-9_-]{16,}"
)
"""How keys of well-known services begin, and that they are long."""
_LONG, _LONGER = 16, 24


def looks_like_key(text: str) -> bool:
    """Whether a text given where a name is wanted looks like a key itself: by its beginning, or by being random."""
    lower, upper = any(map(str.islower, text)), any(map(str.isupper, text))
    digits = any(map(str.isdigit, text))
    return (
        (bool(_KEY_PREFIX.fullmatch(text)) and digits)
        or (len(text) >= _LONG and lower and upper and digits)
        or (len(text) >= _LONGER and digits and not re.search("[_-]", text))
    )


def is_secret_name(name: str) -> bool:
    """Whether a parameter, option or variable of this name holds a credential."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return plain.endswith(("key", "token", "secret", "password", "passwd", "signature")) or plain in (
        "sig",
        "auth",
        "authorization",
    )


def names_variable(text: str) -> bool:
    """Whether a text takes its value from a variable of the environment, written ``${NAME}``."""
    return VARIABLE.search(text) is not None


def secret_argument(command: Sequence[str]) -> str | None:
    """Find a credential written out in a command line.

    Args:
        command: The program and its arguments.

    Returns:
        The name it stands under (``--api-key``), or ``Authorization``; None where there is none.
    """
    for before, argument in pairwise(("", *command)):
        if names_variable(argument):
            continue
        if _SCHEME.search(argument):
            return "Authorization"
        if (assigned := _ASSIGNED.match(argument)) and is_secret_name(assigned[1]):
            return assigned[1]
        option = before.startswith("-") and "=" not in before and not argument.startswith("-")
        if option and is_secret_name(before):
            return before
    return None


def secret_in_address(address: str) -> str | None:
    """Find a credential written out in an address.

    Returns:
        What it is: ``a user name or password``, or the name of a parameter; None where there is none.
    """
    parts = urlsplit(address)
    if "@" in parts.netloc and not names_variable(parts.netloc.rpartition("@")[0]):
        return "a user name or password"
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if is_secret_name(name) and not names_variable(value):
            return f"its parameter {name}"
    return None
