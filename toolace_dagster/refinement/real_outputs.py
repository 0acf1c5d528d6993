"""Keeping refined turns true to what tools really answer.

A fill may change a call. Where its tool is run for real, the dialogue's calls are run
again with the changed one, and later ones against the state it leaves behind;
identifiers that these took from the old answer are replaced by the new ones. What
tells the old answer is then written anew in one further request. A fill is given
up instead where that would not do: its call fails, or makes another one fail, a
later call would have to be thought over, or the new text still tells the old answer.

Belongs here: those rules. Does not belong here: asking for fills (``reasonability``),
what falls out of step (``in_step``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from toolace_dagster.entities import Dialogue, Replacement, ToolCall, ToolOutput, Turn, canonical_json
from toolace_dagster.execution.protocol import ExecutionFailed, Outcome, ToolRun
from toolace_dagster.initialization.real_outputs import executed, real_output, rebound_turns
from toolace_dagster.llm.protocol import ModelRequest, Program, ask, run_tools
from toolace_dagster.refinement.in_step import Stale, find_stale, told
from toolace_dagster.refinement.replies import MaskFillReply

Rewrite = Callable[[Dialogue, tuple[str, ...], Callable[[MaskFillReply], str | None]], ModelRequest[MaskFillReply]]
"""Makes the request for turns of a dialogue to be written anew, with a check of the reply."""


@dataclass(frozen=True)
class RealFills:
    """Fills that are true to what tools answer.

    Attributes:
        replacements: The fills, and what follows from them elsewhere, in the order of the dialogue.
        given_up: Why fills were given up; these hold the old turns.
        call_ids: Further model calls made.
    """

    replacements: list[Replacement]
    given_up: list[str]
    call_ids: tuple[str, ...] = ()


def with_real_outputs(
    dialogue: Dialogue,
    replacements: Sequence[Replacement],
    executable: frozenset[str],
    rewrite: Rewrite,
    round_number: int = 1,
    today: date | None = None,
) -> Program[RealFills]:
    """Put real outputs into fills, and bring the turns that depend on them in step.

    Args:
        dialogue: The dialogue before the edit.
        replacements: The fills, one new turn for each old one.
        executable: Names of the tools that are run for real.
        rewrite: Makes the request for turns out of step.
        round_number: Refinement round, for the origin of turns.
        today: The day the dialogue happens on, when its task names one.

    Returns:
        The fills, with real outputs.
    """
    kept = [_kept(replacement) for replacement in replacements]
    real = {output.call_id for turn in dialogue.turns for output in turn.outputs if output.source == "executed"}
    lost = {
        call.id
        for replacement in kept
        for call in replacement.after[0].tool_calls
        if call.id in real and call.name not in executable
    }
    kept = _given_up(kept, lost)
    reasons = ["it puts a tool that is not run in the place of one that was"] if lost else []
    while changed := _changed(kept, executable):
        try:
            trial = yield from _tried(dialogue, kept, executable, today)
        except ExecutionFailed as failed:
            return RealFills(_given_up(kept, changed), [*reasons, f"its calls can't be run: {failed}"])
        if failing := changed & trial.failing:
            kept = _given_up(kept, failing)
            reasons.append("its call, run for real, fails")
            continue
        call_ids: tuple[str, ...] = ()
        stale = find_stale(trial.turns, trial.replaced)
        if trial.failing:
            why = "its calls, run for real, make a later one fail"
        elif stale.stuck:
            why = f"its calls, run for real, take away what turn {stale.stuck[0]} relies on"
        else:
            why, turns, call_ids = yield from _rewritten(dialogue, trial.turns, stale, rewrite)
            if why is None:
                return RealFills(_as_replacements(dialogue, kept, turns, round_number), reasons, call_ids)
        return RealFills(_given_up(kept, changed), [*reasons, why], call_ids)
    return RealFills(kept, reasons)


@dataclass(frozen=True)
class _Trial:
    """A dialogue whose calls were run.

    Attributes:
        turns: The turns with real outputs.
        replaced: By call id, the old outputs of those that are another now.
        failing: Ids of the calls that fail now and did not, or not with this error.
    """

    turns: tuple[Turn, ...]
    replaced: dict[str, ToolOutput]
    failing: set[str]


def _tried(
    dialogue: Dialogue, fills: Sequence[Replacement], executable: frozenset[str], today: date | None
) -> Program[_Trial]:
    """Run all calls with the fills in place, again as long as new values change arguments of later calls."""
    filled = _applied(dialogue, fills)
    said = " ".join(turn.content for turn in filled if turn.role == "user")
    old = {call.id: output for call, output in _runs(filled, executable)}
    as_before = _call_keys(dialogue.turns).items()
    restless: set[str] | None = None
    turns, answered = filled, dict[str, Outcome]()
    # Each repetition settles one call more at least.
    for _ in filled:
        answered = yield from _outcomes(dialogue, turns, executable, today)
        same = {call_id for call_id, key in _call_keys(turns).items() if (call_id, key) in as_before}
        if restless is None and any(_differs(old[each], outcome) for each, outcome in answered.items() if each in same):
            # Some tools never answer the same twice, such as a clock; these are no reason for anything.
            again = yield from _outcomes(dialogue, dialogue.turns, executable, today)
            restless = {each for each, outcome in again.items() if each in old and _differs(old[each], outcome)}
        answered = {each: outcome for each, outcome in answered.items() if each not in (restless or set()) & same}
        renewed = rebound_turns(filled, answered, said)
        if _call_keys(renewed) == _call_keys(turns):
            break
        turns = renewed
    outputs = {each: real_output(old[each], outcome) for each, outcome in answered.items()}
    replaced = {each: old[each] for each, outcome in answered.items() if _differs(old[each], outcome)}
    changed = _changed(fills, executable)
    failing = {each for each in replaced if outputs[each].is_error and (each in changed or not old[each].is_error)}
    return _Trial(tuple(_with_outputs(turn, outputs) for turn in turns), replaced, failing)


def _rewritten(
    dialogue: Dialogue, turns: tuple[Turn, ...], stale: Stale, rewrite: Rewrite
) -> Program[tuple[str | None, tuple[Turn, ...], tuple[str, ...]]]:
    """Write the texts anew that are out of step.

    Returns:
        Why it did not succeed, or None; the turns; model calls made.
    """
    if not stale.texts:
        return None, turns, ()

    def check(reply: MaskFillReply) -> str | None:
        texts = {fill.turn: fill.content.strip() for fill in reply.fills if not fill.tool_calls}
        if missing := [turn_id for turn_id in stale.texts if not texts.get(turn_id)]:
            return f"Turn {missing[0]} has no text."
        old = [(turn_id, value) for turn_id in stale.texts for value in told(stale.lost, texts[turn_id])]
        return f"Turn {old[0][0]} tells of {old[0][1]!r}, which no tool answers." if old else None

    answer = yield from ask(rewrite(dialogue.model_copy(update={"turns": turns}), stale.texts, check))
    if fault := check(answer.reply):
        return f"what depends on its calls can't be brought in step: {fault}", turns, (answer.call_id,)
    texts = {fill.turn: fill.content.strip() for fill in answer.reply.fills}
    renewed = tuple(
        turn.model_copy(update={"content": texts[turn.id]}) if turn.id in stale.texts else turn for turn in turns
    )
    return None, renewed, (answer.call_id,)


def _as_replacements(
    dialogue: Dialogue, fills: Sequence[Replacement], turns: Sequence[Turn], round_number: int
) -> list[Replacement]:
    """The fills with the turns they became, and the other turns that changed with them."""
    filled = {replacement.before.id: replacement for replacement in fills}
    made: list[Replacement] = []
    for before, turn in zip(dialogue.turns, turns, strict=True):
        if (fill := filled.get(before.id)) is not None:
            made.append(fill.model_copy(update={"after": (turn,)}))
        elif turn != before:
            origin = before.origin.model_copy(update={"operation": "reasonability_refinement", "round": round_number})
            after = turn.model_copy(update={"origin": origin})
            made.append(Replacement(before=before, after=(after,), dependent=True))
    return made


def _changed(fills: Sequence[Replacement], executable: frozenset[str]) -> set[str]:
    """Ids of calls that fills change and that are run for real."""
    ids = {
        call.id
        for replacement in fills
        for call in replacement.after[0].tool_calls
        if call.name in executable and _call_key(call) not in map(_call_key, replacement.before.tool_calls)
    }
    injected = {o.call_id for fill in fills for o in fill.after[0].outputs if o.source == "injected"}
    return ids - injected


def _kept(replacement: Replacement) -> Replacement:
    """A fill whose outputs were run for real, or injected, before: they stay as long as the call does."""
    before, after = replacement.before, replacement.after[0]
    if not before.outputs:
        return replacement
    outputs = tuple(
        # The name is the new call's; an output that gets a new call is run again.
        old.model_copy(update={"name": new.name})
        if old.source == "executed"
        else new.model_copy(update={"source": old.source})
        for old, new in zip(before.outputs, after.outputs, strict=True)
    )
    return replacement.model_copy(update={"after": (after.model_copy(update={"outputs": outputs}),)})


def _applied(dialogue: Dialogue, replacements: Sequence[Replacement]) -> tuple[Turn, ...]:
    fills = {replacement.before.id: replacement.after[0] for replacement in replacements}
    return tuple(fills.get(turn.id, turn) for turn in dialogue.turns)


def _runs(turns: Sequence[Turn], executable: frozenset[str]) -> list[tuple[ToolCall, ToolOutput]]:
    """The calls that are run, with their outputs; an injected error stands for a call that never got through."""
    return [
        (call, output)
        for acting, answering in pairwise(turns)
        for call, output in zip(acting.tool_calls, answering.outputs, strict=False)
        if call.name in executable and output.source != "injected"
    ]


def _outcomes(
    dialogue: Dialogue, turns: Sequence[Turn], executable: frozenset[str], today: date | None
) -> Program[dict[str, Outcome]]:
    calls = [call for call, _ in _runs(turns, executable)]
    ran = tuple(executed(call) for call in calls)
    run = ToolRun(domain=dialogue.domain, dialogue_id=dialogue.id, calls=ran, today=today)
    outcomes = yield from run_tools(run)
    return dict(zip((call.id for call in calls), outcomes, strict=True))


def _differs(output: ToolOutput, outcome: Outcome) -> bool:
    return canonical_json([output.content, output.is_error]) != canonical_json([outcome.content, outcome.is_error])


def _with_outputs(turn: Turn, outputs: Mapping[str, ToolOutput]) -> Turn:
    if not any(output.call_id in outputs for output in turn.outputs):
        return turn
    return turn.model_copy(update={"outputs": tuple(outputs.get(each.call_id, each) for each in turn.outputs)})


def _given_up(replacements: Sequence[Replacement], changed: set[str]) -> list[Replacement]:
    """The fills without those that change a call."""
    return [
        replacement.model_copy(update={"after": (replacement.before,)})
        if changed & _calls_of(replacement.after[0])
        else replacement
        for replacement in replacements
    ]


def _calls_of(turn: Turn) -> set[str]:
    return {call.id for call in turn.tool_calls} | {output.call_id for output in turn.outputs}


def _call_keys(turns: Iterable[Turn]) -> dict[str, str]:
    return {call.id: _call_key(call) for turn in turns for call in turn.tool_calls}


def _call_key(call: ToolCall) -> str:
    return canonical_json([call.id, call.name, call.arguments])
