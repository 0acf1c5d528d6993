"""Clients of the ``openai`` package: over the network, or into the offline model.

Belongs here: building the client. Does not belong here: using it (``gateway``).
"""

from __future__ import annotations

import json
import os
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient, DefaultAsyncHttpxClient

from toolace_dagster.llm.protocol import EndpointUnusable
from toolace_dagster.settings import ModelSettings

_DEFAULT_URL = "https://api.openai.com/v1"


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


def endpoint_host(settings: ModelSettings) -> str:
    """Host of the endpoint, for records: no credentials, no path, no query."""
    if settings.endpoint_kind == "offline":
        return "offline"
    parts = urlsplit(base_url(settings))
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or "unknown"


def make_client(settings: ModelSettings) -> AsyncOpenAI:
    """Build a client; the gateway does its own retries.

    Raises:
        EndpointUnusable: If a key is missing, or the base URL is no URL.
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
    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        raise EndpointUnusable(
            "OPENAI_API_KEY is not set. Set it in the environment; an endpoint that wants no key takes any text."
        )
    url = base_url(settings)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise EndpointUnusable(f"OPENAI_BASE_URL is {url!r}, which is no http or https address.")
    return AsyncOpenAI(
        api_key=key,
        base_url=url,
        http_client=DefaultAioHttpClient(timeout=settings.timeout),
        timeout=settings.timeout,
        max_retries=0,
    )


def redact(text: str) -> str:
    """Text without the API key, should an endpoint or a library echo it."""
    key = os.environ.get("OPENAI_API_KEY")
    return text.replace(key, "[key]") if key and len(key) > 3 else text
