"""Findings, expert answers, verdicts and terminal states.

Belongs here: how a dialogue ended and on what evidence. Does not belong here:
the rules and prompts that find it (``verification``).
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from toolace_dagster.entities.base import Entity
from toolace_dagster.entities.dialogue import Dialogue
from toolace_dagster.entities.edit import Edit

TurnOutcome = Literal["clean", "remark", "fault"]

Severity = Literal["hard", "soft"]
"""``hard``: rejects the dialogue. ``soft``: recorded, weighs in nothing by itself."""


class Finding(Entity):
    """One defect a check found.

    Attributes:
        check: Id of the rule or expert question, such as ``rule.arguments_schema``.
        severity: Whether it rejects the dialogue.
        turn_id: The turn it points at, or None when it is the whole dialogue.
        path: JSON path inside the turn, such as ``$.tool_calls[0].arguments.city``; empty for the whole turn.
        evidence: The offending value or quote.
        message: A sentence a person understands.
    """

    check: str
    severity: Severity
    turn_id: str | None = None
    path: str = ""
    evidence: str = ""
    message: str

    def mended(self, edit_id: str) -> Self:
        """The finding once an edit has mended it: a remark, which says so."""
        return self.model_copy(update={"severity": "soft", "message": f"{self.message}{_mended_by(edit_id)}"})

    def mended_message(self, edit_id: str) -> str | None:
        """What was found, if that edit mended it; None else."""
        ending = _mended_by(edit_id)
        return self.message.removesuffix(ending) if self.message.endswith(ending) else None


def _mended_by(edit_id: str) -> str:
    return f" Edit {edit_id} mended it."


class Rejection(Entity):
    """Why a row went no further at a stage: a fault of its content, not of a call.

    Attributes:
        check: Id of the check that rejected it, such as ``task.sub_task_count``.
        reason: A sentence a person understands.
        evidence: The offending value or quote.
        turn_id: The turn, when there is one.
    """

    check: str
    reason: str
    evidence: str = ""
    turn_id: str | None = None


class ExpertAnswer(Entity):
    """One expert's structured answer to one sub-question of quality.

    Attributes:
        question: Name of the sub-question.
        passes: The expert's answer.
        turn_id: The turn that decided it, when it does not pass.
        quote: The words of that turn.
        reason: Why, in a sentence.
        call_id: The model call behind it.
        vote: Which of several judges answered, from 0.
        quote_stands: Whether the quote stands in the turn that is named; true where nothing is quoted.
    """

    question: str
    passes: bool
    turn_id: str | None = None
    quote: str = ""
    reason: str = ""
    call_id: str
    vote: int = Field(default=0, ge=0)
    quote_stands: bool = True


class TerminalState(Entity):
    """How an attempted dialogue ended: exactly one of accepted, rejected, failed.

    Attributes:
        state: The end.
        stage: Stage that decided it.
        check: For rejected: the first deciding check.
        turn_id: For rejected: the turn, when the check names one.
        evidence: For rejected: the offending value or quote.
        reason: A sentence: why it was rejected, or the error it failed with.
        call_id: For failed: the model call that failed, when a call did.
    """

    state: Literal["accepted", "rejected", "failed"]
    stage: str
    check: str | None = None
    turn_id: str | None = None
    evidence: str = ""
    reason: str = ""
    call_id: str | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.state == "rejected" and not (self.check and self.reason):
            raise ValueError("a rejected dialogue names the check and the reason")
        if self.state == "failed" and not self.reason:
            raise ValueError("a failed dialogue names its error")
        return self


class Verdict(Entity):
    """The decision over one dialogue with all it rests on.

    Attributes:
        dialogue_id: The dialogue.
        findings: Of rules and experts, hard ones first.
        answers: The experts' answers; empty when a hard rule rejected before they were asked.
        terminal: The state that follows.
        edits: The repair that was tried, kept or not.
        dialogue: The dialogue as it was accepted, where verification changed it: repaired, or a good prefix of it.
        turn_outcomes: By turn: ``fault`` if it has a hard finding, ``remark`` if it has another, ``clean`` else.
    """

    dialogue_id: str
    findings: tuple[Finding, ...] = Field(default=())
    answers: tuple[ExpertAnswer, ...] = ()
    terminal: TerminalState
    edits: tuple[Edit, ...] = ()
    dialogue: Dialogue | None = None
    turn_outcomes: dict[str, TurnOutcome] = Field(default_factory=dict[str, TurnOutcome])
