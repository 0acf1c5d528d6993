"""What an expert replies in stage 3.

Belongs here: the reply model of the experts. Does not belong here: how answers
are weighed (``verdict``).
"""

from __future__ import annotations

from pydantic import BaseModel, Field


class AnswerReply(BaseModel):
    """One expert's answer to one sub-question."""

    question: str = Field(description="name of the sub-question")
    reason: str = Field(description="why, in one or two sentences")
    passes: bool
    turn: str | None = Field(default=None, description="id of the turn that decides it, when it does not pass")
    quote: str = Field(default="", description="the words of that turn, copied")


class ExpertReply(BaseModel):
    """Answers to all sub-questions that were asked."""

    answers: list[AnswerReply] = Field(min_length=1)
