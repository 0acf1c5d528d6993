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

from toolace_dagster.entities import Dialogue, Edit, InjectionSubType, Replacement, TaskSpec, Tool, Turn, apply_edit
from toolace_dagster.entities.randomness import generator, request_seed
from toolace_dagster.initialization.tool_calling import CallSchemas, call_schemas, told
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, task_view, tools_view, turn_view
from toolace_dagster.refinement.anchors import find_anchor, in_order_of_choice
from toolace_dagster.refinement.injected import NEW_TURNS, UnusableFill, fill_faults, injected_turns
from toolace_dagster.refinement.intact import mistaken_words
from toolace_dagster.refinement.places import Anchor
from toolace_dagster.refinement.replies import InjectionReply
from toolace_dagster.refinement.screen import HardRules, faults_of
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
        rules: Finds what verification would reject.
    """

    dialogue: Dialogue
    spec: TaskSpec
    tools: Mapping[str, Tool]
    round_number: int
    sequence: int
    rules: HardRules | None = None


def injection_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    wanted: InjectionSubType,
    round_number: int,
    sequence: int,
    rules: HardRules | None = None,
) -> Program[Edit | None]:
    """Ask for one injection.

    A fill that does not do its job, or takes away what other turns rely on, is shown
    to the model once with what is wrong; if the next one does not either, the edit is
    discarded with the reason.

    Args:
        dialogue: The dialogue as it is.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Mix of sub-types, sampling settings.
        wanted: What to inject; when it fits nowhere, its type's other sub-types are tried, then the other types'.
        round_number: Refinement round, from 1.
        sequence: Position of the edit within the round.
        rules: Finds what verification would reject; an injection brings in no such fault.

    Returns:
        The edit, accepted or discarded; None when nothing fits anywhere.
    """
    rng = generator("injection", dialogue.id, round_number, sequence)
    clarify = settings.clarification_share is None
    choices = in_order_of_choice(wanted, settings.injection_mix, rng, clarify=clarify)
    anchors = (find_anchor(dialogue, each, spec.offered_tools, tools, rng) for each in choices)
    anchor = next((anchor for anchor in anchors if anchor is not None), None)
    if anchor is None:
        return None
    subject = InjectionSubject(dialogue, spec, tools, round_number, sequence, rules)
    answer = yield from ask(_request(subject, settings, anchor))
    edit = _edit(subject, anchor).model_copy(update={"call_ids": (answer.call_id,)})
    try:
        after = injected_turns(answer.reply.turns, anchor, round_number)
    except ValueError as error:
        return edit.model_copy(update={"outcome": "discarded", "reason": _plain(error)})
    faults = _faults(after, anchor, subject)
    replaced = _edit(subject, anchor, after).model_copy(update={"call_ids": (answer.call_id,)})
    if faults:
        return replaced.model_copy(update={"outcome": "discarded", "reason": "; ".join(faults)})
    reason = f"{anchor.sub_type.value} injected at turn {anchor.turn.id}"
    return replaced.model_copy(update={"reason": reason})


def _edit(subject: InjectionSubject, anchor: Anchor, after: tuple[Turn, ...] = ()) -> Edit:
    """The edit of an injection that is accepted."""
    corrects = anchor.sub_type is InjectionSubType.USER_CORRECTION and len(after) == NEW_TURNS
    return Edit(
        id=f"{subject.dialogue.id}/r{subject.round_number}/{subject.sequence}",
        dialogue_id=subject.dialogue.id,
        round=subject.round_number,
        sequence=subject.sequence,
        operation="complexity_injection",
        injection=anchor.sub_type.type,
        sub_type=anchor.sub_type,
        replacements=(Replacement(before=anchor.turn, after=after),),
        withheld_tools=(anchor.withheld_tool,) if anchor.withheld_tool else (),
        withheld=anchor.withheld,
        mistaken=mistaken_words(anchor.turn.content, after) if corrects else (),
        outcome="accepted",
    )


def _faults(turns: tuple[Turn, ...], anchor: Anchor, subject: InjectionSubject) -> list[str]:
    """What keeps a fill from doing its job, or else what it brings into the rest of the dialogue."""
    dialogue, tools, today = subject.dialogue, subject.tools, subject.spec.today
    found = list(fill_faults(turns, anchor, dialogue, tools))
    if found:
        return found
    injected = apply_edit(dialogue, _edit(subject, anchor, turns))
    # A fault of the masked turn goes on in the last of the new ones.
    old = {(each.turn_id, each.what) for each in faults_of(dialogue, tools, today, subject.rules)}
    moved = {(turns[-1].id, what.replace(anchor.turn.id, turns[-1].id)) for at, what in old if at == anchor.turn.id}
    # What is searched for too narrowly at first may be a word that nobody said.
    own = {turns[0].id} if anchor.sub_type is InjectionSubType.EMPTY_RESULT else set[str]()
    new = {(each.turn_id, each.what) for each in faults_of(injected, tools, today, subject.rules)} - old - moved
    return [f"with these turns, in turn {at}: {what.rstrip('.')}" for at, what in sorted(new) if at not in own]


def _fault(reply: InjectionReply, *, anchor: Anchor, subject: InjectionSubject) -> str | None:
    """What is wrong with a fill, for the model to mend."""
    try:
        turns: tuple[Turn, ...] = injected_turns(reply.turns, anchor, subject.round_number)
    except ValueError as error:
        return f"Your turns can't be used: {_plain(error)}."
    return told(f"{fault[0].upper()}{fault[1:]}." for fault in _faults(turns, anchor, subject))


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
