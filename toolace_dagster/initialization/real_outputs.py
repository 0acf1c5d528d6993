"""Putting real tool outputs in the place of simulated ones, sub-trajectory by sub-trajectory.

The scheme keeps the bulk of generation non-autoregressive. A sub-trajectory is
written in one call, outputs and all. Then its calls are run, with values from
invented outputs rebound to real ones, and the outputs replaced. Only if an output
came out otherwise is the model asked, once, to correct what follows from it:
it may change calls, and writes the reply. Changed calls are run; if these
too answer otherwise than the model expected, it is asked a second and last time, for the
reply alone. So a sub-task costs at most two calls more, however many steps it has.

Belongs here: that scheme. Does not belong here: sessions and processes
(``execution``), the first version of a sub-trajectory (``trajectory_initialization``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolace_dagster.entities import SubTask, TaskSpec, Tool, ToolCall, ToolOutput, Turn, canonical_json
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.execution.protocol import ExecutedCall, Outcome, ToolRun
from toolace_dagster.initialization.rebinding import Replacements, rebound, replaced_values
from toolace_dagster.initialization.replies import CorrectionReply, SubTrajectoryReply
from toolace_dagster.initialization.turns import sub_trajectory_turns
from toolace_dagster.llm.protocol import ModelRequest, Program, Purpose, Sampling, ask, run_tools
from toolace_dagster.prompts import render
from toolace_dagster.prompts.views import dialogue_view, sub_task_view, task_view, tools_view
from toolace_dagster.settings import Settings


def grounded_in_execution(
    turns: tuple[Turn, ...],
    earlier: Sequence[Turn],
    spec: TaskSpec,
    sub_task: SubTask,
    tools: Mapping[str, Tool],
    settings: Settings,
    executable: frozenset[str],
) -> Program[tuple[Turn, ...]]:
    """Run the calls of a sub-trajectory and make the rest follow from what they answered.

    Args:
        turns: The sub-trajectory as the model wrote it, structurally sound.
        earlier: The turns before it, with real outputs where there are any.
        spec: The task.
        sub_task: The sub-task.
        tools: Tools of the domain by name.
        settings: Sampling settings.
        executable: Names of the tools that are run for real.

    Returns:
        The sub-trajectory with real outputs; unchanged when it calls no executable tool.

    Raises:
        ExecutionFailed: If a run gave no outcomes.
    """
    if not any(call.name in executable for turn in turns for call in turn.tool_calls):
        return turns
    context = _Context(spec, sub_task, tuple(earlier), tools, settings)
    ran, differs = yield from _run(turns, context, executable)
    if not differs:
        return ran
    corrected = yield from _corrected(ran, context, last=False)
    if _calls(corrected) == _calls(ran):
        return corrected
    ran, differs = yield from _run(corrected, context, executable)
    return (yield from _corrected(ran, context, last=True)) if differs else ran


def executed_calls(turns: Sequence[Turn]) -> tuple[ExecutedCall, ...]:
    """All calls of a dialogue that were run for real, in order: what is replayed before the next one."""
    calls = {call.id: call for turn in turns for call in turn.tool_calls}
    return tuple(
        executed(calls[output.call_id])
        for turn in turns
        for output in turn.outputs
        if output.source == "executed" and output.call_id in calls
    )


def executed(call: ToolCall) -> ExecutedCall:
    """A call as a run names it."""
    return ExecutedCall(tool=call.name, arguments=call.arguments)


def real_output(output: ToolOutput, outcome: Outcome) -> ToolOutput:
    """An output with what the tool answered."""
    return output.model_copy(update={"content": outcome.content, "is_error": outcome.is_error, "source": "executed"})


@dataclass(frozen=True)
class _Context:
    spec: TaskSpec
    sub_task: SubTask
    earlier: tuple[Turn, ...]
    tools: Mapping[str, Tool]
    settings: Settings


def _run(
    turns: tuple[Turn, ...], context: _Context, executable: frozenset[str]
) -> Program[tuple[tuple[Turn, ...], bool]]:
    """Run all executable calls, again as long as real values change arguments of later ones.

    Returns:
        The turns with real outputs, and whether any output is other than the turns had it.
    """
    history = executed_calls(context.earlier)
    said = " ".join(turn.content for turn in (*context.earlier, *turns) if turn.role == "user")
    current, answered = turns, dict[str, Outcome]()
    # Each repetition settles one more step at least.
    for _ in range(len(turns)):
        calls = tuple(call for turn in current for call in turn.tool_calls if call.name in executable)
        outcomes = yield from run_tools(
            ToolRun(
                domain=context.spec.domain,
                dialogue_id=context.spec.dialogue_id,
                calls=(*history, *(executed(call) for call in calls)),
                today=context.spec.today,
            )
        )
        answered = dict(zip((call.id for call in calls), outcomes[len(history) :], strict=True))
        renewed = rebound_turns(turns, answered, said)
        if _calls(renewed) == _calls(current):
            return _with_outcomes(current, answered), _any_differs(turns, answered)
        current = renewed
    return _with_outcomes(current, answered), True


def rebound_turns(turns: tuple[Turn, ...], answered: Mapping[str, Outcome], said: str) -> tuple[Turn, ...]:
    """Rebind the arguments of calls to the outputs that came in the place of those before them.

    Args:
        turns: Turns with outputs as they were.
        answered: What was answered, by call id.
        said: Everything the user said; values from there stay what they are.

    Returns:
        The turns with new arguments, and outputs as they were.
    """
    replacements: Replacements = {}
    renewed: list[Turn] = []
    for turn in turns:
        if turn.is_call and replacements:
            calls = tuple(
                call.model_copy(update={"arguments": rebound(call.arguments, replacements)}) for call in turn.tool_calls
            )
            turn = turn.model_copy(update={"tool_calls": calls})
        for output in turn.outputs:
            if (outcome := answered.get(output.call_id)) is not None:
                found = replaced_values(output.content, outcome.content, said)
                replacements = found | replacements
        renewed.append(turn)
    return tuple(renewed)


def _with_outcomes(turns: tuple[Turn, ...], answered: Mapping[str, Outcome]) -> tuple[Turn, ...]:
    return tuple(
        turn.model_copy(
            update={
                "outputs": tuple(
                    real_output(output, answered[output.call_id]) if output.call_id in answered else output
                    for output in turn.outputs
                )
            }
        )
        if turn.outputs
        else turn
        for turn in turns
    )


def _any_differs(turns: tuple[Turn, ...], answered: Mapping[str, Outcome]) -> bool:
    return any(
        (output.is_error, canonical_json(output.content)) != (outcome.is_error, canonical_json(outcome.content))
        for turn in turns
        for output in turn.outputs
        if (outcome := answered.get(output.call_id)) is not None
    )


def _calls(turns: tuple[Turn, ...]) -> list[str]:
    return [canonical_json([call.name, call.arguments]) for turn in turns for call in turn.tool_calls]


def _corrected(turns: tuple[Turn, ...], context: _Context, *, last: bool) -> Program[tuple[Turn, ...]]:
    """Ask for what follows from the real outputs.

    Returns:
        The turns with the new reply; and, unless it is the last time and if the model changed any call, with the new
        calls and the outputs it expects of them.
    """
    answer = yield from ask(_request(turns, context, last=last))
    reply = answer.reply
    sound = all(len(step.calls) == len(step.outputs) for step in reply.steps)
    if reply.steps and sound and not last:
        rewritten = SubTrajectoryReply(query=turns[0].content, steps=reply.steps, reply=reply.reply)
        made = sub_trajectory_turns(rewritten, context.sub_task.index, first=len(context.earlier))
        if _calls(made) != _calls(turns):
            return made
    text = reply.reply.strip() or turns[-1].content
    return (*turns[:-1], turns[-1].model_copy(update={"content": text}))


def _request(turns: tuple[Turn, ...], context: _Context, *, last: bool) -> ModelRequest[CorrectionReply]:
    spec = context.spec
    return ModelRequest(
        messages=render(
            "correction",
            tools=tools_view(spec.offered_tools, context.tools),
            task=task_view(spec),
            dialogue=dialogue_view(context.earlier),
            sub_task=sub_task_view(context.sub_task),
            trajectory=dialogue_view(turns),
            last=last,
        ),
        reply_type=CorrectionReply,
        sampling=Sampling.of(
            context.settings.model_of("generator"),
            request_seed("correction", spec.dialogue_id, context.sub_task.index, last),
        ),
        purpose=Purpose(
            stage="skeletons",
            task="correction",
            role="generator",
            domain=spec.domain,
            dialogue_id=spec.dialogue_id,
            turn_ids=tuple(turn.id for turn in turns),
        ),
    )
