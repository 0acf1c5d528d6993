"""The HTTP client under the ``openai`` package, without the work a single endpoint never needs.

A general client parses the URL of each request three times, merges headers, cookies
and parameters of several levels, and prepares for redirects and authentication flows.
All our requests go to one endpoint and differ in their body alone; that work was half
of a call's CPU time (``benchmarks/bench_http.py``).

Belongs here: building and sending one HTTP request. Does not belong here: which
client a model gets (``transport``), or what an answer means (``responses``, ``faults``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import aiohttp
import httpx2
from openai import DefaultAioHttpClient

HeaderTypes = list[tuple[str, str]]
_answered: ContextVar[httpx2.Response | None] = ContextVar("answered", default=None)
_noting: ContextVar[Callable[[httpx2.Request], None] | None] = ContextVar("noting", default=None)


class EndpointHttpClient(DefaultAioHttpClient):
    """An aiohttp-based client for requests that differ in their body alone.

    A redirect to another host is followed without the key.
    """

    def __init__(self, *, key_header: str | None = None, **options: Any) -> None:
        """Prepare; connections are opened as they are needed.

        Args:
            key_header: Header that carries the key, where it is no bearer token.
            options: As of :class:`openai.DefaultAioHttpClient`.
        """
        super().__init__(**options)
        self._key_header = key_header
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
        answer = _answered.get()
        if answer is not None:
            answer.request = request
            return answer
        note = _noting.get()
        if note is not None:
            note(request)
        if stream or self.is_closed:
            return await super().send(request, stream=stream, **options)
        answer = await self._transport_for_url(request.url).handle_async_request(request)
        answer.request = request
        try:
            await answer.aread()
        except BaseException:
            await answer.aclose()
            raise
        if answer.has_redirect_location:
            return await super().send(request, **options)
        return answer

    def session_of(self, request: httpx2.Request) -> aiohttp.ClientSession | None:
        """The session that requests like this one go over.

        Returns:
            None before the first one, after closing, and where a proxy stands between.
        """
        transport: Any = self._transport_for_url(request.url)
        session = getattr(transport, "client", None)
        usable = isinstance(session, aiohttp.ClientSession) and not session.closed and not self.is_closed
        return session if usable and getattr(transport, "proxy", None) is None else None

    @contextmanager
    def noting(self, note: Callable[[httpx2.Request], None]) -> Generator[None]:
        """Tell of each request that is sent inside, as soon as it is made."""
        token = _noting.set(note)
        try:
            yield
        finally:
            _noting.reset(token)

    @contextmanager
    def answered_by(self, answer: httpx2.Response) -> Generator[None]:
        """What is sent inside has been answered already: nothing is sent, and this is the answer."""
        token = _answered.set(answer)
        try:
            yield
        finally:
            _answered.reset(token)

    def _redirect_headers(self, request: httpx2.Request, url: httpx2.URL, method: str) -> httpx2.Headers:
        headers = super()._redirect_headers(request, url, method)
        # The library knows of bearer tokens alone.
        if self._key_header is not None and not _is_same_place(request.url, url):
            headers.pop(self._key_header, None)
        return headers


def _is_same_place(one: httpx2.URL, other: httpx2.URL) -> bool:
    """Whether two addresses are of the same server, or of its encrypted side."""
    upgraded = (one.scheme, other.scheme) == ("http", "https") and (one.port, other.port) == (None, None)
    return one.host == other.host and (upgraded or (one.scheme, one.port) == (other.scheme, other.port))
