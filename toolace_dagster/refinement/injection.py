"""Complexity injection, mask-and-extend (paper, stage 2).

One turn is masked; the fill is revised content plus additional turns. The rest of
the dialogue stays as it is, so the last new turn must lead into what follows.

Belongs here: the row program of one injection. Does not belong here: where it goes
(``anchors``), or whether a fill did its job (``injected``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from toolace_dagster.entities import Dialogue, Edit, InjectionSubType, Replacement, TaskSpec, Tool, Turn
from toolace_dagster.entities.randomness import generator, request_seed
from toolace_dagster.initialization.tool_calling import CallSchemas, call_schemas, told
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, task_view, tools_view, turn_view
from toolace_dagster.refinement.anchors import find_anchor, in_order_of_choice
from toolace_dagster.refinement.injected import NEW_TURNS, UnusableFill, fill_faults, injected_turns
from toolace_dagster.refinement.places import Anchor
from toolace_dagster.refinement.replies import InjectionReply
from toolace_dagster.settings import Settings


@dataclass(frozen=True)
class InjectionSubject:
    """What an injection is made into.

    Attributes:
        dialogue: The dialogue as it is.
        spec: Its task.
        tools: Tools of the domain by name.
        round_number: Refinement round, from 1.
        sequence: Position of the edit within the round.
    """

    dialogue: Dialogue
    spec: TaskSpec
    tools: Mapping[str, Tool]
    round_number: int
    sequence: int


def injection_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    wanted: InjectionSubType,
    round_number: int,
    sequence: int,
) -> Program[Edit | None]:
    """Ask for one injection.

    A fill that does not do its job is shown to the model once with what is wrong;
    if the next one does not either, the edit is discarded with the reason.

    Args:
        dialogue: The dialogue as it is.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Mix of sub-types, sampling settings.
        wanted: What to inject; when it fits nowhere, its type's other sub-types are tried, then the other types'.
        round_number: Refinement round, from 1.
        sequence: Position of the edit within the round.

    Returns:
        The edit, accepted or discarded; None when nothing fits anywhere.
    """
    rng = generator("injection", dialogue.id, round_number, sequence)
    choices = in_order_of_choice(wanted, settings.injection_mix, rng)
    anchors = (find_anchor(dialogue, each, spec.offered_tools, tools, rng) for each in choices)
    anchor = next((anchor for anchor in anchors if anchor is not None), None)
    if anchor is None:
        return None
    subject = InjectionSubject(dialogue, spec, tools, round_number, sequence)
    answer = yield from ask(_request(subject, settings, anchor))
    edit = Edit(
        id=f"{dialogue.id}/r{round_number}/{sequence}",
        dialogue_id=dialogue.id,
        round=round_number,
        sequence=sequence,
        operation="complexity_injection",
        injection=anchor.sub_type.type,
        sub_type=anchor.sub_type,
        replacements=(Replacement(before=anchor.turn, after=()),),
        withheld_tools=(anchor.withheld_tool,) if anchor.withheld_tool else (),
        outcome="discarded",
        call_ids=(answer.call_id,),
    )
    try:
        after = injected_turns(answer.reply.turns, anchor, round_number)
    except ValueError as error:
        return edit.model_copy(update={"reason": _plain(error)})
    faults = list(fill_faults(after, anchor, dialogue, tools))
    replaced = edit.model_copy(update={"replacements": (Replacement(before=anchor.turn, after=after),)})
    if faults:
        return replaced.model_copy(update={"reason": "; ".join(faults)})
    reason = f"{anchor.sub_type.value} injected at turn {anchor.turn.id}"
    return replaced.model_copy(update={"outcome": "accepted", "reason": reason})


def _fault(reply: InjectionReply, *, anchor: Anchor, subject: InjectionSubject) -> str | None:
    """What is wrong with a fill, for the model to mend."""
    try:
        turns: tuple[Turn, ...] = injected_turns(reply.turns, anchor, subject.round_number)
    except ValueError as error:
        return f"Your turns can't be used: {_plain(error)}."
    faults = fill_faults(turns, anchor, subject.dialogue, subject.tools)
    return told(f"{fault[0].upper()}{fault[1:]}." for fault in faults)


def _request(subject: InjectionSubject, settings: Settings, anchor: Anchor) -> ModelRequest[InjectionReply]:
    dialogue, spec = subject.dialogue, subject.spec
    schemas = _schemas(anchor, spec, subject.tools)
    kind = {"type": anchor.sub_type.type.value, "sub_type": anchor.sub_type.value}
    return ModelRequest(
        messages=render(
            "injection",
            tools=tools_view(spec.offered_tools, subject.tools),
            task=task_view(spec, dialogue, withheld=anchor.withheld_tool),
            dialogue=dialogue_view(dialogue.turns, {anchor.turn.id: None}),
            masked=turn_view(anchor.turn),
            injection=kind | anchor.instruction,
            sub_type=anchor.sub_type.value,
        ),
        reply_type=InjectionReply,
        sampling=Sampling.of(
            settings.model_of("refiner"), request_seed("injection", dialogue.id, subject.round_number, subject.sequence)
        ),
        purpose=Purpose(
            stage=f"refinement_round_{subject.round_number:02d}",
            task="injection",
            role="refiner",
            domain=spec.domain,
            dialogue_id=dialogue.id,
            round=subject.round_number,
            turn_ids=(anchor.turn.id,),
        ),
        narrowed_schema=schemas.full,
        wide_schema=schemas.names,
        check=partial(_fault, anchor=anchor, subject=subject),
    )


def _schemas(anchor: Anchor, spec: TaskSpec, tools: Mapping[str, Tool]) -> CallSchemas:
    """Three turns, calls of known tools. Arguments are free where the error is a call that is not valid."""
    schemas = call_schemas(InjectionReply, (tools[name] for name in spec.offered_tools))
    for schema in (schemas.full, schemas.names):
        schema["properties"]["turns"] |= {"minItems": NEW_TURNS, "maxItems": NEW_TURNS}
    invalid = anchor.sub_type is InjectionSubType.INVALID_ARGUMENT
    return CallSchemas(schemas.names, schemas.names) if invalid else schemas


def _plain(error: ValueError) -> str:
    """The first line of an error, without Pydantic's frame."""
    text = str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[2].removeprefix("Value error, ") if len(lines) > 2 and "validation error" in lines[0] else lines[0]


__all__ = ["UnusableFill", "injection_program"]
