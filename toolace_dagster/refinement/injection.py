"""Complexity injection, mask-and-extend (paper, stage 2).

One turn is masked; the fill is revised content plus additional turns. The rest of
the dialogue stays as it is, so the last new turn must lead into what follows.

Belongs here: the row program of one injection, and whether a fill did its job.
Does not belong here: where it goes (``anchors``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolace_dagster.entities import (
    Dialogue,
    Edit,
    InjectionType,
    Origin,
    Replacement,
    TaskSpec,
    Tool,
    ToolOutput,
    Turn,
    canonical_json,
)
from toolace_dagster.entities.randomness import generator, request_seed
from toolace_dagster.initialization.tool_calling import call_schemas
from toolace_dagster.initialization.turns import tool_calls, tool_outputs
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, task_view, tools_view, turn_view
from toolace_dagster.refinement.anchors import Anchor, find_anchor
from toolace_dagster.refinement.replies import InjectionReply, TurnReply
from toolace_dagster.settings import Settings


class UnusableFill(ValueError):
    """A fill that can't take the place of what was masked; the message says why."""


def injection_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    kind: InjectionType,
    round_number: int,
    sequence: int,
) -> Program[Edit | None]:
    """Ask for one injection.

    Args:
        dialogue: The dialogue as it is.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Sampling settings.
        kind: Kind to inject; when it fits nowhere, the other kinds are tried in order.
        round_number: Refinement round, from 1.
        sequence: Position of the edit within the round.

    Returns:
        The edit, accepted or discarded; None when no kind fits anywhere.
    """
    rng = generator("injection", dialogue.id, round_number, sequence)
    kinds = [kind, *(other for other in InjectionType if other is not kind)]
    anchors = ((each, find_anchor(dialogue, each, tools, rng)) for each in kinds)
    found = next(((each, anchor) for each, anchor in anchors if anchor is not None), None)
    if found is None:
        return None
    kind, anchor = found
    answer = yield from ask(_request(dialogue, spec, tools, settings, anchor, round_number, sequence))
    edit = Edit(
        id=f"{dialogue.id}/r{round_number}/{sequence}",
        dialogue_id=dialogue.id,
        round=round_number,
        sequence=sequence,
        operation="complexity_injection",
        injection=kind,
        replacements=(Replacement(before=anchor.turn, after=()),),
        withheld_tools=(anchor.withheld_tool,) if anchor.withheld_tool else (),
        outcome="discarded",
        call_ids=(answer.call_id,),
    )
    try:
        after = _turns(answer.reply.turns, anchor, kind, round_number)
        _check(after, anchor, kind)
    except ValueError as error:
        return edit.model_copy(update={"reason": _plain(error)})
    return edit.model_copy(
        update={
            "outcome": "accepted",
            "replacements": (Replacement(before=anchor.turn, after=after),),
            "reason": f"{kind.value} injected at turn {anchor.turn.id}",
        }
    )


_ROLES: dict[InjectionType, tuple[str, ...]] = {
    InjectionType.CLARIFICATION: ("user", "assistant", "user"),
    InjectionType.TOOL_AWARENESS: ("user", "assistant", "user"),
    InjectionType.ERROR_SIMULATION: ("assistant", "tool", "assistant"),
    InjectionType.NON_FUNCTION_CALLING: ("user", "assistant", "user"),
}


def _turns(replies: Sequence[TurnReply], anchor: Anchor, kind: InjectionType, round_number: int) -> tuple[Turn, ...]:
    roles = tuple(reply.role for reply in replies)
    if roles != _ROLES[kind]:
        raise UnusableFill(f"the fill's roles are {', '.join(roles)} instead of {', '.join(_ROLES[kind])}")
    origin = Origin(operation="complexity_injection", round=round_number, injection=kind)
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
    """Outputs of calls that never got through: never run for real, whatever their tool."""
    return tuple(output.model_copy(update={"source": "injected"}) for output in outputs)


def _check(turns: tuple[Turn, ...], anchor: Anchor, kind: InjectionType) -> None:
    """Whether the fill did what its kind asks.

    Raises:
        UnusableFill: If it did not.
    """
    first, middle, last = turns
    if kind is InjectionType.ERROR_SIMULATION:
        if not all(output.is_error for output in middle.outputs):
            raise UnusableFill("the tool's output is not an error")
        before = [(call.name, canonical_json(call.arguments)) for call in anchor.turn.tool_calls]
        if [(call.name, canonical_json(call.arguments)) for call in last.tool_calls] != before:
            raise UnusableFill("the corrected call is not the one that the following turn answers")
        return
    if middle.is_call:
        raise UnusableFill("the assistant calls a tool where it should answer in words")
    if kind is InjectionType.CLARIFICATION:
        value = str(anchor.instruction["withhold"][0]["value"]).casefold()
        if value in first.content.casefold():
            raise UnusableFill(f"the value {value!r} is still in the first message")
        if value not in last.content.casefold():
            raise UnusableFill(f"the value {value!r} is not given in the answer")


def _request(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    anchor: Anchor,
    round_number: int,
    sequence: int,
) -> ModelRequest[InjectionReply]:
    return ModelRequest(
        messages=render(
            "injection",
            tools=tools_view(spec.offered_tools, tools),
            task=task_view(spec, dialogue, withheld=anchor.withheld_tool),
            dialogue=dialogue_view(dialogue.turns, {anchor.turn.id: None}),
            masked=turn_view(anchor.turn),
            injection=anchor.instruction,
        ),
        reply_type=InjectionReply,
        sampling=Sampling.of(
            settings.model_of("refiner"), request_seed("injection", dialogue.id, round_number, sequence)
        ),
        purpose=Purpose(
            stage=f"refinement_round_{round_number:02d}",
            task="injection",
            role="refiner",
            domain=spec.domain,
            dialogue_id=dialogue.id,
            round=round_number,
            turn_ids=(anchor.turn.id,),
        ),
        narrowed_schema=_schema(spec, tools),
    )


def _schema(spec: TaskSpec, tools: Mapping[str, Tool]) -> dict[str, Any]:
    """Three turns, calls of known tools. Arguments are free: an error is made by a call that is not valid."""
    schema = call_schemas(InjectionReply, (tools[name] for name in spec.offered_tools)).names
    turns = {len(roles) for roles in _ROLES.values()}
    schema["properties"]["turns"] |= {"minItems": min(turns), "maxItems": max(turns)}
    return schema


def _plain(error: ValueError) -> str:
    """The first line of an error, without Pydantic's frame."""
    text = str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[2].removeprefix("Value error, ") if len(lines) > 2 and "validation error" in lines[0] else lines[0]
