"""Rules on single tool calls, and on calls that repeat each other.

Belongs here: tool known and offered, arguments against schemas, repeated and
contradictory calls. Does not belong here: where values come from (``grounding``),
or what came back (``results``).
"""

from __future__ import annotations

from collections.abc import Iterator

from toolace_dagster.entities import canonical_json
from toolace_dagster.error_answers import says_error
from toolace_dagster.tool_pool.arguments import argument_faults
from toolace_dagster.tool_pool.naming import looks_up
from toolace_dagster.verification.rules.registry import Defect, PlacedCall, Subject, rule


@rule("rule.tool_known")
def tool_known(subject: Subject) -> Iterator[Defect]:
    """Each called tool exists."""
    for placed in subject.calls:
        name = placed.call.name
        if name not in subject.tools:
            message = f"The call names a tool {name!r} that does not exist."
            yield Defect(message, placed.turn.id, placed.path("name"), name)


@rule("rule.tool_offered")
def tool_offered(subject: Subject) -> Iterator[Defect]:
    """Each called tool is offered at that point of the dialogue."""
    for placed in subject.calls:
        name = placed.call.name
        if name in subject.tools and name not in subject.offered[placed.turn_index]:
            later = any(name in turn.tools_added for turn in subject.dialogue.turns[placed.turn_index :])
            message = (
                f"The tool {name} is called before it is offered." if later else f"The tool {name} is not offered."
            )
            yield Defect(message, placed.turn.id, placed.path("name"), name)


@rule("rule.arguments_schema")
def arguments_schema(subject: Subject) -> Iterator[Defect]:
    """Arguments are valid for the tool's parameters and have no other keys; a call that failed is spared.

    Whoever reads a training file sees that it failed by what the output says alone. What a real tool calls an error is
    believed, in whatever language it says so.
    """
    for placed in subject.calls:
        tool = subject.tools.get(placed.call.name)
        if tool is None or _says_that_it_failed(placed):
            continue
        unsaid = " Its output is marked as an error and does not read as one." if placed.failed else ""
        for fault in argument_faults(tool, placed.call.arguments):
            yield Defect(fault.message + unsaid, placed.turn.id, placed.path("arguments", *fault.path), fault.evidence)


def _says_that_it_failed(placed: PlacedCall) -> bool:
    output = placed.output
    return output is not None and output.is_error and (output.source == "executed" or says_error(output.content))


@rule("rule.duplicate_call", severity="soft")
def duplicate_call(subject: Subject) -> Iterator[Defect]:
    """No successful call is repeated word for word while nothing in between could have changed its answer."""
    seen: dict[str, PlacedCall] = {}
    for placed in subject.calls:
        if placed.failed:
            continue
        key = f"{placed.call.name} {subject.argument_texts[placed.call.id]}"
        if key in seen:
            message = f"The call of {placed.call.name} repeats that of turn {seen[key].turn.id} exactly."
            yield Defect(message, placed.turn.id, placed.path(), canonical_json(placed.call.arguments))
        elif _changes_something(placed, subject):
            # Asking again after a change is sense, and so is making the same change again later.
            seen.clear()
        seen[key] = placed


@rule("rule.contradictory_calls", severity="soft")
def contradictory_calls(subject: Subject) -> Iterator[Defect]:
    """The same question gets the same answer unless something changed in between; real answers are spared."""
    answers: dict[str, tuple[PlacedCall, str]] = {}
    for placed in subject.calls:
        if placed.failed or placed.output is None:
            continue
        if _changes_something(placed, subject):
            answers.clear()
            continue
        key = f"{placed.call.name} {subject.argument_texts[placed.call.id]}"
        content = canonical_json(placed.output.content)
        before = answers.get(key)
        if before is not None and before[1] != content and placed.output.source != "executed":
            message = f"The same call of {placed.call.name} was answered otherwise in turn {before[0].turn.id}."
            yield Defect(message, placed.turn.id, placed.path(), content)
        answers[key] = (placed, content)


def _changes_something(placed: PlacedCall, subject: Subject) -> bool:
    tool = subject.tools.get(placed.call.name)
    return tool is None or not looks_up(tool)
