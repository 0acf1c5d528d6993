"""From the fill of an injection to turns, and whether it did what its sub-type asks.

Belongs here: building the turns and the check of each sub-type; the message of a
fault is shown to the model once, and stands in the edit when the fill is discarded.
Does not belong here: where an injection goes (``anchors``), asking (``injection``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from toolace_dagster.entities import (
    Dialogue,
    InjectionSubType,
    InjectionType,
    Origin,
    Tool,
    ToolOutput,
    Turn,
    canonical_json,
)
from toolace_dagster.error_answers import says_error
from toolace_dagster.initialization.turns import tool_calls, tool_outputs
from toolace_dagster.refinement.intact import calls_of, retry_lapses, withheld_lapses
from toolace_dagster.refinement.places import Anchor
from toolace_dagster.refinement.replies import TurnReply
from toolace_dagster.refinement.values import Known, codes, says
from toolace_dagster.tool_pool.arguments import argument_faults

_TALK = ("user", "assistant", "user")
_RETRY = ("assistant", "tool", "assistant")
NEW_TURNS = 3
"""Turns of any injection."""


class UnusableFill(ValueError):
    """A fill that can't take the place of what was masked; the message says why."""


def roles_of(kind: InjectionType) -> tuple[str, ...]:
    """The roles of the turns that an injection of a type writes."""
    return _RETRY if kind is InjectionType.ERROR_SIMULATION else _TALK


def injected_turns(replies: Sequence[TurnReply], anchor: Anchor, round_number: int) -> tuple[Turn, ...]:
    """Build the turns of a fill.

    Args:
        replies: The fill.
        anchor: Where it goes.
        round_number: Refinement round, for the turns' origin.

    Raises:
        UnusableFill: If roles do not fit.
        ValueError: If a turn has not what its role needs, or outputs do not answer calls one by one.
    """
    kind = anchor.sub_type.type
    roles = tuple(reply.role for reply in replies)
    if roles != roles_of(kind):
        raise UnusableFill(f"the fill's roles are {', '.join(roles)} instead of {', '.join(roles_of(kind))}")
    origin = Origin(operation="complexity_injection", round=round_number, injection=kind, sub_type=anchor.sub_type)
    turns: list[Turn] = []
    for index, reply in enumerate(replies):
        is_last = index == len(replies) - 1
        turn_id = anchor.turn.id if index == 0 else f"{anchor.turn.id}.{index}"
        calls = tool_calls(reply.tool_calls, turn_id=turn_id)
        if is_last and len(calls) == len(anchor.turn.tool_calls):
            # The tool turn that follows answers the masked turn's calls by their ids.
            kept = zip(calls, anchor.turn.tool_calls, strict=True)
            calls = tuple(call.model_copy(update={"id": old.id}) for call, old in kept)
        elif calls:
            calls = tuple(call.model_copy(update={"id": f"{call.id}_r{round_number}"}) for call in calls)
        added = (anchor.withheld_tool,) if is_last and anchor.withheld_tool else ()
        turns.append(
            Turn(
                id=turn_id,
                role=reply.role,
                sub_task=anchor.turn.sub_task,
                content=reply.content.strip(),
                tool_calls=calls,
                outputs=_injected(tool_outputs(reply.outputs, turns[-1].tool_calls)) if reply.role == "tool" else (),
                tools_added=added or (anchor.turn.tools_added if is_last else ()),
                origin=origin,
            )
        )
    return tuple(turns)


def _injected(outputs: Sequence[ToolOutput]) -> tuple[ToolOutput, ...]:
    """Outputs of calls that are not to succeed: never run for real, whatever their tool."""
    return tuple(output.model_copy(update={"source": "injected"}) for output in outputs)


def fill_faults(
    turns: tuple[Turn, ...], anchor: Anchor, dialogue: Dialogue, tools: Mapping[str, Tool]
) -> Iterator[str]:
    """What keeps a fill from doing its job.

    Args:
        turns: The new turns.
        anchor: Where they go and what they are to do.
        dialogue: The dialogue before the injection.
        tools: Tools of the domain by name.

    Yields:
        Each fault, as a sentence's beginning without a capital letter.
    """
    if anchor.sub_type.type is InjectionType.ERROR_SIMULATION:
        yield from _retry_faults(turns, anchor, tools)
    else:
        yield from _talk_faults(turns, anchor, dialogue)


