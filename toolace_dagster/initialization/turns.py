"""Building turns from replies.

Belongs here: turns, calls and outputs with their ids. Does not belong here:
asking for replies, or checking them.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolace_dagster.entities import Origin, ToolCall, ToolOutput, Turn
from toolace_dagster.initialization.replies import CallReply, OutputReply, SubTrajectoryReply

_ORIGIN = Origin(operation="trajectory_initialization")


def sub_trajectory_turns(reply: SubTrajectoryReply, sub_task: int, first: int) -> tuple[Turn, ...]:
    """Build the turns of a sub-trajectory: query, then calls and outputs in alternation, then reply.

    Args:
        reply: A structurally sound reply.
        sub_task: Index of the sub-task.
        first: Number of turns before it; turn ids count on from there.
    """
    turns: list[Turn] = []

    def next_id() -> str:
        return f"t{first + len(turns):02d}"

    turns.append(Turn(id=next_id(), role="user", sub_task=sub_task, content=reply.query.strip(), origin=_ORIGIN))
    for step in reply.steps:
        calls = tool_calls(step.calls, turn_id=next_id())
        turns.append(Turn(id=next_id(), role="assistant", sub_task=sub_task, tool_calls=calls, origin=_ORIGIN))
        outputs = tool_outputs(step.outputs, calls)
        turns.append(Turn(id=next_id(), role="tool", sub_task=sub_task, outputs=outputs, origin=_ORIGIN))
    turns.append(Turn(id=next_id(), role="assistant", sub_task=sub_task, content=reply.reply.strip(), origin=_ORIGIN))
    return tuple(turns)


def tool_calls(replies: Sequence[CallReply], turn_id: str) -> tuple[ToolCall, ...]:
    """Give the calls of one turn their ids, unique in the dialogue."""
    stem = turn_id.replace(".", "_")
    return tuple(
        ToolCall(id=f"call_{stem}_{index}", name=call.name, arguments=call.arguments)
        for index, call in enumerate(replies)
    )


def tool_outputs(replies: Sequence[OutputReply], calls: Sequence[ToolCall]) -> tuple[ToolOutput, ...]:
    """Pair outputs with the calls they answer, in order.

    Raises:
        ValueError: If their numbers differ.
    """
    return tuple(
        ToolOutput(call_id=call.id, name=call.name, content=output.content, is_error=output.is_error)
        for call, output in zip(calls, replies, strict=True)
    )
