"""Rules on where argument values come from.

Parameter hallucination is the method's named bottleneck: 51 % of rule failures in
the paper. Every value is traced to its source (``toolace_dagster.grounding``). Only an identifier without
one rejects: of 84 good public dialogues 52 have another value that is not literally in sight. Nor does an identifier
reject that a tool really took without an error: it exists, whoever found it.

Belongs here: what follows from a trace. Does not belong here: tracing.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolace_dagster.entities import ToolOutput, canonical_json
from toolace_dagster.grounding import ArgumentSource
from toolace_dagster.verification.rules.registry import Defect, Subject, rule


@rule("rule.grounding")
def grounding(subject: Subject) -> Iterator[Defect]:
    """Each argument value has a source; an identifier without one rejects, any other value is remarked on."""
    answers = _answers(subject)
    for source in subject.sources:
        if source.state != "ungrounded":
            continue
        answer = answers.get(source.call_id)
        failed = answer is not None and answer.is_error
        if failed and not source.identifier:
            continue
        # What an error simulated on purpose is about may be wrong in any way.
        spoiled = failed and answer is not None and answer.source == "injected"
        exists = not failed and answer is not None and answer.source == "executed"
        hard = source.identifier and not spoiled and not exists
        yield Defect(
            f"The argument {_name(source)} of {source.tool} is {source.value!r}: {source.reason}.",
            turn_id=source.turn_id,
            path=source.path,
            evidence=str(source.value),
            severity="hard" if hard else "soft",
        )


@rule("rule.grounding_undecided", severity="soft")
def grounding_undecided(subject: Subject) -> Iterator[Defect]:
    """Values whose source only someone who understands the words can tell are named for the experts."""
    answers = _answers(subject)
    for source in subject.sources:
        answer = answers.get(source.call_id)
        if source.state == "undecided" and not (answer is not None and answer.is_error):
            yield Defect(
                f"An expert has to tell where {_name(source)} of {source.tool}, {source.value!r}, comes from: "
                f"{source.reason}.",
                turn_id=source.turn_id,
                path=source.path,
                # As the call has it, since an expert is shown it beside the call.
                evidence=source.value if isinstance(source.value, str) else canonical_json(source.value),
            )


def _answers(subject: Subject) -> dict[str, ToolOutput]:
    return {placed.call.id: placed.output for placed in subject.calls if placed.output is not None}


def _name(source: ArgumentSource) -> str:
    return source.path.partition(".arguments")[2].removeprefix(".")
