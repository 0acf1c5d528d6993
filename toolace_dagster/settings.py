"""All settings of a run, with the paper's parameters as defaults.

Belongs here: names, defaults, bounds and validation of settings. Does not
belong here: reading them from the command line or Dagster (``cli``,
``orchestration``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

OFFLINE_MODEL = "offline"
MAX_ROUNDS = 30
SHIPPED_POOL = Path(__file__).parent / "tool_pool" / "shipped"


class Range(BaseModel):
    """An inclusive range of whole numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: int = Field(ge=0)
    high: int = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"the range {self.low} to {self.high} is empty")
        return self


class ModelSettings(BaseModel):
    """Which model answers, and how it is called. The API key is read from the environment alone and never stored.

    Attributes:
        model: Model name as the endpoint knows it; ``offline`` is the embedded rehearsal model.
        base_url: Endpoint; None means the ``openai`` package's own default or ``OPENAI_BASE_URL``.
        temperature: For generation and refinement; judge and experts always use 0.
        max_tokens: Upper bound of a reply, in tokens.
        concurrency: Calls in flight at once, per domain.
        timeout: Seconds a call may take.
        transport_retries: Tries again after a connection fault, timeout, 429 or 5xx.
        repair_tries: Tries again that show the model what was wrong with its reply.
        error_rate: Offline model only: multiplies its documented error rates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = OFFLINE_MODEL
    base_url: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    max_tokens: Annotated[int, Field(gt=0)] = 4096
    concurrency: Annotated[int, Field(gt=0)] = 64
    timeout: Annotated[float, Field(gt=0)] = 120.0
    transport_retries: Annotated[int, Field(ge=0)] = 6
    repair_tries: Annotated[int, Field(ge=0)] = 2
    error_rate: Annotated[float, Field(ge=0)] = 1.0

    @property
    def endpoint_kind(self) -> str:
        """``offline`` or ``openai``."""
        return "offline" if self.model == OFFLINE_MODEL else "openai"


class Settings(BaseModel):
    """Everything that decides what a run makes.

    Attributes:
        pool: Folder, or single file, with tool definitions.
        seed: Seed of all sampling.
        dialogues: Dialogues attempted per domain.
        sub_tasks: Sub-tasks per task (paper: 2 to 5).
        steps: Tool-calling steps per sub-task (paper: 1 to 6).
        injections: Complexity injections per dialogue (paper: 1 to 3).
        rounds: Refinement rounds, each with one reasonability pass (paper: up to 5).
        distractors: Tools offered that no sub-task needs.
        mask_share: Share of a dialogue's turns masked in one reasonability pass.
        mask_decay: Factor on a turn's selection weight each time it is chosen.
        questions_per_call: Expert sub-questions asked in one call; 1 is one expert each, as in the paper.
        validation_share: Share of accepted dialogues for validation.
        test_share: Share of accepted dialogues for test.
        llm: Model and calling settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Path = SHIPPED_POOL
    seed: int = 0
    dialogues: Annotated[int, Field(gt=0)] = 10
    sub_tasks: Range = Range(low=2, high=5)
    steps: Range = Range(low=1, high=6)
    injections: Range = Range(low=1, high=3)
    rounds: Annotated[int, Field(ge=0, le=MAX_ROUNDS)] = 5
    distractors: Range = Range(low=2, high=4)
    mask_share: Annotated[float, Field(gt=0, le=0.5)] = 0.35
    mask_decay: Annotated[float, Field(gt=0, lt=1)] = 0.25
    questions_per_call: Annotated[int, Field(ge=1)] = 1
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    llm: ModelSettings = ModelSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sub_tasks.low < 1 or self.steps.low < 1:
            raise ValueError("sub_tasks and steps start at 1 or more")
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing to train on")
        return self

    def of(self, *names: str) -> dict[str, Any]:
        """The named settings as JSON values, for the fingerprint of the stage they decide."""
        return self.model_dump(mode="json", include=set(names))
