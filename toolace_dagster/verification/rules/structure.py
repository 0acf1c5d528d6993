"""Rules on the dialogue's form.

Belongs here: roles, alternation, ids, lengths. Does not belong here: what calls
and replies say, or what the task asks for (``coverage``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from toolace_dagster.entities import Turn, structure_faults
from toolace_dagster.verification.rules.registry import Defect, Subject, rule


@rule("rule.structure", repairable=False)
def structure(subject: Subject) -> Iterator[Defect]:
    """Observations and actions alternate, from the user's first to the assistant's last; turn ids are unique."""
    for fault in structure_faults(subject.dialogue.turns):
        if fault.fault not in ("outputs", "call_ids"):
            yield Defect(fault.message, turn_id=fault.turn_id, evidence=fault.fault)


@rule("rule.call_ids", repairable=False)
def call_ids(subject: Subject) -> Iterator[Defect]:
    """Each call has an id of its own and is answered once, by its own tool, in the turn after it."""
    turns = subject.dialogue.turns
    for index, turn in enumerate(turns):
        before = turns[index - 1] if index else None
        after = turns[index + 1] if index + 1 < len(turns) else None
        if turn.tool_calls:
            yield from _unanswered(turn, after)
        if turn.outputs:
            yield from _unasked(turn, before)
    first: dict[str, str] = {}
    for placed in subject.calls:
        if placed.call.id in first:
            message = f"The id of this call was used in turn {first[placed.call.id]} already."
            yield Defect(message, placed.turn.id, placed.path("id"), placed.call.id)
        first.setdefault(placed.call.id, placed.turn.id)


def _unanswered(turn: Turn, after: Turn | None) -> Iterator[Defect]:
    counts = Counter(output.call_id for output in after.outputs) if after is not None else Counter[str]()
    for index, call in enumerate(turn.tool_calls):
        path = f"$.tool_calls[{index}].id"
        if not counts[call.id]:
            yield Defect(f"The call of {call.name} is never answered.", turn.id, path, call.id)
        elif counts[call.id] > 1:
            yield Defect(f"The call of {call.name} is answered {counts[call.id]} times.", turn.id, path, call.id)


def _unasked(turn: Turn, before: Turn | None) -> Iterator[Defect]:
    names = {call.id: call.name for call in before.tool_calls} if before is not None else {}
    for index, output in enumerate(turn.outputs):
        path = f"$.outputs[{index}]"
        if output.call_id not in names:
            yield Defect(f"An output of {output.name} answers no call.", turn.id, f"{path}.call_id", output.call_id)
        elif names[output.call_id] != output.name:
            message = f"The call of {names[output.call_id]} is answered by {output.name}."
            yield Defect(message, turn.id, f"{path}.name", output.name)
    answered = [output.call_id for output in turn.outputs]
    if sorted(answered) == sorted(names) and answered != list(names):
        yield Defect("The outputs stand in another order than the calls.", turn.id, "$.outputs", ", ".join(answered))


@rule("rule.length")
def length(subject: Subject) -> Iterator[Defect]:
    """The dialogue has as many turns, and no turn more text, than the settings allow."""
    bounds = subject.facts.bounds
    count = len(subject.dialogue.turns)
    if not bounds.turns.low <= count <= bounds.turns.high:
        allowed = f"{bounds.turns.low} to {bounds.turns.high}"
        yield Defect(f"The dialogue has {count} turns, allowed are {allowed}.", evidence=str(count))
    for turn, texts in zip(subject.dialogue.turns, subject.output_texts, strict=True):
        if len(turn.content) > bounds.characters:
            message = f"The turn has {len(turn.content):,} characters, allowed are {bounds.characters:,}."
            yield Defect(message, turn.id, "$.content", turn.content[:80])
        for index, (output, text) in enumerate(zip(turn.outputs, texts, strict=True)):
            if len(text) > bounds.characters:
                message = (
                    f"The output of {output.name} has {len(text):,} characters, allowed are {bounds.characters:,}."
                )
                yield Defect(message, turn.id, f"$.outputs[{index}].content", output.name, severity="soft")
