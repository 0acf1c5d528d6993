"""Turns, dialogues and skeletons.

Belongs here: the one internal form of a dialogue, and the structure it must
have (strict alternation of observations and actions). Does not belong here:
whether its content is right (``verification``), or any trainer's format
(``dataset``).
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from toolace_dagster.entities.base import Entity, JsonObject
from toolace_dagster.entities.task import InjectionSubType, InjectionType

Role = Literal["user", "assistant", "tool"]
OutputSource = Literal["simulated", "executed", "injected"]
Operation = Literal[
    "trajectory_initialization", "complexity_injection", "reasonability_refinement", "repair", "simulation"
]


class ToolCall(Entity):
    """One call of a tool.

    Attributes:
        id: Unique in the dialogue.
        name: Tool name.
        arguments: Always an object, never a JSON string.
    """

    id: str
    name: str
    arguments: JsonObject


class ToolOutput(Entity):
    """What a tool answered to one call. Error results are legitimate content.

    Attributes:
        call_id: The call it answers.
        name: Tool name.
        content: Any JSON value.
        is_error: Whether the tool reported a failure.
        source: ``simulated`` by a model, ``executed`` for real, or ``injected``: a failure simulated on purpose.
    """

    call_id: str
    name: str
    content: JsonValue
    is_error: bool = False
    source: OutputSource = "simulated"


class Origin(Entity):
    """Which operation wrote a turn, and in which round (0 is initialization)."""

    operation: Operation
    round: int = Field(default=0, ge=0)
    injection: InjectionType | None = None
    sub_type: InjectionSubType | None = None


class Turn(Entity):
    """One observation or action of the trajectory (paper: ``o_t`` or ``a_t``).

    Attributes:
        id: Stable through every later edit of other turns.
        role: ``user`` and ``tool`` turns are observations, ``assistant`` turns are actions.
        sub_task: Index of the sub-task the turn serves.
        content: Text; empty on a plain call turn and on a tool turn.
        tool_calls: On an assistant turn that acts; several are parallel calls.
        outputs: On a tool turn: one per call of the turn before, in its order.
        tools_added: On a user turn: tools that are offered from here on.
        origin: The operation and round that wrote it.
    """

    id: str
    role: Role
    sub_task: int = Field(ge=0)
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    outputs: tuple[ToolOutput, ...] = ()
    tools_added: tuple[str, ...] = ()
    origin: Origin

    @model_validator(mode="after")
    def _fields_fit_the_role(self) -> Self:
        if self.tool_calls and self.role != "assistant":
            raise ValueError(f"turn {self.id}: only an assistant turn can call tools")
        if bool(self.outputs) != (self.role == "tool"):
            raise ValueError(f"turn {self.id}: outputs belong to tool turns, and each tool turn has some")
        if self.tools_added and self.role != "user":
            raise ValueError(f"turn {self.id}: tools are added on user turns")
        if self.role == "user" and not self.content.strip():
            raise ValueError(f"turn {self.id}: a user turn has text")
        if self.role == "assistant" and not self.tool_calls and not self.content.strip():
            raise ValueError(f"turn {self.id}: an assistant turn has text or calls")
        return self

    @property
    def is_call(self) -> bool:
        """Whether this is an assistant turn that calls tools."""
        return bool(self.tool_calls)


class InjectionRecord(Entity):
    """An entry of the injection log: what was injected where.

    Attributes:
        type: Kind of injection.
        sub_type: What exactly it did; None in rows of versions that had no sub-types.
        round: Refinement round.
        anchor: Id of the turn that was masked; its first replacement keeps this id.
        turn_ids: All turns the injection wrote. None may be injected into again.
        withheld: Values that the first of these turns leaves out and the last one gives.
        mistaken: Words of what the user has wrong in the first and the assistant repeats in the second, in lower case.
    """

    type: InjectionType
    sub_type: InjectionSubType | None = None
    round: int
    anchor: str
    turn_ids: tuple[str, ...]
    withheld: tuple[str | int | float, ...] = ()
    mistaken: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in a sentence: its sub-type, or its type where no sub-type is known."""
        return (self.sub_type or self.type).value.replace("_", " ")


