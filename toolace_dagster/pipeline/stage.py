"""What a stage is to those who run it: the rows it makes, what they depend on, and what a result means.

Belongs here: the protocol and what goes over it. Does not belong here: which stages there are
(``stages``), which of their rows are stale (``freshness``), or making them (``stage_run``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from toolace_dagster.entities import Dialogue, Edit, Entity, Rejection, TaskPlan, Verdict
from toolace_dagster.llm.protocol import Program
from toolace_dagster.pipeline.causes import Parts
from toolace_dagster.pipeline.context import StageContext
from toolace_dagster.settings import Settings


@dataclass(frozen=True)
class WorkItem:
    """One row to make.

    Attributes:
        dialogue_id: Its dialogue.
        slot: Slot number.
        attempt: Attempt at the slot.
        inputs: What the row depends on besides the stage's version, by name.
        program: Starts the row program.
        plan: The plan it follows, to be recorded with it; set by the stage that draws plans.
        dialogue: The dialogue it is about, where the stage leaves that as it is.
    """

    dialogue_id: str
    slot: int
    attempt: int
    inputs: Parts
    program: Callable[[], Program[Any]]
    plan: TaskPlan | None = None
    dialogue: Dialogue | None = None


@dataclass(frozen=True)
class RowContent:
    """What a finished row holds.

    Attributes:
        state: ``passed``, ``accepted`` or ``rejected``.
        payload: The entity the next stage reads.
        rejection: Why it goes no further, when rejected.
        edits: Edits to record.
        verdict: Verdict to record.
        dialogue: The dialogue as the stage wrote it, where it changed it; its arguments' sources are recorded.
    """

    state: str
    payload: Entity | None
    rejection: Rejection | None = None
    edits: Sequence[Edit] = ()
    verdict: Verdict | None = None
    dialogue: Dialogue | None = None

    @classmethod
    def of(cls, result: Entity | Rejection) -> RowContent:
        """An entity passes; a rejection stands for the row that was to be made."""
        if isinstance(result, Rejection):
            return cls(state="rejected", payload=None, rejection=result)
        return cls(state="passed", payload=result)


class Stage(Protocol):
    """A stage: which rows it makes, and what a program's result means."""

    @property
    def name(self) -> str:
        """Name of stage, asset and rows."""
        ...

    @property
    def index(self) -> int:
        """Position in the pipeline, the same whatever the settings: it is stored with rows."""
        ...

    @property
    def supplants(self) -> Sequence[str]:
        """Stages that other settings have in this one's place; rows that an earlier run left there are dropped."""
        ...

    def shared_version(self, settings: Settings) -> Parts:
        """What every row of every domain depends on, by name: code, prompts, settings, model."""
        ...

    def version(self, context: StageContext) -> Parts:
        """What every row of a domain depends on, by name: ``shared_version``, and what runs the domain's tools."""
        ...

    def items(self, context: StageContext) -> list[WorkItem]:
        """The rows the stage should hold now."""
        ...

    def content(self, result: Any) -> RowContent:
        """Turn what a program returned into a row's content."""
        ...
