"""Keeping refined turns true to what tools really answer.

A fill may change a call. Where its tool is run for real, the dialogue's calls
are run again with the changed one, and its output is what the tool answered.
If that changes the output of a call that the fill left alone, as when a booking is
made for another day, the dialogue would have to be written anew from there: the
fill is given up instead. Outputs that were run for real are never rewritten.

Belongs here: that rule. Does not belong here: asking for fills (``reasonability``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from toolace_dagster.entities import Dialogue, Replacement, ToolCall, ToolOutput, Turn, canonical_json
from toolace_dagster.execution.protocol import ExecutedCall, ExecutionFailed, Outcome, ToolRun
from toolace_dagster.initialization.real_outputs import executed, real_output
from toolace_dagster.llm.protocol import Program, run_tools


def with_real_outputs(
    dialogue: Dialogue, replacements: Sequence[Replacement], executable: frozenset[str]
) -> Program[tuple[list[Replacement], list[str]]]:
    """Put real outputs into fills.

    Args:
        dialogue: The dialogue before the edit.
        replacements: The fills, one new turn for each old one.
        executable: Names of the tools that are run for real.

    Returns:
        The fills with real outputs, and why some were given up; these hold the old turns.
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
    changed = {
        call.id
        for replacement in kept
        for call in replacement.after[0].tool_calls
        if call.name in executable and _call_key(call) not in map(_call_key, replacement.before.tool_calls)
    }
    if not changed:
        return kept, reasons
    before, after = _runs(dialogue.turns, executable), _runs(_applied(dialogue, kept), executable)
    try:
        outcomes = yield from _outcomes(dialogue, [executed(call) for call, _ in after])
        answered = {call.id: outcome for (call, _), outcome in zip(after, outcomes, strict=True)}
        moved = {
            call.id
            for call, output in after
            if call.id not in changed and output.source == "executed" and _differs(output, answered[call.id])
        }
        if moved:
            # Some tools never answer the same twice, such as a clock; these are no reason.
            again = yield from _outcomes(dialogue, [executed(call) for call, _ in before])
            restless = {call.id for (call, output), now in zip(before, again, strict=True) if _differs(output, now)}
            moved -= restless
    except ExecutionFailed as failed:
        return _given_up(kept, changed), [*reasons, f"its calls can't be run: {failed}"]
    if moved:
        return _given_up(kept, changed), [*reasons, "its calls, run for real, change the output of a later one"]
    return [_answered(replacement, answered, changed) for replacement in kept], reasons


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


def _outcomes(dialogue: Dialogue, calls: Sequence[ExecutedCall]) -> Program[tuple[Outcome, ...]]:
    return run_tools(ToolRun(domain=dialogue.domain, dialogue_id=dialogue.id, calls=tuple(calls)))


def _differs(output: ToolOutput, outcome: Outcome) -> bool:
    return canonical_json([output.content, output.is_error]) != canonical_json([outcome.content, outcome.is_error])


def _given_up(replacements: Sequence[Replacement], changed: set[str]) -> list[Replacement]:
    """The fills without those that change a call."""
    return [
        replacement.model_copy(update={"after": (replacement.before,)})
        if changed & _calls_of(replacement.after[0])
        else replacement
        for replacement in replacements
    ]


def _answered(replacement: Replacement, answered: dict[str, Outcome], changed: set[str]) -> Replacement:
    turn = replacement.after[0]
    if not changed & {output.call_id for output in turn.outputs}:
        return replacement
    outputs = tuple(
        real_output(output, answered[output.call_id])
        if output.call_id in changed and output.call_id in answered
        else output
        for output in turn.outputs
    )
    return replacement.model_copy(update={"after": (turn.model_copy(update={"outputs": outputs}),)})


def _calls_of(turn: Turn) -> set[str]:
    return {call.id for call in turn.tool_calls} | {output.call_id for output in turn.outputs}


def _call_key(call: ToolCall) -> str:
    return canonical_json([call.id, call.name, call.arguments])
