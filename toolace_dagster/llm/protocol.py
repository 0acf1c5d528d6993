"""Typed requests to a model and typed results: the one contract between stages and gateway.

Belongs here: what a request, a result, usage and an error are, and how a
request is identified by content. Does not belong here: how calls are made
(``gateway``), or what any stage asks (the stages' own modules).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final, Generic, Literal, Self, TypeVar

from pydantic import BaseModel

from toolace_dagster.entities import Entity, canonical_json, content_hash, text_hash
from toolace_dagster.execution.protocol import Outcome, ToolRun, ToolRunResult
from toolace_dagster.llm.schema import NotExpressible, StrictSchema, to_strict
from toolace_dagster.settings import ModelRole, ModelSettings

ReplyT = TypeVar("ReplyT", bound=BaseModel)
RowT = TypeVar("RowT")


class Message(Entity):
    """One chat message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Entity):
    """Sampling settings of a request.

    Attributes:
        temperature: As the endpoint takes it; None leaves it to the endpoint, as with the next two.
        top_p: As the endpoint takes it.
        reasoning_effort: As the endpoint takes it.
        max_tokens: Upper bound of the reply, in tokens.
        seed: Passed to the endpoint; keeps two requests of equal text apart in the cache.
    """

    temperature: float | None = 0.7
    top_p: float | None = None
    reasoning_effort: str | None = None
    max_tokens: int = 4096
    seed: int = 0

    @classmethod
    def of(cls, model: ModelSettings, seed: int) -> Self:
        """The sampling settings of a role's model, with a request's seed."""
        return cls(
            temperature=model.temperature,
            top_p=model.top_p,
            reasoning_effort=model.reasoning_effort,
            max_tokens=model.max_tokens,
            seed=seed,
        )


class Purpose(Entity):
    """What a request serves; recorded with the call, not part of its identity.

    Attributes:
        stage: Stage name, such as ``skeletons`` or ``refinement_round_02``.
        task: What is asked, such as ``mask_fill``; also the name of the reply's schema.
        role: Which of the models is asked.
        domain: Tool domain.
        dialogue_id: Dialogue the call is paid for.
        round: Refinement round, 0 outside refinement.
        turn_ids: Turns it is about.
    """

    stage: str
    task: str
    role: ModelRole
    domain: str
    dialogue_id: str
    round: int = 0
    turn_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelRequest(Generic[ReplyT]):
    """A typed request.

    Attributes:
        messages: The prompt, stable prefix first.
        reply_type: Pydantic model the reply must parse into.
        sampling: Sampling settings.
        purpose: What it serves.
        narrowed_schema: JSON Schema sent to the endpoint instead of the reply type's own.
        wide_schema: A smaller one that allows more, for endpoints that do not take the other and for words.
        check: Says what is wrong with a reply that fits its type, in a sentence for the model, or None. Such a
            reply is asked for once more; after that it is taken as it is, and judging it is the caller's.
    """

    messages: tuple[Message, ...]
    reply_type: type[ReplyT]
    sampling: Sampling
    purpose: Purpose
    narrowed_schema: dict[str, Any] | None = None
    wide_schema: dict[str, Any] | None = None
    check: Callable[[ReplyT], str | None] | None = None
    _strict: dict[tuple[bool, bool], StrictSchema | None] = field(
        default_factory=dict[tuple[bool, bool], StrictSchema | None], init=False, repr=False, compare=False
    )
    _hash: list[str] = field(default_factory=list[str], init=False, repr=False, compare=False)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema the endpoint is asked to follow."""
        return self.narrowed_schema or _schema_of(self.reply_type)

    @property
    def schema_hash(self) -> str:
        """Content hash of the schema."""
        if not self.narrowed_schema:
            return _hash_of(self.reply_type)
        if not self._hash:
            self._hash.append(content_hash(self.narrowed_schema))
        return self._hash[0]

    def strict(self, *, bare: bool = False, wide: bool = False) -> StrictSchema | None:
        """The schema in the strict subset.

        Args:
            bare: Without patterns, formats and bounds.
            wide: Of the wide schema.

        Returns:
            None where the subset can't express it.
        """
        if not (wide or self.narrowed_schema):
            return _strict_of(self.reply_type, bare)
        if (bare, wide) not in self._strict:
            schema = (self.wide_schema or self.schema) if wide else self.schema
            try:
                self._strict[bare, wide] = to_strict(schema, bare=bare)
            except NotExpressible:
                self._strict[bare, wide] = None
        return self._strict[bare, wide]

    def restore(self, value: Any) -> Any:
        """Undo the strict form, of either schema, in a reply; what is not of it stays as it is."""
        for wide in (False, True) if self.wide_schema else (False,):
            strict = self.strict(wide=wide)
            value = strict.restore(value) if strict else value
        return value

    def key(self, model: ModelSettings) -> str:
        """Identity by content: equal keys mean the same paid response can be used.

        Args:
            model: Who is asked. Its base URL does not count, so that a cache can move.

        Returns:
            32 hexadecimal digits.
        """
        # The same as `content_hash` of all of it. Texts are hashed one by one, since writing long prompts as JSON first
        # would take ten times as long, and what most requests have in common is written once.
        roles = [f'["{message.role}","{text_hash(message.content)}"]' for message in self.messages]
        drawn = self.sampling
        begin, end = _around_seed(drawn.temperature, drawn.top_p, drawn.reasoning_effort, drawn.max_tokens)
        peculiar = f",{canonical_json(model.peculiar)}" if model.peculiar else ""
        asked = f'{_in_json(self.purpose.task)},"{self.schema_hash}",{begin}{drawn.seed}{end}'
        whole = f"[[{','.join(roles)}],{asked},{_in_json(model.model)},{_in_json(model.endpoint_kind)}{peculiar}]"
        return text_hash(whole)[:32]


@cache
def _in_json(text: str) -> str:
    return canonical_json(text)


@lru_cache(maxsize=64)
def _around_seed(
    temperature: float | None, top_p: float | None, reasoning_effort: str | None, max_tokens: int
) -> tuple[str, str]:
    """Sampling settings as canonical JSON: what stands before and after the seed."""
    drawn = Sampling(temperature=temperature, top_p=top_p, reasoning_effort=reasoning_effort, max_tokens=max_tokens)
    begin, _, end = canonical_json(drawn.model_dump(exclude_none=True)).partition('"seed":0')
    return f'{begin}"seed":', end


@cache
def _schema_of(reply_type: type[BaseModel]) -> dict[str, Any]:
    return reply_type.model_json_schema()


@cache
def _strict_of(reply_type: type[BaseModel], bare: bool) -> StrictSchema | None:
    try:
        return to_strict(_schema_of(reply_type), bare=bare)
    except NotExpressible:
        return None


@cache
def _hash_of(reply_type: type[BaseModel]) -> str:
    return content_hash(_schema_of(reply_type))


class Usage(Entity):
    """Tokens of one response, as the endpoint counted them.

    Attributes:
        prompt_tokens: Of the prompt.
        cached_tokens: Part of the prompt that the endpoint had cached.
        cache_write_tokens: Part of the prompt that it put into its cache; some charge more for these.
        completion_tokens: Of the reply.
        reasoning_tokens: Part of the reply that is hidden reasoning.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0


