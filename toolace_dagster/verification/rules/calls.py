"""Rules on single tool calls and their outputs.

Belongs here: tool known and offered, arguments and results against schemas,
repeated calls. Does not belong here: where values come from (``grounding``).
"""

from __future__ import annotations

from collections.abc import Iterator

from toolace_dagster.entities import canonical_json
from toolace_dagster.tool_pool.arguments import argument_faults, validator
from toolace_dagster.verification.rules.registry import Defect, Subject, rule


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
        for fault in argument_faults(tool, placed.call.arguments):
            yield Defect(
                fault.message,
                turn_id=placed.turn.id,
                path=placed.path("arguments", *fault.path),
                evidence=fault.evidence,
            )


@rule("rule.result_schema", severity="soft")
def result_schema(subject: Subject) -> Iterator[Defect]:
    """Results fit the result schema that the tool describes; error results are free."""
    for placed in subject.calls:
        tool = subject.tools.get(placed.call.name)
        if tool is None or tool.result is None or placed.output is None or placed.failed:
            continue
        for error in validator(canonical_json(tool.result)).iter_errors(placed.output.content):
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
