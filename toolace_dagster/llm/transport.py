"""Clients of the ``openai`` package: over the network, or into the offline model.

Belongs here: building the client. Does not belong here: using it (``gateway``).
"""

from __future__ import annotations

import json
import os
import ssl
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Omit
from openai._types import RequestOptions

from toolace_dagster.llm.http import EndpointHttpClient
from toolace_dagster.llm.protocol import EndpointUnusable
from toolace_dagster.settings import ModelSettings

_DEFAULT_URL = "https://api.openai.com/v1"
_CONNECT_WITHIN = 20.0
_SHORTEST_SECRET = 16
_key_variables: dict[str, None] = {"OPENAI_API_KEY": None}
"""Environment variables whose values are secrets; in a dict, since their order is kept."""


class ChatModel(Protocol):
    """A model that runs in this process."""

    def chat_completion(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer the body of a chat-completions request with the body of its response."""
        ...


class InProcessTransport(httpx2.AsyncBaseTransport):
    """Hands requests to a model in this process; no port is opened."""

    def __init__(self, model: ChatModel) -> None:
        """Name the model that answers."""
        self._model = model

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        body = json.loads(await request.aread())
        return httpx2.Response(200, json=self._model.chat_completion(body), request=request)


def base_url(settings: ModelSettings) -> str:
    """The endpoint in use: the setting, else ``OPENAI_BASE_URL``, else OpenAI's own."""
    return settings.base_url or os.environ.get("OPENAI_BASE_URL") or _DEFAULT_URL


def shown_url(settings: ModelSettings) -> str:
    """The endpoint in use as messages may show it: no credentials, no query."""
    parts = urlsplit(base_url(settings))
    return f"{parts.scheme}://{endpoint_host(settings)}{parts.path}"


def endpoint_host(settings: ModelSettings) -> str:
    """Host of the endpoint, for records: no credentials, no path, no query."""
    if settings.endpoint_kind == "offline":
        return "offline"
    return urlsplit(base_url(settings)).netloc.rpartition("@")[2] or "unknown"


def make_client(settings: ModelSettings, http: EndpointHttpClient | None = None) -> AsyncOpenAI:
    """Build a client; the gateway does its own retries.

    Args:
        settings: Model and calling settings.
        http: The HTTP client under it, as :func:`make_http_client` builds it; by default one of its own.

    Raises:
        EndpointUnusable: If a key is missing or can't be sent, or the base URL is no URL.
    """
    if settings.endpoint_kind == "offline":
        from toolace_dagster.llm.offline import OfflineModel

        transport = InProcessTransport(OfflineModel(error_rate=settings.error_rate))
        return AsyncOpenAI(
            api_key="offline",
            base_url="http://offline.invalid/v1",
            http_client=DefaultAsyncHttpxClient(transport=transport),
            max_retries=0,
        )
    key = _usable_key(settings.api_key_env)
    _check_url(settings)
    return AsyncOpenAI(
        api_key=key,
        base_url=base_url(settings),
        default_query=settings.query or None,
        http_client=http or make_http_client(settings),
        timeout=_timeout(settings),
        max_retries=0,
    )


def make_http_client(settings: ModelSettings) -> EndpointHttpClient | None:
    """Build what a client sends its requests with; None for the offline model, which needs none."""
    if settings.endpoint_kind == "offline":
        return None
    limits = httpx2.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency)
    return EndpointHttpClient(
        key_header=settings.api_key_header, timeout=_timeout(settings), limits=limits, verify=_trusted()
    )


def _timeout(settings: ModelSettings) -> httpx2.Timeout:
    return httpx2.Timeout(settings.timeout, connect=min(_CONNECT_WITHIN, settings.timeout))


def request_options(settings: ModelSettings) -> RequestOptions:
    """Options of each request; they carry the key where it does not go as a bearer token."""
    if not settings.api_key_header:
        return {}
    return {"headers": {settings.api_key_header: _usable_key(settings.api_key_env), "Authorization": Omit()}}


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates to trust; reading them takes longer than making all the rest of a client."""
    return httpx2.create_ssl_context()


def redact(text: str, *, shortest: int = 4) -> str:
    """Text without API keys, should an endpoint or a library echo them.

    Args:
        text: The text.
        shortest: Length from which on a key is one. Keys of local servers are words like ``none`` and ``test``.
    """
    for variable in _key_variables:
        key = os.environ.get(variable, "").strip()
        if len(key) >= shortest:
            text = text.replace(key, "[key]")
    return text


def redact_reply(text: str) -> str:
    """A reply without the API key, but with every ordinary word that serves as the key of a local server."""
    return redact(text, shortest=_SHORTEST_SECRET)


def _usable_key(variable: str) -> str:
    _key_variables.setdefault(variable)
    key = os.environ.get(variable, "").strip()
    if not key:
        raise EndpointUnusable(
            f"{variable} is not set. Set it in the environment; an endpoint that wants no key takes any text."
        )
    if not (key.isascii() and key.isprintable()):
        raise EndpointUnusable(
            f"{variable} holds a line break or a character outside ASCII, which no HTTP header can carry. "
            "Set it to the key alone."
        )
    return key


def _check_url(settings: ModelSettings) -> None:
    name = "--base-url" if settings.base_url else "OPENAI_BASE_URL"
    url = base_url(settings)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
        parts = None
    if parts is not None and "@" in parts.netloc:
        raise EndpointUnusable(f"{name} holds a user name or password. Leave them out, and set {settings.api_key_env}.")
    if usable and parts is not None and (parts.query or parts.fragment):
        # Routes are put behind it, where a query would swallow them.
        raise EndpointUnusable(
            f"{name} holds something behind a ? or #. Leave it out; parameters of each request are set one by one, "
            "such as --set llm.query.api-version=2026-01-01."
        )
    if not usable:
        raise EndpointUnusable(
            f"{name} is {redact(url)!r}, which is no http or https address. Set it to one like http://localhost:8000/v1."
        )
