"""What can go wrong with a call, told apart: try again, give up on the row, or give up on the endpoint.

Belongs here: reading the exceptions of the ``openai`` package and of the transport
below it. Does not belong here: retrying (``gateway``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import httpx2
import openai

from toolace_dagster.llm.protocol import CallError
from toolace_dagster.llm.transport import redact
from toolace_dagster.settings import ModelSettings

_RETRIED = ("connection", "timeout", "rate_limit", "server")
_NEVER_CONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    httpx2.ConnectError,
    httpx2.UnsupportedProtocol,
)
_WRONG_MODEL = re.compile(
    r"(invalid|unknown|no such|unsupported|not a valid) model\b"
    r"|model\b.{0,80}?(does not exist|not exist|not found|not valid|is invalid)"
)
_WRONG_KEY = re.compile(r"api[ _-]?key\b.{0,40}?(invalid|not valid|incorrect|missing)|(invalid|incorrect) api[ _-]?key")
_ASKED_FOR = re.compile(r"\bLimit:? ([\d,]*\d)\b.*?\bRequested:? ([\d,]*\d)\b", re.IGNORECASE | re.DOTALL)
"""As OpenAI and Groq word it: ``Limit 30000, Used 29000, Requested 2000``."""


class StrangeAnswer(Exception):
    """The endpoint answered with status 200 and something that is no chat completion."""


class ErrorInAnswer(Exception):
    """The endpoint answered with status 200 and told of an error, as routers do of the endpoints behind them."""


def is_transport_fault(error: CallError) -> bool:
    """Whether the same call may well go through later."""
    return error.kind in _RETRIED and not error.permanent


def is_overload(raised: Exception) -> bool:
    """Whether the endpoint says that there are too many calls, its own or everybody's."""
    if not isinstance(raised, openai.APIStatusError) or raised.status_code not in (429, 503, 529):
        return False
    return not _is_over_the_limit(raised)


def is_unreachable(raised: Exception) -> bool:
    """Whether nobody who speaks the protocol is there, as against someone who is busy or broke off."""
    return isinstance(raised, (StrangeAnswer, json.JSONDecodeError)) or any(
        isinstance(cause, _NEVER_CONNECTED) for cause in _causes(raised)
    )


def read_fault(raised: Exception, model: ModelSettings, url: str) -> CallError | None:
    """Turn an exception of a call into an error that names the mend.

    Args:
        raised: The exception.
        model: Model name, and the variable its key is in.
        url: Endpoint of the call, without credentials.

    Returns:
        The error; None when the exception is no fault of the endpoint but a bug.
    """
    words = _words(raised)
    if isinstance(raised, (StrangeAnswer, json.JSONDecodeError)):
        return CallError(
            kind="connection",
            message=f"The endpoint {url} answered with something that is no chat completion ({words}). "
            "Check OPENAI_BASE_URL or --base-url; most end in /v1.",
        )
    if isinstance(raised, ErrorInAnswer):
        return CallError(kind="server", message=f"The endpoint {url} answered with an error: {words}")
    if isinstance(raised, openai.APIStatusError):
        return _status_fault(raised, words, model, url)
    if not isinstance(raised, (openai.OpenAIError, aiohttp.ClientError, TimeoutError)):
        return None
    if is_unreachable(raised):
        return CallError(
            kind="connection",
            message=f"The endpoint {url} could not be reached ({words}). "
            "Check OPENAI_BASE_URL or --base-url, and that the server runs.",
        )
    if _is_timeout(raised):
        message = f"The endpoint {url} did not answer in time. Raise the timeout, or lower the concurrency."
        return CallError(kind="timeout", message=message)
    if isinstance(raised, (openai.APIConnectionError, aiohttp.ClientError)):
        return CallError(kind="connection", message=f"The endpoint {url} cut the connection ({words}).")
    return CallError(kind="bad_request", message=words)


def retry_after(raised: Exception) -> float | None:
    """Seconds the endpoint asks to wait, when it says so."""
    if not isinstance(raised, openai.APIStatusError):
        return None
    headers = raised.response.headers
    for header, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[header]) * scale
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        until = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _status_fault(error: openai.APIStatusError, words: str, model: ModelSettings, url: str) -> CallError:
    status, code, said = error.status_code, str(error.code), words.lower()
    told = f"(status {status}: {words})"
    if code == "content_filter" or (status == 403 and ("moderation" in said or "flagged" in said)):
        return CallError(kind="filtered", message=f"The endpoint's content filter refused the prompt {told}.")
    if status in (401, 403) or (status == 400 and _WRONG_KEY.search(said)):
        message = f"The endpoint {url} refused the key {told}. Check {model.api_key_env}."
        return CallError(kind="auth", message=message, permanent=True)
    if status in (404, 405) or (status == 400 and (code == "model_not_found" or _WRONG_MODEL.search(said))):
        message = (
            f"The endpoint {url} knows no model {model.model!r}, or has no chat completions {told}. "
            "Check --model and OPENAI_BASE_URL or --base-url."
        )
        return CallError(kind="not_found", message=message, permanent=True)
    # A quota that is used up is answered like a rate limit; waiting does not help there.
    if status == 402 or (status == 429 and code == "insufficient_quota"):
        message = f"The account at {url} is out of credit {told}. Top it up, or set {model.api_key_env} to another's."
        return CallError(kind="rate_limit", message=message, permanent=True)
    if _is_over_the_limit(error):
        message = (
            f"Status 429: {words} The request alone is more than {url} grants {model.model} in a minute, so waiting "
            "does not help: lower max_tokens, offer fewer tools, or take a model or a tier with a higher limit."
        )
        return CallError(kind="bad_request", message=message)
    if status == 429:
        return CallError(kind="rate_limit", message=f"Status 429: {words}")
    if status in (408, 409, 425) or status >= 500:
        return CallError(kind="server", message=f"Status {status}: {words}")
    if is_too_long(error):
        message = f"Status {status}: {words} Lower max_tokens, or take a model with a longer context."
        return CallError(kind="bad_request", message=message)
    return CallError(kind="bad_request", message=f"Status {status}: {words}")


def is_too_long(error: openai.APIStatusError) -> bool:
    """Whether a request was refused because prompt and reply together exceed the model's context."""
    return error.code == "context_length_exceeded" or "context length" in str(error).lower()


def _is_over_the_limit(error: openai.APIStatusError) -> bool:
    """Whether a request was answered like too many requests, though it would be refused by itself."""
    if error.status_code != 429:
        return False
    said = str(error)
    if "request too large" in said.lower():
        return True
    told = _ASKED_FOR.search(said)
    return told is not None and int(told[2].replace(",", "")) > int(told[1].replace(",", ""))


def _is_timeout(raised: Exception) -> bool:
    """The aiohttp transport calls a cut connection a timeout too; only what it was raised from tells."""
    causes = list(_causes(raised))
    if any(isinstance(cause, aiohttp.ClientError) for cause in causes):
        return any(isinstance(cause, TimeoutError) for cause in causes)
    return any(isinstance(cause, (TimeoutError, httpx2.TimeoutException, openai.APITimeoutError)) for cause in causes)


def _causes(raised: BaseException | None) -> Iterator[BaseException]:
    while raised is not None:
        yield raised
        raised = raised.__cause__


def _words(raised: Exception) -> str:
    cause = raised.__cause__
    text = str(cause) if isinstance(raised, openai.APIConnectionError) and cause else str(raised)
    # The key is taken out first: half of one that was cut would not be known any more.
    return " ".join(redact(text).split())[:400] or type(cause or raised).__name__
