"""All settings of a run, with the paper's parameters as defaults.

Belongs here: names, defaults, bounds and validation of settings. Does not
belong here: reading them from the command line or Dagster (``cli``,
``orchestration``).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from toolace_dagster.entities.task import (
    SUB_TYPES,
    DistractorKind,
    InjectionSubType,
    InjectionType,
    PlanShape,
    Register,
)
from toolace_dagster.settings.credentials import (
    from_variables,
    no_credentials_in_pool,
    no_credentials_in_url,
    refuse_secrets,
)
from toolace_dagster.settings.model import ModelSettings
from toolace_dagster.settings.names import (
    REFINEMENT_OPERATIONS,
    ROLES,
    FormatName,
    MaskedTurn,
    Method,
    ModelRole,
    RefinementOperation,
    SliceKind,
    Trajectory,
)
from toolace_dagster.settings.operation import checked_cron, checked_owners, checked_timezone
from toolace_dagster.settings.presets import PRESETS, over_preset
from toolace_dagster.settings.ranges import Days, Range
from toolace_dagster.settings.weights import Weight, in_order_of

MAX_ROUNDS = 30
SHIPPED_POOL = Path(__file__).parents[1] / "tool_pool" / "shipped"
_DECIDING: tuple[ModelRole, ...] = ("judge", "expert")
_SHAPES = {
    PlanShape.CHAIN: 0.35,
    PlanShape.FAN_OUT: 0.2,
    PlanShape.FAN_IN: 0.15,
    PlanShape.NEIGHBOURS: 0.15,
    PlanShape.INDEPENDENT: 0.15,
}
_DISTRACTORS = {DistractorKind.SAME_DOMAIN: 0.4, DistractorKind.LOOK_ALIKE: 0.4, DistractorKind.OTHER_DOMAIN: 0.2}

LanguagesOrPersonas = TypeVar("LanguagesOrPersonas", dict[str, float], tuple[str, ...])
_LONGEST_PHRASE = 200


class Settings(BaseModel):
    """Everything that decides what a run makes.

    Attributes:
        preset: Named set of values that take the place of the defaults: ``default``, ``lean`` (few calls), ``small``
            (for small models) or ``auto`` (``small`` where the first dialogues of `toolace run` fare badly). What is
            set besides comes before it.
        method: How dialogues are made from task specs: ``non_autoregressive``, laid out whole and refined (the
            paper's), or ``simulation``, the baseline that plays them turn by turn. A home has one method.
        compare_simulation: Whether Dagster's graph has the baseline besides, in the folder ``simulation`` of the home.
        simulation_turns: Turns after which a simulated dialogue is stopped and rejected.
        pool: Where the tools are: a folder or file of tool definitions, or another source the tool pool reads.
        domain_limit: Tools a domain may have; a larger one is split by the tools' texts.
        skip_deprecated: Operations that OpenAPI marks as deprecated are left out.
        allow_writes: Tools of a live MCP server may be called that are not annotated as read-only.
        mcp_headers: Headers for a live MCP server at an address; values name variables as ``${NAME}``.
        seed: Seed of all sampling.
        dialogues: Dialogues per domain: slots, each filled by an attempt or more.
        attempts: Attempts at a slot: a dialogue that is rejected is tried again with another plan, up to so many times.
        target: Accepted dialogues per domain from which on no slot is tried again; None means as many as slots.
        sub_tasks: Sub-tasks per task (paper: 2 to 5).
        steps: Tool-calling steps per sub-task (paper: 1 to 6).
        injections: Complexity injections per dialogue (paper: 1 to 3).
        injection_mix: Weights of the sub-types within their type; one left out is not drawn, nor is a type without any.
        clarification_share: Share of requests that are under-specified, so that the assistant has to ask; None draws
            clarifications as often as the other types.
        ground_arguments: Whether values of a skeleton's calls that nothing gives are corrected (one more call).
        rounds: Refinement rounds, each with one reasonability pass (paper: up to 5).
        operations: What a round does: ``complexity_injection``, ``reasonability_refinement`` or both; what is left out
            is not done, and the task specs stay as they are.
        converge: A dialogue that has converged takes part in no further round; without this it goes through all.
        distractors: Tools offered that no sub-task needs.
        personas: Who users are, in phrases; empty means the shipped personas.
        registers: Weights of how users write; a register left out is not drawn.
        languages: Weights of the languages of dialogues, by their English names; a list weighs them equally.
        today: Days on which dialogues happen, one drawn for each; None leaves the day open and no model is told one.
        trajectory: How skeletons are written: ``whole`` in one call, ``by_sub_task`` in a call each as in the paper;
            ``auto`` writes short ones whole and goes on by sub-task where that fails; ``by_turn`` goes by sub-task, and
            where one fails, writes it a turn or a call with its outputs at a time.
        whole_limit: Planned steps times offered tools up to which ``auto`` writes a skeleton whole.
        rule_tries: Times that a task, or a part of a skeleton, is asked for with the reason until it breaks no rule.
        skeleton_context: What is shown of earlier sub-tasks where a skeleton is written by sub-task: their turns in
            ``full``, or a ``summary`` of each: goal, values the user stated, results in short with their identifiers.
        plan_shapes: Weights of the shapes of sub-tasks with more than one step; a shape left out is not drawn.
        parallel_share: Share of the sub-tasks with two tools in a row that don't need each other's results in which
            these are called in one step.
        distractor_mix: Weights of the kinds of distractors; a kind left out is not drawn.
        mask_share: Share of a dialogue's turns masked in one reasonability pass.
        mask_decay: Factor on a turn's selection weight each time it is chosen.
        quiet_passes: Reasonability passes in a row that change nothing, after which a dialogue has converged though not
            every turn was refined; 0 waits until every turn was.
        questions_per_call: Expert sub-questions asked in one call, related ones together; the paper has 1.
        expert_votes: Judges that answer each sub-question; the majority decides, a tie rejects.
        expert_roles: Roles whose models judge, by turns, such as ``["expert", "judge"]``.
        expert_weights: By sub-question, what its answer weighs; 1 where none is given, 0 only remarks.
        expert_threshold: Share of the weight, from 0 to 1, that has to pass.
        repair: A rejected dialogue whose faults lie in a few turns has these written anew once and is verified again.
        repairs: How often at most that is done; each time everything is verified again, by the same checks.
        keep_prefix: Of a rejected dialogue the sub-tasks before its first fault are kept, if they pass by themselves.
        rules_in_refinement: The rules that reject are run in each refinement round: turns at fault are sent back one by
            one with the message, the model is told once what its fills break, and fills that still do are not judged.
        rules: Files with rules of the user's own, in Python.
        rule_severity: By rule id: ``off``, ``soft`` (remarks) or ``hard`` (rejects).
        benchmarks: Files of evaluation benchmarks whose texts dialogues must not repeat.
        benchmark_words: Words in a row from which on a turn repeats a benchmark.
        near_duplicate: Likeness, from 0 to 1, from which on a dialogue repeats an earlier one of its domain.
        dialogue_turns: Turns a dialogue may have.
        turn_characters: Characters a turn may have at most.
        validation_share: Share of accepted dialogues for validation.
        test_share: Share of accepted dialogues for test.
        split_likeness: Likeness from which two dialogues are near-duplicates, which stand on one side; 0 to 1.
        split_apart: What else stands on one side: the same task, also each tool that is called, or each domain.
        formats: Formats that a run exports; the others are assets too, and `toolace export` writes any.
        slices: Single-turn examples cut out of dialogues and exported with them, by kind: how many for each dialogue.
        loss_mask: Assistant turns that training should not learn, in formats that can say so.
        cache: Folder of a cache of responses that homes share; None keeps responses in the home alone.
        llm: Model and calling settings.
        roles: By role, the fields of ``llm`` in which that role's model differs.
        prices: File with the user's own prices, which come before the shipped ones.
        max_cost: Dollars a run may spend; None is no limit, as with the next two.
        max_tokens_total: Tokens of prompts and replies a run may pay for.
        max_calls: Model calls a run may pay for.
        explorer_url: Address of `toolace explore`, which links in Dagster lead to.
        nightly_cron: When the schedule `nightly_regeneration` looks for what is stale, once it is switched on: minute,
            hour, day, month, day of the week, as in a crontab.
        weekly_cron: When the schedule `weekly_full_check` checks everything, likewise.
        cron_timezone: Time zone of both, such as ``Europe/Berlin``.
        owners: Who looks after the assets, as Dagster shows it: e-mail addresses, or teams such as ``team:data``.
        executor: How a run of the UI works through its assets: ``in_process``, which starts fast, or ``multiprocess``,
            each in a process of its own. A run of the command line is always one process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    preset: str = "default"
    method: Method = "non_autoregressive"
    compare_simulation: bool = False
    simulation_turns: Annotated[int, Field(ge=4)] = 120
    pool: Annotated[str, AfterValidator(no_credentials_in_pool)] = str(SHIPPED_POOL)
    domain_limit: Annotated[int, Field(ge=2)] = 120
    skip_deprecated: bool = False
    allow_writes: bool = False
    mcp_headers: Annotated[dict[str, str], AfterValidator(from_variables)] = Field(default_factory=dict[str, str])
    seed: int = 0
    dialogues: Annotated[int, Field(gt=0)] = 10
    attempts: Annotated[int, Field(ge=1, le=20)] = 1
    target: Annotated[int, Field(gt=0)] | None = None
    sub_tasks: Range = Range(low=2, high=5)
    steps: Range = Range(low=1, high=6)
    injections: Range = Range(low=1, high=3)
    injection_mix: Annotated[dict[InjectionSubType, Weight], in_order_of(*InjectionSubType)] = Field(
        default_factory=lambda: dict.fromkeys(InjectionSubType, 1.0)
    )
    clarification_share: Annotated[float, Field(ge=0, le=1)] | None = None
    ground_arguments: bool = True
    rounds: Annotated[int, Field(ge=0, le=MAX_ROUNDS)] = 5
    operations: tuple[RefinementOperation, ...] = REFINEMENT_OPERATIONS
    converge: bool = True
    distractors: Range = Range(low=2, high=4)
    personas: tuple[str, ...] = ()
    registers: Annotated[dict[Register, Weight], in_order_of(*Register)] = Field(
        default_factory=lambda: dict.fromkeys(Register, 1.0)
    )
    languages: Annotated[dict[str, Weight], in_order_of("English")] = Field(default_factory=lambda: {"English": 1.0})
    today: Days | None = Days(first=dt.date(2026, 1, 5), last=dt.date(2026, 12, 18))
    trajectory: Trajectory = "auto"
    whole_limit: Annotated[int, Field(ge=0)] = 200
    rule_tries: Annotated[int, Field(ge=1, le=10)] = 2
    skeleton_context: Literal["full", "summary"] = "full"
    plan_shapes: Annotated[dict[PlanShape, Weight], in_order_of(*_SHAPES)] = Field(
        default_factory=lambda: dict(_SHAPES)
    )
    parallel_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    distractor_mix: Annotated[dict[DistractorKind, Weight], in_order_of(*_DISTRACTORS)] = Field(
        default_factory=lambda: dict(_DISTRACTORS)
    )
    mask_share: Annotated[float, Field(gt=0, le=0.5)] = 0.35
    mask_decay: Annotated[float, Field(gt=0, lt=1)] = 0.1
    quiet_passes: Annotated[int, Field(ge=0)] = 2
    questions_per_call: Annotated[int, Field(ge=1)] = 8
    expert_votes: Annotated[int, Field(ge=1, le=15)] = 1
    expert_roles: Annotated[tuple[ModelRole, ...], Field(min_length=1)] = ("expert",)
    expert_weights: dict[str, Weight] = Field(default_factory=dict[str, Weight])
    expert_threshold: Annotated[float, Field(ge=0, le=1)] = 1.0
    repair: bool = True
    repairs: Annotated[int, Field(ge=1, le=5)] = 1
    keep_prefix: bool = False
    rules_in_refinement: bool = False
    rules: tuple[Path, ...] = ()
    rule_severity: dict[str, Literal["off", "soft", "hard"]] = Field(
        default_factory=dict[str, Literal["off", "soft", "hard"]]
    )
    benchmarks: tuple[Path, ...] = ()
    benchmark_words: Annotated[int, Field(ge=4, le=50)] = 10
    near_duplicate: Annotated[float, Field(gt=0, le=1)] = 0.8
    dialogue_turns: Range = Range(low=2, high=200)
    turn_characters: Annotated[int, Field(ge=100)] = 16_000
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    split_likeness: Annotated[float, Field(gt=0, le=1)] = 0.8
    split_apart: Literal["tasks", "tools", "domains"] = "tasks"
    formats: tuple[FormatName, ...] = ("trl", "openai")
    slices: dict[SliceKind, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict[SliceKind, float])
    loss_mask: tuple[MaskedTurn, ...] = ()
    cache: Path | None = None
    llm: ModelSettings = ModelSettings()
    roles: dict[ModelRole, dict[str, JsonValue]] = Field(default_factory=dict[ModelRole, dict[str, JsonValue]])
    prices: Path | None = None
    max_cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_tokens_total: Annotated[int, Field(gt=0)] | None = None
    max_calls: Annotated[int, Field(gt=0)] | None = None
    explorer_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+$"), AfterValidator(no_credentials_in_url)] = (
        "http://127.0.0.1:3001"
    )
    nightly_cron: Annotated[str, AfterValidator(checked_cron)] = "0 2 * * *"
    weekly_cron: Annotated[str, AfterValidator(checked_cron)] = "0 4 * * 0"
    cron_timezone: Annotated[str, AfterValidator(checked_timezone)] = "UTC"
    owners: Annotated[tuple[str, ...], AfterValidator(checked_owners)] = ()
    executor: Literal["in_process", "multiprocess"] = "in_process"

    @model_validator(mode="before")
    @classmethod
    def _over_the_preset(cls, values: Any) -> Any:
        return over_preset(cast("dict[str, Any]", values)) if isinstance(values, dict) else values

    @field_validator("preset")
    @classmethod
    def _known_preset(cls, name: str) -> str:
        if name not in PRESETS:
            raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
        return name

    @field_validator("pool", mode="before")
    @classmethod
    def _path_as_text(cls, pool: object) -> object:
        return str(pool) if isinstance(pool, Path) else pool

    @field_validator("languages", mode="before")
    @classmethod
    def _languages_alike(cls, languages: object) -> object:
        """``"English, German"`` and ``["English", "German"]`` as equal weights."""
        if isinstance(languages, str):
            languages = [name.strip() for name in languages.split(",")]
        return dict.fromkeys(cast("list[Any]", languages), 1.0) if isinstance(languages, (list, tuple)) else languages

    @field_validator("languages", "personas")
    @classmethod
    def _named(cls, names: LanguagesOrPersonas) -> LanguagesOrPersonas:
        if any(not name.strip() or len(name) > _LONGEST_PHRASE or "\n" in name for name in names):
            raise ValueError(f"each is a name or phrase of one line, at most {_LONGEST_PHRASE} characters")
        return names

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sub_tasks.low < 1 or self.steps.low < 1:
            raise ValueError("sub_tasks and steps start at 1 or more")
        if undrawn := sorted(self.plan_shapes.keys() & {PlanShape.SINGLE, PlanShape.MIXED}):
            raise ValueError(
                f"plan_shapes can't hold {', '.join(undrawn)}: steps decides which sub-tasks have one call, and mixed "
                "is what comes out where no shape is possible"
            )
        names = ("plan_shapes", "distractor_mix", "injection_mix", "registers", "languages")
        weighed = {name: getattr(self, name) for name in names}
        for name, weights in weighed.items():
            if not sum(weights.values()):
                raise ValueError(f"{name} needs at least one weight above 0")
        if self.clarification_share and not any(
            self.injection_mix.get(each, 0) for each in SUB_TYPES[InjectionType.CLARIFICATION]
        ):
            raise ValueError("clarification_share needs a sub-type of clarification with a weight above 0")
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing to train on")
        return self

    @model_validator(mode="after")
    def _usable_roles(self) -> Self:
        for role, changes in self.roles.items():
            try:
                self.model_of(role)
            except ValidationError as error:
                fault = error.errors()[0]
                name = ".".join(str(part) for part in fault["loc"])
                raise ValueError(f"roles.{role}.{name}: {fault['msg']}") from None
            if "base_url" in changes and "api_key_env" not in changes:
                raise ValueError(
                    f"roles.{role} has a base_url of its own, so it needs an api_key_env of its own: "
                    "a key is sent to no other endpoint than the one it is for"
                )
        return self

    @model_validator(mode="after")
    def _without_secrets(self) -> Self:
        own = (changes.get("api_key_env") for changes in self.roles.values())
        refuse_secrets(
            self.model_dump(mode="json"), {self.llm.api_key_env, *(name for name in own if isinstance(name, str))}
        )
        return self

    def model_of(self, role: ModelRole) -> ModelSettings:
        """Model and calling settings of a role: those of ``llm`` with the role's own laid over them.

        Args:
            role: Who is asked. Judge and experts decide, so their temperature is 0 unless their role sets another.
        """
        sure: dict[str, JsonValue] = {"temperature": 0.0} if role in _DECIDING and self.llm.temperature else {}
        changes = sure | self.roles.get(role, {})
        if not changes:
            return self.llm
        if isinstance(batch := changes.get("batch"), dict):
            changes["batch"] = self.llm.batch.model_dump() | batch
        return ModelSettings.model_validate(self.llm.model_dump() | changes)

    @property
    def models(self) -> dict[ModelRole, ModelSettings]:
        """Model and calling settings by role."""
        return {role: self.model_of(role) for role in ROLES}

    @property
    def uses_batches(self) -> bool:
        """Whether any role's requests go through batches."""
        return any(model.mode == "batch" for model in self.models.values())

    def of(self, *names: str) -> dict[str, Any]:
        """The named settings as JSON values, for the fingerprint of the stage they decide."""
        return self.model_dump(mode="json", include=set(names))
