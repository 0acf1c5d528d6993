"""Task plans and task specs: what a dialogue is to be about, before any turn exists.

Belongs here: the plan fixed by sampling (numbers, tools, injections) and the
spec a model wrote for it. Does not belong here: turns (``dialogue``), or how a
plan is sampled (``initialization.sampling``).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import Field, JsonValue

from toolace_dagster.entities.base import Entity, content_hash


class InjectionType(StrEnum):
    """The four kinds of complexity injection (paper, stage 2)."""

    CLARIFICATION = "clarification"
    TOOL_AWARENESS = "tool_awareness"
    ERROR_SIMULATION = "error_simulation"
    NON_FUNCTION_CALLING = "non_function_calling"


class InjectionSubType(StrEnum):
    """What exactly an injection does; each belongs to one type. The paper names the types alone."""

    MISSING_VALUE = "missing_value"
    AMBIGUOUS_REFERENCE = "ambiguous_reference"
    USER_CORRECTION = "user_correction"
    TOOL_ARRIVES_LATER = "tool_arrives_later"
    TOOL_NEVER_ARRIVES = "tool_never_arrives"
    IRRELEVANT_REQUEST = "irrelevant_request"
    INVALID_ARGUMENT = "invalid_argument"
    SERVICE_ERROR = "service_error"
    EMPTY_RESULT = "empty_result"
    PARTIAL_RESULT = "partial_result"
    CHIT_CHAT = "chit_chat"
    QUESTION_ABOUT_RESULTS = "question_about_results"
    SUMMARY_REQUEST = "summary_request"

    @property
    def type(self) -> InjectionType:
        """The type it belongs to."""
        return _TYPE_OF[self]

    @property
    def fails(self) -> bool:
        """Whether the tool answers with an error; an empty or partial result is none."""
        return self in (InjectionSubType.INVALID_ARGUMENT, InjectionSubType.SERVICE_ERROR)


SUB_TYPES: dict[InjectionType, tuple[InjectionSubType, ...]] = {
    InjectionType.CLARIFICATION: (
        InjectionSubType.MISSING_VALUE,
        InjectionSubType.AMBIGUOUS_REFERENCE,
        InjectionSubType.USER_CORRECTION,
    ),
    InjectionType.TOOL_AWARENESS: (
        InjectionSubType.TOOL_ARRIVES_LATER,
        InjectionSubType.TOOL_NEVER_ARRIVES,
        InjectionSubType.IRRELEVANT_REQUEST,
    ),
    InjectionType.ERROR_SIMULATION: (
        InjectionSubType.INVALID_ARGUMENT,
        InjectionSubType.SERVICE_ERROR,
        InjectionSubType.EMPTY_RESULT,
        InjectionSubType.PARTIAL_RESULT,
    ),
    InjectionType.NON_FUNCTION_CALLING: (
        InjectionSubType.CHIT_CHAT,
        InjectionSubType.QUESTION_ABOUT_RESULTS,
        InjectionSubType.SUMMARY_REQUEST,
    ),
}
_TYPE_OF = {sub_type: kind for kind, sub_types in SUB_TYPES.items() for sub_type in sub_types}


class Slot(Entity):
    """One place in a domain's dataset, which attempts try to fill.

    Attributes:
        domain: Tool domain.
        number: Position in the domain, from 0.
        attempt: 0 for the first try.
        seed: Seed of the run's settings.
    """

    domain: str
    number: int = Field(ge=0)
    attempt: int = Field(default=0, ge=0)
    seed: int

    @property
    def dialogue_id(self) -> str:
        """Stable id, readable and unique across seeds: ``travel-0007-3fa2c1``."""
        suffix = content_hash(self.seed, self.domain, self.number, self.attempt, length=6)
        return f"{self.domain}-{self.number:04d}-{suffix}"


class PlanShape(StrEnum):
    """How the tools of a sub-task hang together; ``initialization.shapes`` defines each."""

    SINGLE = "single"
    CHAIN = "chain"
    FAN_IN = "fan_in"
    FAN_OUT = "fan_out"
    NEIGHBOURS = "neighbours"
    INDEPENDENT = "independent"
    MIXED = "mixed"


class DistractorKind(StrEnum):
    """Where a tool comes from that is offered and not needed."""

    SAME_DOMAIN = "same_domain"
    LOOK_ALIKE = "look_alike"
    OTHER_DOMAIN = "other_domain"


class Register(StrEnum):
    """How a user writes; ``initialization.personas`` describes each."""

    TERSE = "terse"
    HURRIED = "hurried"
    CASUAL = "casual"
    CHATTY = "chatty"
    PLAIN = "plain"
    ORDERLY = "orderly"
    THOROUGH = "thorough"
    FORMAL = "formal"


class Taken(Entity):
    """A value that a sub-task takes from what an earlier sub-task found.

    Attributes:
        tool: Tool that takes it.
        parameter: Its parameter.
        source: Tool whose result holds it.
        sub_task: Index of the earlier sub-task that calls ``source``.
    """

    tool: str
    parameter: str
    source: str
    sub_task: int = Field(ge=0)


class SubTaskPlan(Entity):
    """What sampling fixed for one sub-task.

    Attributes:
        tools: Tools it should call, in an order in which results can feed later calls.
        steps: Number of tool-calling steps, 1 to 6 by default.
        shape: How its tools hang together.
        wanted: The shape its turn asked for; another one than ``shape`` where the tools did not allow it.
        options: By tool, an optional parameter that the task should use.
        from_user: By tool, the required identifiers that no earlier call hands out, so that the user brings them.
        takes: What it takes from the results of earlier sub-tasks, by the dependency graph.
        again: Tools that it makes sense to call more than once, where there are more steps than tools.
        time_passes: Whether it takes place days after the one before: it is about what came of something that was
            only arranged there.
    """

    tools: tuple[str, ...] = Field(min_length=1)
    steps: int = Field(ge=1)
    shape: PlanShape = PlanShape.MIXED
    wanted: PlanShape = PlanShape.MIXED
    options: dict[str, str] = Field(default_factory=dict[str, str])
    from_user: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    takes: tuple[Taken, ...] = ()
    again: tuple[str, ...] = ()
    time_passes: bool = False

    @property
    def builds_on(self) -> tuple[int, ...]:
        """Indices of the earlier sub-tasks whose results it takes."""
        return tuple(sorted({taken.sub_task for taken in self.takes}))


class TaskPlan(Entity):
    """Everything about a task that is decided before a model is asked (paper, stage 1.1).

    Attributes:
        slot: The place this plan fills.
        sub_tasks: 2 to 5 by default.
        distractors: Tools offered that no sub-task needs.
        distractor_kinds: Where each of them comes from, in the same order.
        persona: Who the user is, in a phrase.
        manner: How the user writes, in a phrase.
        language: Language of the dialogue, by its English name.
        today: The day the dialogue happens, against which relative dates are read; None leaves it open.
        injections: Kinds to inject, in order; 1 to 3 by default.
        sub_types: What exactly each of them does, in the same order.
    """

    slot: Slot
    sub_tasks: tuple[SubTaskPlan, ...] = Field(min_length=1)
    distractors: tuple[str, ...] = ()
    distractor_kinds: tuple[DistractorKind, ...] = ()
    persona: str
    manner: str = ""
    language: str = "English"
    today: date | None = None
    injections: tuple[InjectionType, ...] = ()
    sub_types: tuple[InjectionSubType, ...] = ()

    @property
    def needed_tools(self) -> tuple[str, ...]:
        """Tools some sub-task needs, first use first, without repeats."""
        return tuple(dict.fromkeys(name for sub_task in self.sub_tasks for name in sub_task.tools))


class Detail(Entity):
    """A concrete fact the user knows and will state, such as a date or a name."""

    name: str
    value: JsonValue


class SubTask(Entity):
    """One sub-task ``u_t`` of a task spec.

    Attributes:
        index: Position in the task, from 0.
        goal: What the user wants to have at the end, in a sentence or two; not the words they ask in.
        details: Every concrete value the user will state for it.
        tools: Names of the tools it needs.
        steps: Number of tool-calling steps.
        builds_on: Indices of earlier sub-tasks whose results it takes.
        time_passes: Whether it takes place days after the one before, as the user then says.
    """

    index: int = Field(ge=0)
    goal: str = Field(min_length=1)
    details: tuple[Detail, ...] = ()
    tools: tuple[str, ...] = Field(min_length=1)
    steps: int = Field(ge=1)
    builds_on: tuple[int, ...] = ()
    time_passes: bool = False


class TaskSpec(Entity):
    """A task as initialized: scenario, sub-tasks and offered tools.

    Attributes:
        dialogue_id: Id of the dialogue it will become.
        domain: Tool domain.
        scenario: The situation in one or two sentences.
        persona: Who the user is.
        manner: How the user writes.
        language: Language of the dialogue, by its English name.
        today: The day the dialogue happens; None leaves it open.
        sub_tasks: In the order the user will raise them.
        offered_tools: Needed tools and distractors in the order they are offered.
        tool_versions: Fingerprint of each offered tool.
        injections: Kinds of complexity to inject, in order.
        sub_types: What exactly each of them does, in the same order.
    """

    dialogue_id: str
    domain: str
    scenario: str
    persona: str
    manner: str = ""
    language: str = "English"
    today: date | None = None
    sub_tasks: tuple[SubTask, ...] = Field(min_length=1)
    offered_tools: tuple[str, ...] = Field(min_length=1)
    tool_versions: dict[str, str]
    injections: tuple[InjectionType, ...] = ()
    sub_types: tuple[InjectionSubType, ...] = ()
