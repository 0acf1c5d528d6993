"""What the agents reply, before it becomes turns.

Belongs here: reply models. Does not belong here: the checks that look at them (``checks``).
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from toolace_dagster.entities import InjectionSubType
from toolace_dagster.initialization.replies import CallReply, DetailReply, OutputReply

_MARK = "the sub_type of the complication this turn plays; null when it plays none"


class UserReply(BaseModel):
    """The user's next message, or that all is done."""

    done: bool = Field(default=False, description="true when every sub-task was dealt with; content is then empty")
    sub_task: int = Field(default=0, description="index of the sub-task the message is about")
    complication: InjectionSubType | None = Field(default=None, description=_MARK)
    content: str = Field(default="", description="the message")
    stated: list[DetailReply] = Field(
        default_factory=list[DetailReply], description="the details that the message states, exactly as in the sub-task"
    )


class AssistantReply(BaseModel):
    """The assistant's next turn: calls, or words for the user."""

    complication: InjectionSubType | None = Field(default=None, description=_MARK)
    content: str = Field(default="", description="the reply to the user; with calls empty, or one sentence")
    tool_calls: list[CallReply] = Field(
        default_factory=list[CallReply], description="calls to make now, none that needs another's result"
    )


class ToolReply(BaseModel):
    """What the tools answer to the calls of one turn."""

    complication: InjectionSubType | None = Field(default=None, description=_MARK)
    outputs: list[OutputReply] = Field(min_length=1, description="one output per call, in the same order")
