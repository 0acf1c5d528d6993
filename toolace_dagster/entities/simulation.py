"""Dialogues that agents play turn by turn, and the complications planned for them.

Belongs here: what the simulation leaves behind. Does not belong here: the agents
(``simulation``), or dialogues as such (``dialogue``).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from toolace_dagster.entities.base import Entity
from toolace_dagster.entities.dialogue import Dialogue
from toolace_dagster.entities.task import Detail, InjectionSubType
from toolace_dagster.entities.verdict import Rejection

Stop = Literal["done", "turn_limit", "repetition", "unusable"]
"""Why a simulation ended: the user said that all is done, it grew too long, an agent went round in circles, or an
agent's replies could not be used."""


class Complication(Entity):
    """A complication that agents are told to bring about.

    Attributes:
        sub_type: What exactly it is.
        sub_task: Index of the sub-task it belongs to.
        detail: The detail that the user leaves out, says too vaguely or has wrong at first.
        tool: The tool that arrives later, or whose first result is poor.
        absent_tool: The tool whose work the user asks for and that is never offered.
        played: Whether it came about.
    """

    sub_type: InjectionSubType
    sub_task: int = Field(ge=0)
    detail: Detail | None = None
    tool: str | None = None
    absent_tool: str | None = None
    played: bool = False


class SimulatedDialogue(Entity):
    """A dialogue as the agents left it.

    Attributes:
        dialogue: The dialogue; up to where it went wrong, if it did.
        complications: Those planned, with what came of each.
        stop: Why it ended.
        rejection: Why it goes no further; None when it was played to its end.
        model: The model that played the agents.
    """

    dialogue: Dialogue
    complications: tuple[Complication, ...] = ()
    stop: Stop
    rejection: Rejection | None = None
    model: str = ""
