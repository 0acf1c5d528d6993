"""Reasonability refinement, mask-and-fill with a judge (paper, stage 2).

Belongs here: the row program of one pass: mask, fill, compare, decide. Does not
belong here: which turns are masked (``selection``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from toolace_dagster.entities import Dialogue, Edit, Origin, Replacement, TaskSpec, Tool, ToolCall, Turn
from toolace_dagster.entities.randomness import generator, request_seed
from toolace_dagster.initialization.tool_calling import CallSchemas, call_faults, call_schemas, told
from toolace_dagster.initialization.turns import tool_outputs
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, masked_view, task_view, tools_view, turn_view
from toolace_dagster.refinement.real_outputs import with_real_outputs
from toolace_dagster.refinement.replies import FillReply, JudgeReply, MaskFillReply
from toolace_dagster.refinement.selection import is_real, select_masks
from toolace_dagster.settings import ModelRole, Settings


def reasonability_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    round_number: int,
    sequence: int,
    executable: frozenset[str] = frozenset(),
) -> Program[Edit]:
    """Run one pass: mask several non-adjacent turns, fill them in one call, let the judge decide.

    The judge sees both versions blind and in random order; without a clear
    preference the old version stays.

    Args:
        dialogue: The dialogue as it is.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Mask share, decay and sampling settings.
        round_number: Refinement round, from 1.
        sequence: Position of the edit within the round.
        executable: Names of the tools that are run for real; changed calls of theirs are run again.

    Returns:
        The edit, with what became of it.
    """
    rng = generator("reasonability", dialogue.id, round_number, sequence)
    masked = select_masks(dialogue, rng, share=settings.mask_share, decay=settings.mask_decay)
    units = {turn_id: _unit(dialogue, turn_id) for turn_id in masked}
    holes = {
        turn.id: (turn_id if turn.id != turn_id else None)
        for turn_id, unit in units.items()
        for turn in unit
        # What a tool really answered is a fact that the call has to fit, so it stays to be seen.
        if turn.id == turn_id or not is_real(turn)
    }
    shared = {"tools": tools_view(spec.offered_tools, tools), "task": task_view(spec, dialogue)}
    shared["dialogue"] = dialogue_view(dialogue.turns, holes)
    schemas = _schemas(units, spec, tools)
    fill_request = ModelRequest(
        messages=render("mask_fill", **shared, masked=[masked_view(dialogue.turn(turn_id)) for turn_id in masked]),
        reply_type=MaskFillReply,
        sampling=Sampling.of(settings.model_of("refiner"), request_seed("mask_fill", dialogue.id, round_number)),
        purpose=_purpose(spec, "mask_fill", "refiner", round_number, masked),
        narrowed_schema=schemas.full,
        wide_schema=schemas.names,
        check=partial(_calls_fault, dialogue=dialogue, masked=masked, tools=tools),
    )
    filled = yield from ask(fill_request)
    fills = {fill.turn: fill for fill in filled.reply.fills}
    replacements: list[Replacement] = []
    unusable: list[str] = []
    for turn_id, unit in units.items():
        try:
            after = _fill(unit, fills[turn_id], round_number)
        except KeyError:
            unusable.append(f"turn {turn_id}: no fill")
            after = unit
        except ValueError:
            unusable.append(f"turn {turn_id}: the fill does not fit a turn of its kind")
            after = unit
        replacements.extend(
            Replacement(before=old, after=(new,), dependent=old.id != turn_id)
            for old, new in zip(unit, after, strict=True)
        )

    def rewrite(
        subject: Dialogue, stale: tuple[str, ...], check: Callable[[MaskFillReply], str | None]
    ) -> ModelRequest[MaskFillReply]:
        return _in_step_request(subject, spec, tools, settings, round_number, stale, check)

    real = yield from with_real_outputs(dialogue, replacements, executable, rewrite, round_number)
    replacements = real.replacements
    unusable += real.given_up
    call_ids = (filled.call_id, *real.call_ids)
    edit = Edit(
        id=f"{dialogue.id}/r{round_number}/{sequence}",
        dialogue_id=dialogue.id,
        round=round_number,
        sequence=sequence,
        operation="reasonability_refinement",
        replacements=tuple(replacements),
        outcome="kept",
        call_ids=call_ids,
    )
    changed = [r for r in replacements if _differs(r)]
    if not changed:
        reason = "; ".join(unusable) or "the fills equal the old turns"
        return edit.model_copy(update={"outcome": "discarded" if unusable else "kept", "reason": reason})
    order: Literal["old_first", "new_first"] = rng.choice(("old_first", "new_first"))
    old = [turn_view(r.before) for r in changed]
    new = [turn_view(r.after[0]) for r in changed]
    shared["dialogue"] = dialogue_view(dialogue.turns, {r.before.id: None for r in changed})
    versions = {"version_a": old, "version_b": new} if order == "old_first" else {"version_a": new, "version_b": old}
    judged = yield from ask(
        ModelRequest(
            messages=render("judge", **shared, **versions),
            reply_type=JudgeReply,
            sampling=Sampling.of(settings.model_of("judge"), request_seed("judge", dialogue.id, round_number)),
            purpose=_purpose(spec, "judge", "judge", round_number, masked),
        )
    )
    prefers_new = judged.reply.better == ("B" if order == "old_first" else "A")
    return edit.model_copy(
        update={
            "outcome": "accepted" if prefers_new else "kept",
            "order_shown": order,
            "reason": "; ".join([judged.reply.reason, *unusable]),
            "call_ids": (*call_ids, judged.call_id),
        }
    )


def _in_step_request(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    round_number: int,
    stale: tuple[str, ...],
    check: Callable[[MaskFillReply], str | None],
) -> ModelRequest[MaskFillReply]:
    """Ask for the texts that new outputs left out of step, as for masked turns."""
    return ModelRequest(
        messages=render(
            "mask_fill",
            tools=tools_view(spec.offered_tools, tools),
            task=task_view(spec, dialogue),
            dialogue=dialogue_view(dialogue.turns, dict.fromkeys(stale)),
            masked=[masked_view(dialogue.turn(turn_id)) for turn_id in stale],
        ),
        reply_type=MaskFillReply,
        sampling=Sampling.of(settings.model_of("refiner"), request_seed("in_step", dialogue.id, round_number)),
        purpose=_purpose(spec, "mask_fill", "refiner", round_number, stale),
        check=check,
    )


def _schemas(units: Mapping[str, tuple[Turn, ...]], spec: TaskSpec, tools: Mapping[str, Tool]) -> CallSchemas:
    """Schemas of the fills: one for each masked turn, calls of the offered tools."""
    schemas = call_schemas(MaskFillReply, (tools[name] for name in spec.offered_tools))
    for schema in (schemas.full, schemas.names):
        schema["properties"]["fills"] |= {"minItems": len(units), "maxItems": len(units)}
        turn = schema["$defs"]["FillReply"]["properties"]["turn"]
        schema["$defs"]["FillReply"]["properties"]["turn"] = {**turn, "enum": list(units)}
    # A call that is meant to fail may have to be one that is not valid.
    failing = any(output.is_error for unit in units.values() for turn in unit for output in turn.outputs)
    return CallSchemas(schemas.names, schemas.names) if failing else schemas


def _calls_fault(
    reply: MaskFillReply, *, dialogue: Dialogue, masked: tuple[str, ...], tools: Mapping[str, Tool]
) -> str | None:
    """What is wrong with the calls of the fills, for the model to mend."""
    fills = [(dialogue.position(fill.turn), fill) for fill in reply.fills if fill.turn in masked]
    return told(
        f"In the fill of {fill.turn}: {fault}"
        for position, fill in fills
        if dialogue.turns[position].is_call
        for fault in call_faults(fill.tool_calls, fill.outputs, tools, dialogue.offered_at(position))
    )


def _unit(dialogue: Dialogue, turn_id: str) -> tuple[Turn, ...]:
    """A masked turn, with the tool turn that answers it when it calls tools."""
    index = dialogue.position(turn_id)
    turn = dialogue.turns[index]
    return dialogue.turns[index : index + 2] if turn.is_call else (turn,)


def _fill(unit: tuple[Turn, ...], fill: FillReply, round_number: int) -> tuple[Turn, ...]:
    """Build the new version of a masked turn from its fill.

    Raises:
        ValueError: If the fill does not fit: calls where text belongs, or another number of calls or outputs.
    """
    turn = unit[0]
    origin, *dependent = (
        Origin(
            operation="reasonability_refinement",
            round=round_number,
            injection=each.origin.injection,
            sub_type=each.origin.sub_type,
        )
        for each in unit
    )
    content = fill.content.strip()
    if turn.is_call:
        calls = tuple(
            ToolCall(id=old.id, name=new.name, arguments=new.arguments)
            for old, new in zip(turn.tool_calls, fill.tool_calls, strict=True)
        )
        outputs = tool_outputs(fill.outputs, calls) if fill.outputs or not is_real(unit[1]) else unit[1].outputs
        call_turn = {"tool_calls": calls, "content": content or turn.content, "origin": origin}
        return _rebuilt(turn, call_turn), _rebuilt(unit[1], {"outputs": outputs, "origin": dependent[0]})
    if turn.role == "tool":
        calls = tuple(ToolCall(id=old.call_id, name=old.name, arguments={}) for old in turn.outputs)
        return (_rebuilt(turn, {"outputs": tool_outputs(fill.outputs, calls), "origin": origin}),)
    if fill.tool_calls:
        raise ValueError("a fill of a text turn calls tools")
    return (_rebuilt(turn, {"content": content, "origin": origin}),)


def _rebuilt(turn: Turn, update: Mapping[str, object]) -> Turn:
    """A copy with changes, validated; ``model_copy`` alone would skip the validators."""
    return Turn.model_validate({**{name: getattr(turn, name) for name in Turn.model_fields}, **update})


def _differs(replacement: Replacement) -> bool:
    fields = ("content", "tool_calls", "outputs")
    return any(getattr(replacement.before, f) != getattr(replacement.after[0], f) for f in fields)


def _purpose(spec: TaskSpec, task: str, role: ModelRole, round_number: int, masked: tuple[str, ...]) -> Purpose:
    return Purpose(
        stage=f"refinement_round_{round_number:02d}",
        task=task,
        role=role,
        domain=spec.domain,
        dialogue_id=spec.dialogue_id,
        round=round_number,
        turn_ids=masked,
    )
