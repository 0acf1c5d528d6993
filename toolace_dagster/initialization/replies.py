"""What a model replies in stage 1, before it is checked and becomes an entity.

Belongs here: reply models of task and trajectory initialization. Does not belong
here: entities, or the checks that turn one into the other.
"""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue


class DetailReply(BaseModel):
    """A concrete fact the user knows and will state."""

    name: str = Field(description="the argument the value is for")
    value: JsonValue = Field(description="the value itself: text, number, true or false, or a list or object of these")


class SubTaskReply(BaseModel):
    """One sub-task as the model wrote it."""

    goal: str = Field(
        min_length=1,
        description="what the user wants to have at the end, told in the third person",
    )
    details: list[DetailReply] = Field(description="every concrete value the user will state for this sub-task")
    tools: list[str] = Field(min_length=1, description="names of the tools it needs, as planned")
    steps: int = Field(ge=1, description="number of tool-calling steps, as planned")
    builds_on: list[int] = Field(
        default_factory=list[int], description="numbers of the earlier sub-tasks, from 0, whose results it goes by"
    )


class TaskSpecReply(BaseModel):
    """The task as the model wrote it."""

    scenario: str = Field(min_length=1, description="who the user is and why this comes up now, one or two sentences")
    sub_tasks: list[SubTaskReply] = Field(min_length=1)


class CallReply(BaseModel):
    """One tool call."""

    name: str = Field(min_length=1, description="tool name")
    arguments: dict[str, JsonValue] = Field(description="arguments, valid for the tool's parameters")


class OutputReply(BaseModel):
    """What a tool answers to one call."""

    content: JsonValue = Field(description="the result; follows the tool's result schema when it has one")
    is_error: bool = Field(default=False, description="true when the tool reports a failure")


class StepReply(BaseModel):
    """One tool-calling step: one or more calls made at once, with one output each, in the same order."""

    calls: list[CallReply] = Field(min_length=1)
    outputs: list[OutputReply] = Field(min_length=1)


class SubTrajectoryReply(BaseModel):
    """The sub-trajectory of one sub-task: query, steps, reply."""

    query: str = Field(min_length=1, description="the user's message that opens the sub-task")
    steps: list[StepReply] = Field(min_length=1)
    reply: str = Field(min_length=1, description="the assistant's closing reply to the user")


class TrajectoryReply(BaseModel):
    """The sub-trajectories of all sub-tasks."""

    sub_trajectories: list[SubTrajectoryReply] = Field(min_length=1, description="one per sub-task, in their order")


class CorrectionReply(BaseModel):
    """What follows from real outputs: a new reply, and new steps where calls have to change."""

    steps: list[StepReply] = Field(
        default_factory=list[StepReply],
        description="all steps of the sub-task anew if a call has to change; empty when the calls stay as they are",
    )
    reply: str = Field(min_length=1, description="the assistant's closing reply to the user")


class FillReply(BaseModel):
    """The new version of one masked turn."""

    turn: str = Field(description="id of the masked turn")
    content: str = Field(default="", description="text; empty on a tool turn")
    tool_calls: list[CallReply] = Field(default_factory=list[CallReply], description="when the masked turn calls tools")
    outputs: list[OutputReply] = Field(
        default_factory=list[OutputReply],
        description="when the masked turn calls tools or is a tool turn: one output per call",
    )
    cannot: str = Field(
        default="",
        description="where no content can fit: which turn stands in the way; empty for a turn that is written",
    )


class MaskFillReply(BaseModel):
    """New versions of all masked turns."""

    fills: list[FillReply] = Field(min_length=1)
