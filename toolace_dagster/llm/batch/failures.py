"""What to do about a batch that failed as a whole, by the errors it names.

Belongs here: telling such failures apart. Does not belong here: doing it
(``desk``), or lines that failed in a batch that went well (``lines``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from openai.types import Batch

from toolace_dagster.llm.transport import redact

_TOO_MUCH = ("too_many", "too_large")
_QUEUE_FULL = ("token_limit", "limit_exceeded", "enqueued")
_FOR_GOOD = ("model_not_found", "model_not_supported", "invalid_model", "billing", "quota", "auth", "permission")
_PASSING = ("server_error", "internal", "timeout", "unavailable")
_SHOWN = 3


class Remedy(Enum):
    """What may help."""

    SMALLER = "fewer lines at once"
    LATER = "fewer lines at once, when others have ended"
    WITHOUT = "the same without the lines at fault"
    AGAIN = "the same once more"
    GIVE_UP = "nothing, for no batch"
    NONE = "nothing, for these lines"


@dataclass(frozen=True)
class Diagnosis:
    """Why a batch failed.

    Attributes:
        remedy: What may help.
        words: The endpoint's reasons.
        lines: Errors of single lines, by their number in the input file, from 1.
    """

    remedy: Remedy
    words: str
    lines: dict[int, Any] = field(default_factory=dict[int, Any])


def remedy_of(batch: Batch, url: str) -> Diagnosis:
    """Tell what may help against a failed batch.

    Args:
        batch: The batch, with status ``failed``.
        url: The endpoint, named where it gives no reason.
    """
    errors = (batch.errors.data if batch.errors else None) or []
    words = "; ".join(redact(f"{error.code}: {error.message}") for error in errors[:_SHOWN]) or f"{url} gave no reason"
    codes = " ".join(str(error.code).lower() for error in errors)
    lines = {
        error.line: {"code": error.code, "message": error.message, "param": error.param}
        for error in errors
        if isinstance(error.line, int)
    }
    if any(code in codes for code in _FOR_GOOD):
        return Diagnosis(Remedy.GIVE_UP, words)
    if any(code in codes for code in _TOO_MUCH):
        return Diagnosis(Remedy.SMALLER, words)
    if any(code in codes for code in _QUEUE_FULL):
        return Diagnosis(Remedy.LATER, words)
    if lines:
        return Diagnosis(Remedy.WITHOUT, words, lines)
    if any(code in codes for code in _PASSING):
        return Diagnosis(Remedy.AGAIN, words)
    return Diagnosis(Remedy.NONE, words)
