"""One response in the shared cache.

Belongs here: its fields. Does not belong here: where it is kept (``shared``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolace_dagster.entities import Entity


class CachedResponse(Entity):
    """A usable response and the facts of the call that was paid for; prompts are not kept.

    Attributes:
        key: Identity by content; see :meth:`ModelRequest.key`.
        stage: Stage it was paid for; so are task, role and domain.
        endpoint: Host of the endpoint, without credentials.
        response: Text of the reply.
        run_id: Run that paid for it.
        created_at: UTC, ISO 8601.
    """

    key: str
    stage: str
    task: str
    role: str
    domain: str
    model: str
    endpoint: str
    response: str
    finish_reason: str | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    latency_ms: float
    retries: int
    run_id: str
    created_at: str

    @classmethod
    def of(cls, call: Mapping[str, Any]) -> CachedResponse | None:
        """What the cache keeps of a call; None when there is nothing worth keeping.

        The embedded offline model answers for nothing, and not by the key alone: its error rate is a setting.

        Args:
            call: Fields of a :class:`CallRecord`.
        """
        if not call["usable"] or call["response"] is None or call["endpoint"] == "offline":
            return None
        return cls(**{name: call[name] for name in cls.model_fields})

    @property
    def facts(self) -> dict[str, Any]:
        """The fields that tell of the paid call, whoever uses it."""
        return self.model_dump(exclude={"key", "stage", "task", "role", "domain"})