def _retry_faults(turns: tuple[Turn, ...], anchor: Anchor, tools: Mapping[str, Tool]) -> Iterator[str]:
    first, _, last = turns
    wanted = calls_of(anchor.turn)
    if calls_of(last) != wanted:
        yield "the corrected call is not the masked one, which the following turn answers"
    if not last.content:
        yield "the repeated call has no sentence that says what went wrong and what is done about it"
    if not first.is_call:
        yield "the first turn calls no tool"
        return
    yield from (_failure_faults if anchor.sub_type.fails else _poor_result_faults)(turns, anchor, tools)


def _failure_faults(turns: tuple[Turn, ...], anchor: Anchor, _tools: Mapping[str, Tool]) -> Iterator[str]:
    first, middle, _ = turns
    if not any(output.is_error for output in middle.outputs):
        yield "the tool's output is not an error"
    # In a training file the content alone says that such a call was refused.
    if any(output.is_error and not says_error(output.content) for output in middle.outputs):
        yield 'the tool\'s output does not read as an error; its content is to be {"error": text}'
    yield from (lapse.what for lapse in retry_lapses(anchor.sub_type, first, middle.outputs, anchor.turn, None))


def _poor_result_faults(turns: tuple[Turn, ...], anchor: Anchor, tools: Mapping[str, Tool]) -> Iterator[str]:
    first, middle, _ = turns
    if any(output.is_error for output in middle.outputs):
        yield "the output is an error; it is to be a result"
    yield from (
        f"the first call is not valid: {fault.message.rstrip('.')}"
        for call in first.tool_calls
        if call.name in tools
        for fault in argument_faults(tools[call.name], call.arguments)
    )
    whole = ToolOutput(call_id="", name="", content=anchor.full)
    yield from (lapse.what for lapse in retry_lapses(anchor.sub_type, first, middle.outputs, anchor.turn, whole))
    if anchor.sub_type is InjectionSubType.EMPTY_RESULT and calls_of(first) != calls_of(anchor.turn):
        yield from _contrived(first, anchor)


def _contrived(first: Turn, anchor: Anchor) -> Iterator[str]:
    """What a search that was taken too narrowly has otherwise than it may."""
    made, meant = first.tool_calls[0], anchor.turn.tool_calls[0]
    vary = anchor.instruction.get("vary", [])
    other = {n for n in made.arguments.keys() | meant.arguments if made.arguments.get(n) != meant.arguments.get(n)}
    if made.name != meant.name:
        yield f"the call that finds nothing is one of {made.name} instead of {meant.name}"
    elif stray := sorted(other.difference(vary)):
        yield f"the call that finds nothing differs in {', '.join(stray)}; it may differ in {', '.join(vary)} only"


def _talk_faults(turns: tuple[Turn, ...], anchor: Anchor, dialogue: Dialogue) -> Iterator[str]:
    first, middle, last = turns
    sub_type = anchor.sub_type
    if middle.is_call:
        yield "the assistant calls a tool where it should answer in words"
    yield from (lapse.what for lapse in withheld_lapses(turns, sub_type, anchor.withheld))
    said = last.content
    if sub_type.type is InjectionType.CLARIFICATION or sub_type is InjectionSubType.TOOL_ARRIVES_LATER:
        said = f"{first.content}\n{last.content}"
    for value in anchor.kept:
        if value not in anchor.withheld and not says(said, value):
            yield f"the value {value!r}, which a later call takes, is not said any more"
    if anchor.seen:
        if not any(says(middle.content, value) for value in anchor.seen):
            yield "the answer names nothing that was found before"
        yield from _invented(turns, dialogue.turns[: dialogue.position(anchor.turn.id)])


def _invented(turns: tuple[Turn, ...], before: tuple[Turn, ...]) -> Iterator[str]:
    """What an answer about earlier results states that nobody said and nothing returned."""
    known = Known(before)
    known.add(turns[0])
    for turn in before:
        known.add_text(canonical_json([call.arguments for call in turn.tool_calls]))
        known.add_text(turn.content)
    yield from (
        f"the answer states {code!r}, which nobody said and no result holds"
        for code in codes(turns[1].content)
        if not known.holds(code)
    )
