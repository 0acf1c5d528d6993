"""The simulation of one dialogue: who speaks when, and when it ends.

It ends well when the user says that all is done. It is rejected when it grows too long,
when an agent says or does the same a third time in a row, or when an agent's replies
can't be used though they were asked for again.

Belongs here: the order of turns and the stop conditions. Does not belong here: what
agents are asked (``agents``), what came of complications (``records``).
"""

from __future__ import annotations

from collections.abc import Mapping

from toolace_dagster.entities import (
    InjectionSubType,
    Rejection,
    SimulatedDialogue,
    Stop,
    TaskSpec,
    Tool,
    ToolOutput,
    Turn,
)
from toolace_dagster.execution.protocol import ToolRun
from toolace_dagster.initialization.real_outputs import executed, executed_calls
from toolace_dagster.initialization.turns import tool_outputs
from toolace_dagster.llm.protocol import Program, run_tools
from toolace_dagster.settings import Settings
from toolace_dagster.simulation.agents import Agents
from toolace_dagster.simulation.checks import plays
from toolace_dagster.simulation.complications import plan_complications
from toolace_dagster.simulation.conversation import Conversation
from toolace_dagster.simulation.records import logged

_BY_TOOLS_ALONE = (InjectionSubType.SERVICE_ERROR, InjectionSubType.PARTIAL_RESULT)
"""Failures that no slip of the assistant comes before."""
CIRCLES = 3
"""Times in a row from which on an agent that says or does the same goes round in circles."""


def simulation_program(
    spec: TaskSpec, tools: Mapping[str, Tool], settings: Settings, executable: frozenset[str] = frozenset()
) -> Program[SimulatedDialogue]:
    """Play one dialogue.

    Args:
        spec: The task.
        tools: Tools of the domain by name.
        settings: Turn limit, tries, sampling settings.
        executable: Names of the tools that are run for real; for the others the tool agent answers.

    Returns:
        The dialogue; with a rejection where it was not played to its end.

    Raises:
        CallFailed: On a fault of the endpoint.
        ExecutionFailed: If a tool's run gave no outcomes.
    """
    conversation = Conversation(spec, tools, plan_complications(spec, tools, settings))
    agents = Agents(conversation, settings)

    def ended(stop: Stop, rejection: Rejection | None = None) -> SimulatedDialogue:
        model = settings.model_of("generator").model
        dialogue, complications = logged(conversation)
        return SimulatedDialogue(
            dialogue=dialogue, complications=complications, stop=stop, rejection=rejection, model=model
        )

    while True:
        heard = yield from agents.user()
        if isinstance(heard, Rejection):
            return ended("unusable", heard)
        if heard.done:
            return ended("done")
        conversation.hear(heard)
        while True:
            if (stopped := _stopped(conversation, settings)) is not None:
                return ended(*stopped)
            acted = yield from agents.assistant()
            if isinstance(acted, Rejection):
                return ended("unusable", acted)
            turn = conversation.act(acted)
            if not turn.is_call:
                break
            if (stopped := _stopped(conversation, settings)) is not None:
                return ended(*stopped)
            unusable = yield from _answered(turn, conversation, agents, executable)
            if unusable is not None:
                return ended("unusable", unusable)
        if conversation.goes_in_circles(CIRCLES):
            return ended("repetition", _repetition(turn))


def _stopped(conversation: Conversation, settings: Settings) -> tuple[Stop, Rejection] | None:
    """Why a conversation can't go on after its last turn."""
    last = conversation.turns[-1]
    if len(conversation.turns) >= settings.simulation_turns:
        reason = f"The simulation was stopped after {len(conversation.turns)} turns, before the user was done."
        return "turn_limit", Rejection(
            check="simulation.turn_limit", reason=reason, evidence=str(settings.simulation_turns), turn_id=last.id
        )
    return ("repetition", _repetition(last)) if conversation.goes_in_circles(CIRCLES) else None


def _repetition(turn: Turn) -> Rejection:
    what = ", ".join(call.name for call in turn.tool_calls) or turn.content
    reason = f"The {turn.role} does the same {CIRCLES} times in a row."
    return Rejection(check="simulation.repetition", reason=reason, evidence=what, turn_id=turn.id)


def _answered(
    turn: Turn, conversation: Conversation, agents: Agents, executable: frozenset[str]
) -> Program[Rejection | None]:
    """Have the calls of a turn answered: run for real where that is possible, else by the tool agent."""
    calls = turn.tool_calls
    real = [call for call in calls if call.name in executable]
    simulated: tuple[ToolOutput, ...] | None = None
    if len(real) < len(calls) or turn.id in conversation.marks or _is_to_fail(turn, conversation):
        reply = yield from agents.tools(calls)
        if isinstance(reply, Rejection):
            return reply
        simulated = tool_outputs(reply.outputs, calls)
        if plays(reply) and conversation.planned(reply.complication) is not None:
            # What goes wrong on purpose is never run for real, as in the other method.
            injected = tuple(output.model_copy(update={"source": "injected"}) for output in simulated)
            conversation.answer(injected, reply.complication)
            return None
    answers = {output.call_id: output for output in simulated or ()}
    if real:
        history = executed_calls(conversation.turns)
        outcomes = yield from run_tools(
            ToolRun(
                domain=conversation.spec.domain,
                dialogue_id=conversation.spec.dialogue_id,
                calls=(*history, *(executed(call) for call in real)),
                today=conversation.spec.today,
            )
        )
        for call, outcome in zip(real, outcomes[len(history) :], strict=True):
            answers[call.id] = ToolOutput(
                call_id=call.id,
                name=call.name,
                content=outcome.content,
                is_error=outcome.is_error,
                source="executed",
            )
    conversation.answer([answers[call.id] for call in calls], None)
    return None


def _is_to_fail(turn: Turn, conversation: Conversation) -> bool:
    """Whether a planned failure of the tools is for these calls: the first of the sub-task, or of its tool."""
    earlier = [each for each in conversation.turns[:-1] if each.sub_task == turn.sub_task and each.is_call]
    for planned in conversation.complications:
        if planned.sub_task != turn.sub_task or planned.sub_type not in _BY_TOOLS_ALONE:
            continue
        if planned.tool is None:
            return not earlier
        called = {call.name for each in earlier for call in each.tool_calls}
        if planned.tool not in called and any(call.name == planned.tool for call in turn.tool_calls):
            return True
    return False
