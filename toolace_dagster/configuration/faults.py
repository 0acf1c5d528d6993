"""What is wrong with settings, in words that name each and where it came from.

Belongs here: pydantic's errors as lines for a user. Does not belong here: the settings' own messages (``settings``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from toolace_dagster.configuration.environment import named_variables
from toolace_dagster.settings.credentials import without_secrets

_NEAR_KEYS = ("api_key_env", "api_key_header")
"""Settings in whose place a key may have been given."""


class ConfigurationError(ValueError):
    """Settings that can't be used; the message has a line for each fault, with where it came from, and no secret.

    Args:
        message: The lines.
        variables: Names of variables that hold secrets, as far as the settings name any.
    """

    def __init__(self, message: str, variables: Iterable[str] = ()) -> None:
        super().__init__(without_secrets(message, variables))


def fault_lines(error: ValidationError, origins: Mapping[str, str], values: Mapping[str, object]) -> list[str]:
    """A line for each fault, without any secret.

    Args:
        error: Of validating settings.
        origins: By dotted name, what set it.
        values: What was validated. The variables that it names hold secrets, whatever they are called.
    """
    variables = named_variables(values)
    lines: list[str] = []
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"])
        set_by = set_by_of(name, origins)
        # Our own messages say enough, and what they refuse may hold a credential.
        told = bool(name) and fault["type"] != "value_error" and not name.endswith(_NEAR_KEYS)
        shown = f", not {fault['input']!r}" if told else ""
        where = f" (from {set_by})" if set_by else ""
        lines.append(without_secrets(f"setting {name or 'combination'}{where}: {fault['msg']}{shown}", variables))
    return lines


def set_by_of(name: str, origins: Mapping[str, str]) -> str:
    """What set a setting, or the table it stands in; empty where nothing did."""
    parts = name.split(".")
    upwards = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((origins[known] for known in upwards if known in origins), "")
