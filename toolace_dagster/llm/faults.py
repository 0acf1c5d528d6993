"""What can go wrong with a call, told apart: try again, give up on the row, or give up on the endpoint.

Belongs here: reading the ``openai`` package's exceptions. Does not belong here:
retrying (``gateway``).
"""

from __future__ import annotations

import openai

from toolace_dagster.llm.protocol import CallError
from toolace_dagster.llm.transport import redact

_RETRIED = ("connection", "timeout", "rate_limit", "server")


def is_transport_fault(error: CallError) -> bool:
    """Whether the same call may well go through later."""
    return error.kind in _RETRIED and not error.permanent


def read_fault(error: openai.OpenAIError, model: str, url: str) -> CallError:
    """Turn an exception of the ``openai`` package into an error that names the mend.

    Args:
        error: The exception.
        model: Model name of the call.
        url: Endpoint of the call.
    """
    words = redact(_words(error))
    if isinstance(error, openai.APITimeoutError):
        return CallError(kind="timeout", message=f"The endpoint {url} did not answer in time.")
    if isinstance(error, openai.APIConnectionError):
        return CallError(
            kind="connection",
            message=f"The endpoint {url} could not be reached ({words}). "
            "Check OPENAI_BASE_URL or --base-url, and that the server runs.",
        )
    if isinstance(error, openai.APIStatusError):
        return _status_fault(error, words, model, url)
    return CallError(kind="bad_request", message=words)


def _status_fault(error: openai.APIStatusError, words: str, model: str, url: str) -> CallError:
    status = error.status_code
    if status in (401, 403):
        message = f"The endpoint {url} refused the key (status {status}: {words}). Check OPENAI_API_KEY."
        return CallError(kind="auth", message=message, permanent=True)
    if status == 404:
        message = (
            f"The endpoint {url} knows no model {model!r}, or has no chat completions (status 404: {words}). "
            "Check --model and OPENAI_BASE_URL."
        )
        return CallError(kind="not_found", message=message, permanent=True)
    if status == 429:
        # A quota that is used up is answered like a rate limit; waiting does not help there.
        permanent = getattr(error, "code", None) == "insufficient_quota"
        return CallError(kind="rate_limit", message=f"Status 429: {words}", permanent=permanent)
    if status == 408 or status >= 500:
        return CallError(kind="server", message=f"Status {status}: {words}")
    return CallError(kind="bad_request", message=f"Status {status}: {words}")


def retry_after(error: openai.OpenAIError) -> float | None:
    """Seconds the endpoint asks to wait, when it says so."""
    if not isinstance(error, openai.APIStatusError):
        return None
    for header, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return float(error.response.headers[header]) * scale
        except (KeyError, ValueError):
            continue
    return None


def _words(error: openai.OpenAIError) -> str:
    cause = error.__cause__
    text = str(cause) if isinstance(error, openai.APIConnectionError) and cause else str(error)
    return " ".join(text.split())[:400] or type(cause or error).__name__
