"""Whether a call's arguments are valid for its tool.

Belongs here: the validation that every stage shares. Does not belong here: what
follows from a fault (a correction in the stages that write calls, a finding in
``verification``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import jsonschema_rs

from toolace_dagster.entities import JsonObject, Tool, canonical_json


@dataclass(frozen=True)
class ArgumentFault:
    """One fault in the arguments of a call.

    Attributes:
        message: The fault in words.
        path: Where it is, below the arguments.
        evidence: The arguments, or the one at fault, as JSON.
    """

    message: str
    path: tuple[str, ...]
    evidence: str


def argument_faults(tool: Tool, arguments: JsonObject) -> Iterator[ArgumentFault]:
    """Find what is wrong with the arguments of a call.

    Args:
        tool: The tool that is called.
        arguments: Arguments by name.

    Yields:
        Each fault: what the schema refuses, then names the tool does not have.
    """
    for error in validator(tool.parameters_json).iter_errors(arguments):
        yield ArgumentFault(
            f"The arguments of {tool.name} are not valid: {error.message}",
            tuple(str(part) for part in error.instance_path),
            canonical_json(arguments),
        )
    if says_nothing_of_other_names(tool):
        for name in sorted(arguments.keys() - tool.properties.keys()):
            yield ArgumentFault(f"{tool.name} has no parameter {name!r}.", (name,), canonical_json(arguments[name]))


def says_nothing_of_other_names(tool: Tool) -> bool:
    """Whether the schema leaves open if other arguments may be given. It allows them then; a tool does not."""
    return not {"additionalProperties", "patternProperties", "unevaluatedProperties"} & tool.parameters.keys()


@lru_cache(maxsize=4096)
def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    """A validator that checks formats as well, by the schema's canonical JSON."""
    return jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=True)
