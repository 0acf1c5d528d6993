"""Which model answers, and how it is called.

Belongs here: settings of one model and its endpoint. Does not belong here: which role has which model (``run``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from toolace_dagster.settings.credentials import (
    name_of_header,
    name_of_variable,
    no_credentials,
    no_keys,
    no_secret_parameters,
)

OFFLINE_MODEL = "offline"
_SAMPLING = {"temperature", "top_p", "reasoning_effort", "max_tokens", "repair_tries"}
_ROWS_IN_BATCHES = 50_000


class BatchSettings(BaseModel):
    """How batches are made; the defaults are OpenAI's own limits.

    Attributes:
        poll: Seconds between two looks at a batch.
        linger: Seconds without a new request after which those that wait become a batch.
        completion_window: Time the endpoint is given for a batch, as it wants it said.
        most_lines: Requests a batch may hold.
        most_bytes: Size its input may have, in bytes.
        url: Route its lines name; Azure leaves out the ``/v1``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    poll: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    linger: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.0
    completion_window: str = "24h"
    most_lines: Annotated[int, Field(gt=0)] = 50_000
    most_bytes: Annotated[int, Field(gt=0)] = 200_000_000
    url: str = "/v1/chat/completions"


class ModelSettings(BaseModel):
    """Which model answers, and how it is called. API keys are read from the environment alone and never stored.

    Attributes:
        model: Model name as the endpoint knows it; ``offline`` is the embedded rehearsal model.
        base_url: Endpoint; None means the ``openai`` package's own default or ``OPENAI_BASE_URL``.
        api_key_env: Environment variable with the key.
        api_key_header: Header that carries the key, such as Azure's ``api-key``; None means a bearer token.
        query: Parameters added to each URL, such as Azure's ``api-version``.
        temperature: None leaves it to the endpoint. Judge and experts use 0 unless their role sets another.
        top_p: None leaves it to the endpoint.
        reasoning_effort: Such as ``low``; None leaves it to the endpoint.
        max_tokens: Upper bound of a reply, in tokens.
        extra_body: Further fields of each request, such as vLLM's ``chat_template_kwargs``.
        concurrency: Calls in flight at once, by all domains that run at the same time; models that roles ask at
            one address with one key share it.
        requests_per_minute: The endpoint's limit; None means only what its headers tell.
        tokens_per_minute: Likewise.
        timeout: Seconds a call may take.
        transport_retries: Tries again after a connection fault, timeout, 429 or 5xx.
        longest_retry_after: Seconds that calls wait at most where the endpoint asks for it (`Retry-After`); where it
            asks for more the run stops, and goes on when it is started again.
        repair_tries: Tries again that show the model what was wrong with its reply.
        mode: ``batch`` sends requests through the endpoint's Batch API: at half price, within a day.
        batch: How batches are made.
        error_rate: Offline model only: multiplies its documented error rates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model: str = OFFLINE_MODEL
    base_url: Annotated[str | None, AfterValidator(no_credentials)] = None
    api_key_env: Annotated[str, AfterValidator(name_of_variable)] = "OPENAI_API_KEY"
    api_key_header: Annotated[str | None, AfterValidator(name_of_header)] = None
    query: Annotated[dict[str, str], AfterValidator(no_secret_parameters)] = Field(default_factory=dict[str, str])
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    reasoning_effort: str | None = None
    max_tokens: Annotated[int, Field(gt=0)] = 4096
    extra_body: Annotated[dict[str, JsonValue], AfterValidator(no_keys)] = Field(default_factory=dict[str, JsonValue])
    concurrency: Annotated[int, Field(gt=0)] = 64
    requests_per_minute: Annotated[int, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[int, Field(gt=0)] | None = None
    timeout: Annotated[float, Field(gt=0)] = 120.0
    transport_retries: Annotated[int, Field(ge=0)] = 6
    longest_retry_after: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 600.0
    repair_tries: Annotated[int, Field(ge=0)] = 2
    mode: Literal["live", "batch"] = "live"
    batch: BatchSettings = BatchSettings()
    error_rate: Annotated[float, Field(ge=0)] = 1.0

    @property
    def endpoint_kind(self) -> str:
        """``offline`` or ``openai``."""
        return "offline" if self.model == OFFLINE_MODEL else "openai"

    @property
    def most_in_flight(self) -> int:
        """Calls in flight at most."""
        # Not what one batch holds: where that is little, several are under way at once.
        return max(self.batch.most_lines, _ROWS_IN_BATCHES) if self.mode == "batch" else self.concurrency

    @property
    def connection(self) -> str:
        """What two roles must have in common to be answered over one connection: all but how they sample."""
        return self.model_dump_json(exclude=_SAMPLING)

    @property
    def peculiar(self) -> dict[str, Any]:
        """What decides a reply besides a request, its sampling and the model's name; empty with the defaults."""
        if self.endpoint_kind == "offline":
            return {"error_rate": self.error_rate} if self.error_rate != 1.0 else {}
        return {"extra_body": self.extra_body} if self.extra_body else {}

    @property
    def answers(self) -> dict[str, Any]:
        """The settings that decide what a model answers, as JSON values; for fingerprints."""
        decisive = self.model_dump(mode="json", include=_SAMPLING | {"model", "extra_body"}, exclude_none=True)
        return decisive | ({"error_rate": self.error_rate} if self.endpoint_kind == "offline" else {})
