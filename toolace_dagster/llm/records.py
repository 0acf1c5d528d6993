"""What is written down of each model call and each use of its response.

Belongs here: the two record types. Does not belong here: where they go
(``journal``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from toolace_dagster.entities import Entity

CallMode = Literal["live", "batch"]


class CallRecord(Entity):
    """One paid call: a row of ``model_calls``.

    Attributes:
        key: Identity by content; see :meth:`ModelRequest.key`.
        call_id: ``c-`` and the first 16 digits of the key.
        stage: Stage it was first made for; so are task, role, domain, dialogue, round and turns.
        task: What was asked.
        role: Which of the models was asked.
        domain: Tool domain.
        dialogue_id: Dialogue.
        round: Refinement round.
        turn_ids: Turns it is about.
        model: Model name.
        endpoint: Host of the endpoint, without credentials.
        messages: The prompt as sent.
        sampling: Sampling settings.
        response: Text of the reply; None when there was none.
        usable: Whether the reply could be parsed; only such a response answers again from the cache.
        error_kind: Kind of the fault otherwise.
        error_message: The fault in words.
        finish_reason: As the endpoint gave it.
        prompt_tokens: As the endpoint counted them; so are the other token counts.
        cached_tokens: Part of the prompt that the endpoint had cached.
        cache_write_tokens: Part of the prompt that it put into its cache.
        completion_tokens: Tokens of the reply.
        reasoning_tokens: Part of the reply that is hidden reasoning.
        latency_ms: Milliseconds from sending to the whole reply, retries left out.
        retries: Tries that ended in a transport fault before this one.
        repairs: What was mended to parse the reply.
        run_id: Run that paid for it.
        created_at: UTC, ISO 8601.
        mode: ``live``, or ``batch`` for what came by the Batch API, which costs less.
        batch_id: The batch it came by, as the endpoint calls it; None when live.
        cost: Dollars, by the price of its day; None when none was known.
        price: Which price that was.
    """

    key: str
    call_id: str
    stage: str
    task: str
    role: str
    domain: str
    dialogue_id: str
    round: int
    turn_ids: tuple[str, ...]
    model: str
    endpoint: str
    messages: list[dict[str, Any]]
    sampling: dict[str, Any]
    response: str | None
    usable: bool
    error_kind: str | None = None
    error_message: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    latency_ms: float = 0.0
    retries: int = 0
    repairs: tuple[str, ...] = ()
    run_id: str
    created_at: str
    mode: CallMode = "live"
    batch_id: str | None = None
    cost: float | None = None
    price: str | None = None


class BorrowedCall(Entity):
    """A call that another run paid for, maybe in another home: a row of ``borrowed_calls``.

    Stage, dialogue, prompt and sampling are of the request that was answered; model, endpoint, response, tokens,
    ``run_id`` and ``created_at`` are those of the call that was paid for.

    Attributes:
        borrowed_by: Run that used it.
    """

    key: str
    call_id: str
    stage: str
    task: str
    role: str
    domain: str
    dialogue_id: str
    round: int
    turn_ids: tuple[str, ...]
    model: str
    endpoint: str
    messages: list[dict[str, Any]]
    sampling: dict[str, Any]
    response: str
    usable: bool = True
    finish_reason: str | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    latency_ms: float
    retries: int
    run_id: str
    created_at: str
    borrowed_by: str


@dataclass(frozen=True, slots=True)
class CallUse:
    """One use of a response by a row, paid or from the cache: a row of ``call_uses``."""

    call_id: str
    run_id: str
    stage: str
    domain: str
    dialogue_id: str
    round: int
    turn_ids: tuple[str, ...]
    cached: bool