class Dialogue(Entity):
    """A whole trajectory ``(o0, a1, o1, ..., a_n)`` with what it was offered.

    Attributes:
        id: Dialogue id.
        domain: Tool domain.
        initial_tools: Names of the tools offered from the start.
        turns: Strictly alternating; see :func:`structure_faults`.
        injections: The injection log.
        mask_counts: How often each turn was chosen for mask-and-fill, itself or along with its call, by turn id.
        last_change: The last refinement round that changed a turn; 0 when none did.
        today: The day it happens, against which relative dates are read; None leaves it open.
    """

    id: str
    domain: str
    initial_tools: tuple[str, ...]
    turns: tuple[Turn, ...]
    injections: tuple[InjectionRecord, ...] = ()
    mask_counts: dict[str, int] = Field(default_factory=dict)
    last_change: int = Field(default=0, ge=0)
    today: date | None = None

    def turn(self, turn_id: str) -> Turn:
        """The turn of that id.

        Raises:
            KeyError: If the dialogue has no such turn.
        """
        return self.turns[self.position(turn_id)]

    def position(self, turn_id: str) -> int:
        """Index of the turn of that id.

        Raises:
            KeyError: If the dialogue has no such turn.
        """
        for index, turn in enumerate(self.turns):
            if turn.id == turn_id:
                return index
        raise KeyError(turn_id)

    def offered_at(self, index: int) -> frozenset[str]:
        """Names of the tools offered when turn ``index`` is spoken."""
        added = (name for turn in self.turns[: index + 1] for name in turn.tools_added)
        return frozenset(self.initial_tools) | frozenset(added)


class SubTrajectory(Entity):
    """The turns ``C_t`` generated for one sub-task: query, calls and outputs, reply."""

    sub_task: int
    turns: tuple[Turn, ...]


class Skeleton(Entity):
    """The coarse trajectory of stage 1: one sub-trajectory per sub-task, concatenated.

    Attributes:
        dialogue_id: Id of the dialogue.
        domain: Tool domain.
        offered_tools: Names of the tools offered.
        sub_trajectories: In the order of the sub-tasks.
        today: The day the dialogue happens; None leaves it open.
        written: Whether it was written in one call, or by sub-task.
        whole_fault: Why it was not written whole although that was tried; empty where it was not.
        model: The model that wrote it.
    """

    dialogue_id: str
    domain: str
    offered_tools: tuple[str, ...]
    sub_trajectories: tuple[SubTrajectory, ...]
    today: date | None = None
    written: Literal["whole", "by_sub_task"] = "by_sub_task"
    whole_fault: str = ""
    model: str = ""

    def to_dialogue(self) -> Dialogue:
        """The dialogue that refinement starts from."""
        turns = tuple(turn for part in self.sub_trajectories for turn in part.turns)
        return Dialogue(
            id=self.dialogue_id,
            domain=self.domain,
            initial_tools=self.offered_tools,
            turns=turns,
            today=self.today,
        )


class StructureFault(Entity):
    """A break of the trajectory's structure.

    Attributes:
        turn_id: The turn at fault, or None when it is the whole.
        fault: A short key: ``empty``, ``start``, ``end``, ``alternation``, ``outputs``, ``call_ids``, ``turn_ids``.
        message: A sentence that names what is wrong.
    """

    turn_id: str | None
    fault: str
    message: str


def structure_faults(turns: tuple[Turn, ...]) -> list[StructureFault]:
    """Find where turns break the strict alternation of observations and actions (paper, section 3).

    A user turn opens; observations and actions alternate; a call turn is answered by
    a tool turn, output by output; a reply is followed by a user turn; the last
    turn is an assistant's reply. Turn and call ids are unique.

    Args:
        turns: The trajectory.

    Returns:
        All faults in order; an empty list for a sound trajectory.
    """
    if not turns:
        return [StructureFault(turn_id=None, fault="empty", message="The dialogue has no turns.")]
    faults: list[StructureFault] = []

    def fault(turn: Turn, key: str, message: str) -> None:
        faults.append(StructureFault(turn_id=turn.id, fault=key, message=message))

    if turns[0].role != "user":
        fault(turns[0], "start", f"The dialogue opens with a turn of role {turns[0].role}, not with the user's.")
    for before, turn in pairwise(turns):
        expected = "tool" if before.is_call else "user" if before.role == "assistant" else "assistant"
        if turn.role != expected:
            fault(
                turn, "alternation", f"After turn {before.id} ({before.role}) comes {turn.role}, expected {expected}."
            )
        elif before.is_call and [c.id for c in before.tool_calls] != [o.call_id for o in turn.outputs]:
            fault(
                turn,
                "outputs",
                f"The outputs of turn {turn.id} do not answer the calls of turn {before.id} one by one.",
            )
    if turns[-1].role != "assistant" or turns[-1].is_call:
        fault(turns[-1], "end", "The last turn is not a reply of the assistant.")
    seen_turns: set[str] = set()
    seen_calls: set[str] = set()
    for turn in turns:
        if turn.id in seen_turns:
            fault(turn, "turn_ids", f"Two turns have the id {turn.id}.")
        seen_turns.add(turn.id)
        for call in turn.tool_calls:
            if call.id in seen_calls:
                fault(turn, "call_ids", f"Two calls have the id {call.id}.")
            seen_calls.add(call.id)
    return faults
