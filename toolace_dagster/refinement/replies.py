"""What a model replies in stage 2, before it is checked and becomes an edit.

Belongs here: reply models of complexity injection and the judge, and those of mask-and-fill, which
initialization has as well.
Does not belong here: entities, or the checks that turn one into the other.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from toolace_dagster.initialization.replies import CallReply, FillReply, MaskFillReply, OutputReply


class TurnReply(BaseModel):
    """One new turn of an injection."""

    role: Literal["user", "assistant", "tool"]
    content: str = Field(default="", description="text; empty on a tool turn")
    tool_calls: list[CallReply] = Field(
        default_factory=list[CallReply], description="only on an assistant turn that acts"
    )
    outputs: list[OutputReply] = Field(
        default_factory=list[OutputReply], description="only on a tool turn: one per call of the turn before"
    )


class InjectionReply(BaseModel):
    """The turns that take the place of the masked turn."""

    turns: list[TurnReply] = Field(min_length=1)


class JudgeReply(BaseModel):
    """The judge's comparison of two versions of a dialogue."""

    faults_of_a: list[str] = Field(
        default_factory=list[str], description="what is wrong with version A, each with its turn; empty if nothing is"
    )
    faults_of_b: list[str] = Field(default_factory=list[str], description="the same of version B")
    reason: str = Field(description="the difference that decides it, in one or two sentences")
    better: Literal["A", "B", "equal"]


__all__ = ["FillReply", "InjectionReply", "JudgeReply", "MaskFillReply", "TurnReply"]
