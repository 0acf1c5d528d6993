"""What is wrong with an agent's reply, for the agent to mend.

As in the other method, some faults leave nothing to go on with, and the row is rejected
for them when asking again did not help; of the others the model is told once, and what
stays is for verification.

Belongs here: both kinds, for the three agents. Does not belong here: single calls
(``initialization.tool_calling``), rules on finished dialogues (``verification``).
"""

from __future__ import annotations

from collections.abc import Iterator

from toolace_dagster.entities import InjectionSubType, Rejection, ToolCall, Turn
from toolace_dagster.initialization.replies import OutputReply
from toolace_dagster.initialization.skeleton_checks import unsaid_values
from toolace_dagster.initialization.tool_calling import call_faults, told
from toolace_dagster.simulation.conversation import Conversation
from toolace_dagster.simulation.replies import AssistantReply, ToolReply, UserReply


def user_fault(reply: UserReply, conversation: Conversation) -> Rejection | None:
    """Why a user's reply can't be used."""
    if reply.done:
        reason = None if conversation.turns else "The user says that all is done before anything was asked."
    elif not reply.content.strip():
        reason = "The user's message is blank."
    elif not 0 <= reply.sub_task < len(conversation.spec.sub_tasks):
        reason = f"There is no sub-task {reply.sub_task}."
    else:
        reason = None
    return None if reason is None else Rejection(check="simulation.user", reason=reason, evidence=repr(reply.content))


def user_advice(reply: UserReply, conversation: Conversation) -> str | None:
    """What the user agent should mend, as one message."""
    return told(_user_advice(reply, conversation))


def assistant_fault(reply: AssistantReply) -> Rejection | None:
    """Why an assistant's reply can't be used."""
    if reply.tool_calls or reply.content.strip():
        return None
    return Rejection(check="simulation.assistant", reason="The assistant neither calls a tool nor says anything.")


def assistant_advice(reply: AssistantReply, conversation: Conversation) -> str | None:
    """What the assistant agent should mend, as one message."""
    return told(_assistant_advice(reply, conversation))


def tool_fault(reply: ToolReply, calls: tuple[ToolCall, ...]) -> Rejection | None:
    """Why the tools' reply can't be used."""
    if len(reply.outputs) == len(calls):
        return None
    reason = f"There are {len(calls)} calls and {len(reply.outputs)} outputs; each call needs one."
    return Rejection(check="simulation.tool", reason=reason, evidence=", ".join(call.name for call in calls))


def tool_advice(reply: ToolReply, calls: tuple[ToolCall, ...]) -> str | None:
    """What the tool agent should mend, as one message."""
    return told(_tool_advice(reply, calls))


def plays(reply: ToolReply) -> bool:
    """Whether outputs are what the complication they are said to play asks for: an error, or a result that is none."""
    mark = reply.complication
    return mark is not None and any(output.is_error for output in reply.outputs) == mark.fails


def _user_advice(reply: UserReply, conversation: Conversation) -> Iterator[str]:
    fault = user_fault(reply, conversation)
    if fault is not None:
        yield fault.reason
        return
    spec, at = conversation.spec, conversation.sub_task
    if reply.done:
        raised = {turn.sub_task for turn in conversation.turns}
        left = [str(part.index) for part in spec.sub_tasks if part.index not in raised]
        if left:
            yield f"Not all is done: nothing was asked for sub-task {', '.join(left)} yet."
        return
    if reply.sub_task not in (at, at + 1):
        yield f"The sub-tasks are raised in their order: next comes {min(at + 1, len(spec.sub_tasks) - 1)}."
    if reply.complication is not None:
        if conversation.planned(reply.complication, reply.sub_task) is None:
            yield f"No {reply.complication.value} is planned for sub-task {reply.sub_task}."
        return
    opened = any(
        turn.role == "user" and turn.sub_task == reply.sub_task and turn.id not in conversation.marks
        for turn in conversation.turns
    )
    if not opened:
        part = spec.sub_tasks[reply.sub_task]
        said = f"{conversation.said}\n{reply.content}"
        values = [detail.value for detail in part.details]
        missing = unsaid_values(part, values, said, conversation.tools, spec.language)
        if missing:
            yield f"The message has to say {'; '.join(missing)}."


def _assistant_advice(reply: AssistantReply, conversation: Conversation) -> Iterator[str]:
    fault = assistant_fault(reply)
    if fault is not None:
        yield fault.reason
        return
    mark = reply.complication
    if mark is not None and conversation.planned(mark) is None:
        yield f"No {mark.value} is planned for sub-task {conversation.sub_task}."
    if reply.tool_calls and mark is not InjectionSubType.INVALID_ARGUMENT:
        expected = [OutputReply(content=None)] * len(reply.tool_calls)
        yield from call_faults(reply.tool_calls, expected, conversation.tools, conversation.offered)
    if not reply.tool_calls:
        unused = _unused(conversation)
        if unused:
            yield f"Before you reply, sub-task {conversation.sub_task} has to use {', '.join(unused)} too."


def _unused(conversation: Conversation) -> list[str]:
    """Planned tools of a sub-task that is under way; after a failure the plan may be impossible."""
    own: list[Turn] = [turn for turn in conversation.turns if turn.sub_task == conversation.sub_task]
    called = {call.name for turn in own for call in turn.tool_calls}
    failed = any(output.is_error for output in own[-1].outputs)
    if not called or failed or own[-1].role != "tool":
        return []
    return [name for name in conversation.spec.sub_tasks[conversation.sub_task].tools if name not in called]


def _tool_advice(reply: ToolReply, calls: tuple[ToolCall, ...]) -> Iterator[str]:
    fault = tool_fault(reply, calls)
    if fault is not None:
        yield fault.reason
    elif reply.complication is not None and not plays(reply):
        wanted = "is_error true" if reply.complication.fails else "a result, not an error"
        yield f"A {reply.complication.value} needs outputs with {wanted}."
