"""Rules on single tool calls and their outputs.

Belongs here: tool known and offered, arguments and results against schemas,
repeated calls. Does not belong here: where values come from (``grounding``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

import jsonschema_rs

from toolace_dagster.entities import JsonObject, canonical_json
from toolace_dagster.verification.rules.registry import Defect, PlacedCall, Subject, rule


@rule("rule.tool_offered")
def tool_offered(subject: Subject) -> Iterator[Defect]:
    """Each called tool exists and is offered at that point."""
    for placed in subject.calls:
        name = placed.call.name
        if name not in subject.tools:
            message = f"The call names a tool {name!r} that does not exist."
        elif name not in subject.dialogue.offered_at(placed.turn_index):
            message = f"The tool {name} is called before it is offered."
        else:
            continue
        yield Defect(message, turn_id=placed.turn.id, path=placed.path("name"), evidence=name)


@rule("rule.arguments_schema")
def arguments_schema(subject: Subject) -> Iterator[Defect]:
    """Arguments are valid for the tool's parameters and have no other keys; a call that failed is spared."""
    for placed in subject.calls:
        tool = subject.tools.get(placed.call.name)
        if tool is None or placed.failed:
            continue
        yield from _schema_defects(placed, tool.parameters)
        # A schema that says nothing of other keys allows them; a tool that is called does not.
        if not {"additionalProperties", "patternProperties", "unevaluatedProperties"} & tool.parameters.keys():
            for name in sorted(placed.call.arguments.keys() - tool.properties.keys()):
                yield Defect(
                    f"{tool.name} has no parameter {name!r}.",
                    turn_id=placed.turn.id,
                    path=placed.path("arguments", name),
                    evidence=canonical_json(placed.call.arguments[name]),
                )


@rule("rule.result_schema", severity="soft")
def result_schema(subject: Subject) -> Iterator[Defect]:
    """Results fit the result schema that the tool describes; error results are free."""
    for placed in subject.calls:
        tool = subject.tools.get(placed.call.name)
        if tool is None or tool.result is None or placed.output is None or placed.failed:
            continue
        for error in _validator(canonical_json(tool.result)).iter_errors(placed.output.content):
            path = "".join(f"[{part!r}]" for part in error.instance_path)
            yield Defect(
                f"The result of {tool.name} does not fit its described schema: {error.message}",
                turn_id=placed.turn.id,
                path=f"$.outputs[{placed.index}].content{path}",
                evidence=canonical_json(placed.output.content),
            )
            break


@rule("rule.duplicate_call", severity="soft")
def duplicate_call(subject: Subject) -> Iterator[Defect]:
    """No call repeats an earlier successful one of the same sub-task word for word."""
    seen: set[str] = set()
    for placed in subject.calls:
        key = canonical_json([placed.turn.sub_task, placed.call.name, placed.call.arguments])
        if key in seen:
            yield Defect(
                f"The call of {placed.call.name} repeats an earlier one exactly.",
                turn_id=placed.turn.id,
                path=placed.path(),
                evidence=canonical_json(placed.call.arguments),
            )
        if not placed.failed:
            seen.add(key)


def _schema_defects(placed: PlacedCall, schema: JsonObject) -> Iterator[Defect]:
    for error in _validator(canonical_json(schema)).iter_errors(placed.call.arguments):
        steps = [str(part) for part in error.instance_path]
        yield Defect(
            f"The arguments of {placed.call.name} are not valid: {error.message}",
            turn_id=placed.turn.id,
            path=placed.path("arguments", *steps),
            evidence=canonical_json(placed.call.arguments),
        )


@lru_cache(maxsize=4096)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=True)
