"""Reasonability refinement, mask-and-fill with a judge (paper, stage 2).

Belongs here: the row program of one pass: mask, fill, compare, decide. Does not
belong here: which turns are masked (``selection``).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from toolace_dagster.entities import Dialogue, Edit, JudgeVerdict, Replacement, TaskSpec, Tool, Turn
from toolace_dagster.entities.randomness import generator, request_seed
from toolace_dagster.initialization.tool_calling import CallSchemas, call_faults, call_schemas, told
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, masked_view, task_view, tools_view, turn_view
from toolace_dagster.refinement.differences import differing_parts
from toolace_dagster.refinement.fills import differs, filled_turns, unit_of
from toolace_dagster.refinement.real_outputs import with_real_outputs
from toolace_dagster.refinement.replies import JudgeReply, MaskFillReply, OutputReply
from toolace_dagster.refinement.screen import HardRules, breaking, faults_of, new_faults, replaced
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
    rules: HardRules | None = None,
) -> Program[tuple[Edit, ...]]:
    """Run one pass: mask several non-adjacent turns, fill them in one call, let the judge decide.

    Fills that break something are discarded before. The judge sees both versions of
    the others, blind and in random order; without a clear preference the old stays.

    Args:
        dialogue: The dialogue as it is.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Mask share, decay and sampling settings.
        round_number: Refinement round, from 1.
        sequence: Position of the edit within the round.
        executable: Names of the tools that are run for real; changed calls of theirs are run again.
        rules: Finds what verification would reject; fills that bring in such a fault are discarded like the others.
            With ``rules_in_refinement`` the model is shown once before what its fills break.

    Returns:
        The edit, with what became of it; before it the edit of fills that were discarded, if there were any.
    """
    rng = generator("reasonability", dialogue.id, round_number, sequence)
    found = faults_of(dialogue, tools, spec.today, rules)
    at_fault = frozenset(fault.turn_id for fault in found)
    masked = select_masks(dialogue, rng, share=settings.mask_share, decay=settings.mask_decay, at_fault=at_fault)
    shown = rules if settings.rules_in_refinement else None
    task = Task(dialogue, spec, tools, settings, round_number, executable, rules=shown)
    wrong = {name: sorted({fault.what for fault in found if fault.turn_id == name}) for name in masked}
    filled = yield from fills_program(task, masked, {name: what for name, what in wrong.items() if what} or None)
    units, replacements, call_ids = filled.units, filled.replacements, filled.call_ids
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
    broken = breaking(dialogue, _in_units(replacements, units), tools, spec.today, rules, found)
    if broken or filled.lost:
        fell = tuple(r for name, unit in _in_units(replacements, units).items() if name in broken for r in unit)
        rest = tuple(r for r in replacements if r not in fell)
        lost = (*filled.lost, *fell)
        reason = "; ".join([*filled.unusable, *(f"turn {name}: {', '.join(what)}" for name, what in broken.items())])
        discarded = edit.model_copy(update={"outcome": "discarded", "replacements": lost, "reason": reason})
        if not rest:
            return (discarded,)
        following = {"id": f"{dialogue.id}/r{round_number}/{sequence + 1}", "sequence": sequence + 1}
        edit = edit.model_copy(update={**following, "replacements": rest})
        judged = yield from _judged(edit, dialogue, spec, tools, settings, rng, filled)
        return discarded, judged
    judged = yield from _judged(edit, dialogue, spec, tools, settings, rng, filled)
    return (judged,)


@dataclass(frozen=True)
class Task:
    """What turns are to be written anew for.

    Attributes:
        dialogue: The dialogue as it is.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Sampling settings.
        round_number: Refinement round, for the turns' origin.
        executable: Names of the tools that are run for real.
        stage: The stage that asks; that of the round when empty.
        rules: Finds what verification would reject; the model is shown once what its fills break by these rules.
    """

    dialogue: Dialogue
    spec: TaskSpec
    tools: Mapping[str, Tool]
    settings: Settings
    round_number: int
    executable: frozenset[str] = frozenset()
    stage: str = ""
    rules: HardRules | None = None


@dataclass(frozen=True)
class Fills:
    """New versions of masked turns.

    Attributes:
        units: By id of each masked turn: the turn with what it takes along.
        replacements: The fills; one that real tools don't bear out is the old turn.
        lost: The turns whose fill makes no turn, with nothing after them.
        unusable: Why, in words.
        given_up: What real tools don't bear out, in words.
        left: What the model said could not be mended there, in words.
        call_ids: Model calls behind them.
    """

    units: Mapping[str, tuple[Turn, ...]]
    replacements: Sequence[Replacement]
    lost: tuple[Replacement, ...]
    unusable: list[str]
    given_up: list[str]
    left: list[str]
    call_ids: tuple[str, ...]

    @property
    def unchanged(self) -> str:
        """Why turns stay as they are, in words; empty where nothing says so."""
        return "; ".join([*self.unusable, *self.given_up, *self.left])


def fills_program(
    task: Task, masked: tuple[str, ...], faults: Mapping[str, Sequence[str]] | None = None
) -> Program[Fills]:
    """Have masked turns written anew in one call, calls that are run for real included.

    Args:
        task: What they are written for.
        masked: Ids of the masked turns.
        faults: By masked turn, what was wrong with it; None where nothing is known to be.
    """
    dialogue, spec, tools, settings, round_number = (
        task.dialogue,
        task.spec,
        task.tools,
        task.settings,
        task.round_number,
    )
    units = {turn_id: unit_of(dialogue, turn_id) for turn_id in masked}
    holes = {
        turn.id: (turn_id if turn.id != turn_id else None)
        for turn_id, unit in units.items()
        for turn in unit
        # What a tool really answered is a fact that the call has to fit, so it stays to be seen.
        if turn.id == turn_id or not is_real(turn)
    }
    shared = {"tools": tools_view(spec.offered_tools, tools), "task": task_view(spec, dialogue)}
    shared["dialogue"] = dialogue_view(dialogue.turns, holes)
    told_faults = {} if faults is None else {"faults": {turn_id: list(found) for turn_id, found in faults.items()}}
    schemas = _schemas(units, spec, tools)
    fill_request = ModelRequest(
        messages=render(
            "mask_fill", **shared, masked=[masked_view(dialogue.turn(turn_id)) for turn_id in masked], **told_faults
        ),
        reply_type=MaskFillReply,
        sampling=Sampling.of(settings.model_of("refiner"), request_seed("mask_fill", dialogue.id, round_number)),
        purpose=_purpose(spec, "mask_fill", "refiner", round_number, masked, task.stage),
        narrowed_schema=schemas.full,
        wide_schema=schemas.names,
        check=partial(_fills_fault, task=task, masked=masked),
    )
    filled = yield from ask(fill_request)
    fills = {fill.turn: fill for fill in filled.reply.fills}
    replacements: list[Replacement] = []
    lost: list[Replacement] = []
    unusable: list[str] = []
    left: list[str] = []
    for turn_id, unit in units.items():
        if (fill := fills.get(turn_id)) is not None and fill.cannot.strip():
            left.append(f"turn {turn_id} stays as it is: {fill.cannot.strip()}")
            replacements.extend(Replacement(before=old, after=(old,), dependent=old.id != turn_id) for old in unit)
            continue
        try:
            after = filled_turns(unit, fills[turn_id], round_number)
        except (KeyError, ValueError) as error:
            none = isinstance(error, KeyError)
            unusable.append(f"turn {turn_id}: {'no fill' if none else 'the fill does not fit a turn of its kind'}")
            lost.extend(Replacement(before=old, after=(), dependent=old.id != turn_id) for old in unit)
            continue
        replacements.extend(
            Replacement(before=old, after=(new,), dependent=old.id != turn_id)
            for old, new in zip(unit, after, strict=True)
        )

    def rewrite(
        subject: Dialogue, stale: tuple[str, ...], check: Callable[[MaskFillReply], str | None]
    ) -> ModelRequest[MaskFillReply]:
        return _in_step_request(task, subject, stale, check)

    real = yield from with_real_outputs(dialogue, replacements, task.executable, rewrite, round_number, spec.today)
    call_ids = (filled.call_id, *real.call_ids)
    return Fills(units, real.replacements, tuple(lost), unusable, real.given_up, left, call_ids)


def _in_units(
    replacements: Sequence[Replacement], units: Mapping[str, tuple[Turn, ...]]
) -> dict[str, list[Replacement]]:
    """Fills by masked turn. Where real outputs changed further turns, all belong together."""
    owner = {turn.id: name for name, unit in units.items() for turn in unit}
    if any(replacement.before.id not in owner for replacement in replacements):
        return {next(iter(units)): list(replacements)}
    found: dict[str, list[Replacement]] = {}
    for replacement in replacements:
        found.setdefault(owner[replacement.before.id], []).append(replacement)
    return found


def _judged(
    edit: Edit,
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    rng: random.Random,
    filled: Fills,
) -> Program[Edit]:
    """Let the judge decide over an edit; where nothing differs there is nothing to decide."""
    changed = [r for r in edit.replacements if differs(r)]
    if not changed:
        reason = "; ".join([*filled.given_up, *filled.left]) or "the fills equal the old turns"
        return edit.model_copy(update={"outcome": "discarded" if filled.given_up else "kept", "reason": reason})
    order: Literal["old_first", "new_first"] = rng.choice(("old_first", "new_first"))
    old = [turn_view(r.before) for r in changed]
    new = [turn_view(r.after[0]) for r in changed]
    versions = {"version_a": old, "version_b": new} if order == "old_first" else {"version_a": new, "version_b": old}
    judged = yield from ask(
        ModelRequest(
            messages=render(
                "judge",
                tools=tools_view(spec.offered_tools, tools),
                task=task_view(spec, dialogue),
                dialogue=dialogue_view(dialogue.turns, {r.before.id: None for r in changed}),
                differing=[differing_parts(r.before, r.after[0]) for r in changed],
                **versions,
            ),
            reply_type=JudgeReply,
            sampling=Sampling.of(settings.model_of("judge"), request_seed("judge", dialogue.id, edit.round)),
            purpose=_purpose(spec, "judge", "judge", edit.round, edit.masked),
        )
    )
    verdict: JudgeVerdict = "equal"
    if judged.reply.better != "equal":
        verdict = "new" if judged.reply.better == ("B" if order == "old_first" else "A") else "old"
    return edit.model_copy(
        update={
            "outcome": "accepted" if verdict == "new" else "kept",
            "verdict": verdict,
            "order_shown": order,
            "reason": "; ".join([judged.reply.reason, *filled.given_up, *filled.left]),
            "call_ids": (*edit.call_ids, judged.call_id),
        }
    )


def _in_step_request(
    task: Task, dialogue: Dialogue, stale: tuple[str, ...], check: Callable[[MaskFillReply], str | None]
) -> ModelRequest[MaskFillReply]:
    """Ask for the texts that new outputs left out of step, as for masked turns."""
    spec, round_number = task.spec, task.round_number
    return ModelRequest(
        messages=render(
            "mask_fill",
            tools=tools_view(spec.offered_tools, task.tools),
            task=task_view(spec, dialogue),
            dialogue=dialogue_view(dialogue.turns, dict.fromkeys(stale)),
            masked=[masked_view(dialogue.turn(turn_id)) for turn_id in stale],
        ),
        reply_type=MaskFillReply,
        sampling=Sampling.of(task.settings.model_of("refiner"), request_seed("in_step", dialogue.id, round_number)),
        purpose=_purpose(spec, "mask_fill", "refiner", round_number, stale, task.stage),
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


def _fills_fault(reply: MaskFillReply, *, task: Task, masked: tuple[str, ...]) -> str | None:
    """What is wrong with the fills, for the model to mend: their calls and, where rules are given, what they break."""
    dialogue, tools = task.dialogue, task.tools
    written = [fill for fill in reply.fills if fill.turn in masked and not fill.cannot.strip()]
    fills = [(dialogue.position(fill.turn), fill) for fill in written]
    faults = [
        f"In the fill of {fill.turn}: {fault}"
        for position, fill in fills
        if dialogue.turns[position].is_call
        for fault in call_faults(
            fill.tool_calls, fill.outputs or _real(dialogue, position), tools, dialogue.offered_at(position)
        )
    ]
    if task.rules is None:
        return told(faults)
    new: list[Replacement] = []
    for _, fill in fills:
        unit = unit_of(dialogue, fill.turn)
        try:
            after = filled_turns(unit, fill, task.round_number)
        except ValueError:
            faults.append(f"The fill of {fill.turn} does not fit a turn of its kind.")
            continue
        new += [Replacement(before=old, after=(turn,)) for old, turn in zip(unit, after, strict=True)]
    broken = new_faults(dialogue, replaced(dialogue, new), tools, task.spec.today, task.rules)
    found = sorted(broken, key=lambda fault: (dialogue.position(fault.turn_id), fault.what))
    return told(
        [*faults, *(f"With these fills, in turn {fault.turn_id}: {fault.what.rstrip('.')}." for fault in found)]
    )


def _real(dialogue: Dialogue, position: int) -> list[OutputReply]:
    """The outputs after a call where the tools really gave them; a fill need not say them again."""
    following = dialogue.turns[position + 1]
    outputs = following.outputs if is_real(following) else ()
    return [OutputReply(content=output.content, is_error=output.is_error) for output in outputs]


def _purpose(
    spec: TaskSpec, task: str, role: ModelRole, round_number: int, masked: tuple[str, ...], stage: str = ""
) -> Purpose:
    return Purpose(
        stage=stage or f"refinement_round_{round_number:02d}",
        task=task,
        role=role,
        domain=spec.domain,
        dialogue_id=spec.dialogue_id,
        round=round_number,
        turn_ids=masked,
    )
