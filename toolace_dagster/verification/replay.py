"""Running a dialogue's real calls again.

Belongs here: which calls are run, and comparing what they answer. Does not belong
here: running tools (``execution``), or what becomes of a difference (``rules.results``).
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from toolace_dagster.entities import Dialogue, ToolCall, ToolOutput, canonical_json
from toolace_dagster.execution.protocol import ExecutedCall, ExecutionFailed, Outcome, ToolRun
from toolace_dagster.llm.protocol import Program, run_tools
from toolace_dagster.verification.rules.facts import ReplayDifference


def replay_program(
    dialogue: Dialogue, executable: frozenset[str], today: date | None = None
) -> Program[tuple[tuple[ReplayDifference, ...], str]]:
    """Run a dialogue's calls again in a fresh session; a second time when some differ, to spare restless tools.

    Args:
        dialogue: The dialogue.
        executable: Names of the tools that are run for real.
        today: The day the dialogue happens on, when its task names one.

    Returns:
        The calls that answer otherwise, and why they could not be run, or an empty text.

    Raises:
        ExecutionFailed: If what runs the tools is not there at the moment.
    """
    runs = _real_runs(dialogue, executable)
    if not any(output.source == "executed" for _, output in runs):
        return (), ""
    try:
        now = yield from _again(dialogue, runs, today)
        differing = _differing(runs, now)
        if differing:
            # A clock never answers the same twice; that is no fault of the dialogue.
            restless = {
                call.id
                for (call, _), one, other in zip(runs, now, (yield from _again(dialogue, runs, today)), strict=True)
                if _key(one.content, one.is_error) != _key(other.content, other.is_error)
            }
            differing = tuple(each for each in differing if each.call_id not in restless)
    except ExecutionFailed as failed:
        if failed.kind == "unavailable":
            raise
        return (), str(failed)
    return differing, ""


def _real_runs(dialogue: Dialogue, executable: frozenset[str]) -> list[tuple[ToolCall, ToolOutput]]:
    """The calls that are run, with their outputs; an injected error stands for a call that never got through."""
    return [
        (call, output)
        for acting, answering in pairwise(dialogue.turns)
        for call, output in zip(acting.tool_calls, answering.outputs, strict=False)
        if call.name in executable and output.source != "injected"
    ]


def _again(
    dialogue: Dialogue, runs: list[tuple[ToolCall, ToolOutput]], today: date | None
) -> Program[tuple[Outcome, ...]]:
    calls = tuple(ExecutedCall(tool=call.name, arguments=call.arguments) for call, _ in runs)
    return run_tools(ToolRun(domain=dialogue.domain, dialogue_id=dialogue.id, calls=calls, today=today))


def _differing(runs: list[tuple[ToolCall, ToolOutput]], now: tuple[Outcome, ...]) -> tuple[ReplayDifference, ...]:
    return tuple(
        ReplayDifference(call.id, outcome.content, outcome.is_error)
        for (call, output), outcome in zip(runs, now, strict=True)
        if output.source == "executed"
        and _key(output.content, output.is_error) != _key(outcome.content, outcome.is_error)
    )


def _key(content: object, is_error: bool) -> str:
    return canonical_json([content, is_error])