NO_USAGE: Final = Usage()
"""What a call used that was not made."""


class CallError(Entity):
    """Why a call gave no usable reply.

    Attributes:
        kind: ``connection``, ``timeout``, ``rate_limit``, ``server``, ``auth``, ``not_found``, ``bad_request``,
            ``refused``, ``truncated``, ``filtered``, ``empty``, ``malformed``, ``schema``, ``check``, or ``batch`` when
            the batch it was in failed or was cancelled.
        message: A sentence with the endpoint's own words where it gave any, free of secrets.
        permanent: Whether every other call would fail alike (wrong key, wrong model, no such host).
    """

    kind: str
    message: str
    permanent: bool = False


@dataclass(frozen=True)
class ModelResult(Generic[ReplyT]):
    """A typed result: either ``reply`` or ``error`` is set.

    Attributes:
        call_id: ``c-`` and the first 16 digits of the key of the last try; names the row in ``model_calls``.
        reply: The parsed reply.
        error: Why there is none.
        usage: Tokens over all tries of this request that were paid in this run.
        cached: Whether the reply came from the cache.
        tries: Calls paid for it in this run.
        repairs: Repairs that were needed to parse it, in words.
    """

    call_id: str
    reply: ReplyT | None
    error: CallError | None = None
    usage: Usage = NO_USAGE
    cached: bool = False
    tries: int = 1
    repairs: tuple[str, ...] = ()


class CallFailed(Exception):
    """A call of a row program gave no usable reply; the row ends as failed with this error and call.

    Attributes:
        call_id: The failing call.
        error: Its error.
    """

    def __init__(self, call_id: str, error: CallError) -> None:
        super().__init__(f"{error.kind}: {error.message} (call {call_id})")
        self.call_id = call_id
        self.error = error


class EndpointUnusable(Exception):
    """A permanent fault of the endpoint: wrong key, unknown model, refused connection. The message names the mend."""


class EndpointBusy(EndpointUnusable):
    """The endpoint asks for a longer wait than a run is worth. No more calls start; those in flight are kept."""


Work = ModelRequest[Any] | ToolRun
"""What a row program can ask for: a model's reply, or calls of tools to be run."""

Program = Generator[Sequence[Work], Sequence[Any], RowT]
"""A row program: pure logic of one row. It yields work that may be done in parallel, is sent the results in order
(``ModelResult`` for a request, ``ToolRunResult`` for a run), and returns the row. Live calls and batches drive the
same programs."""


@dataclass(frozen=True)
class Answer(Generic[ReplyT]):
    """A usable reply and the call behind it."""

    reply: ReplyT
    call_id: str


def ask(request: ModelRequest[ReplyT]) -> Program[Answer[ReplyT]]:
    """Ask one request from inside a row program.

    Use as ``answer = yield from ask(request)``.

    Raises:
        CallFailed: If the call gave no usable reply.
    """
    answers = yield from ask_all([request])
    return answers[0]


def ask_all(requests: list[ModelRequest[ReplyT]]) -> Program[list[Answer[ReplyT]]]:
    """Ask several independent requests at once from inside a row program.

    Raises:
        CallFailed: If one of the calls gave no usable reply.
    """
    results: Sequence[ModelResult[ReplyT]] = yield requests
    answers: list[Answer[ReplyT]] = []
    for result in results:
        if result.reply is None:
            raise CallFailed(result.call_id, result.error or CallError(kind="empty", message="no reply"))
        answers.append(Answer(result.reply, result.call_id))
    return answers


def run_tools(tool_run: ToolRun) -> Program[tuple[Outcome, ...]]:
    """Have calls of tools run from inside a row program.

    Use as ``outcomes = yield from run_tools(tool_run)``.

    Returns:
        One outcome per call, in order.

    Raises:
        ExecutionFailed: If the run gave no outcomes; the row ends as failed with it.
    """
    results: Sequence[ToolRunResult] = yield [tool_run]
    if results[0].error is not None:
        raise results[0].error
    return results[0].outcomes
