"""The HTTP client under the ``openai`` package, without the work a single endpoint never needs.

A general client parses the URL of each request three times, merges headers, cookies
and parameters of several levels, and prepares for redirects and authentication flows.
All our requests go to one endpoint and differ in their body alone; that work was half
of a call's CPU time (``benchmarks/bench_http.py``).

Belongs here: building and sending one HTTP request. Does not belong here: which
client a model gets (``transport``), or what an answer means (``responses``, ``faults``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import httpx2
from openai import DefaultAioHttpClient

HeaderTypes = list[tuple[str, str]]
HeaderListener = Callable[[httpx2.Headers], None]


class EndpointHttpClient(DefaultAioHttpClient):
    """An aiohttp-based client for requests that differ in their body alone.

    Attributes:
        on_headers: Told the headers of each answer, whatever its status.
    """

    def __init__(self, *, on_headers: HeaderListener | None = None, **options: Any) -> None:
        """Prepare; connections are opened as they are needed.

        Args:
            on_headers: Told the headers of each answer.
            options: As of :class:`openai.DefaultAioHttpClient`.
        """
        super().__init__(**options)
        self.on_headers = on_headers
        self._urls: dict[str, httpx2.URL] = {}

    def build_request(self, method: str, url: httpx2.URL | str, **parts: Any) -> httpx2.Request:
        """Build a request; one with nothing but headers and a content of bytes takes the short way."""
        content, headers = parts.get("content"), parts.get("headers")
        if not (isinstance(url, str) and isinstance(content, bytes) and isinstance(headers, list)) or any(
            parts.get(name) for name in ("params", "files", "data", "json", "cookies")
        ):
            return super().build_request(method, url, **parts)
        parsed = self._urls.get(url)
        if parsed is None:
            parsed = self._urls[url] = httpx2.URL(url)
        timeout = parts.get("timeout")
        timeout = timeout if isinstance(timeout, httpx2.Timeout) else self.timeout
        return httpx2.Request(
            method,
            parsed,
            headers=cast("HeaderTypes", headers),
            content=content,
            extensions={"timeout": timeout.as_dict()},
        )

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request and read its answer whole; redirects and streams take the long way."""
        if stream or self.is_closed:
            return await super().send(request, stream=stream, **options)
        answer = await self._transport_for_url(request.url).handle_async_request(request)
        answer.request = request
        try:
            await answer.aread()
        except BaseException:
            await answer.aclose()
            raise
        if self.on_headers is not None:
            self.on_headers(answer.headers)
        if answer.has_redirect_location:
            return await super().send(request, **options)
        return answer
