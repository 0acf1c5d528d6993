"""The short way of a chat completion: the client's first request once more, with another body.

The ``openai`` client makes the first request of an endpoint. The ones after it differ
in their body alone, so they go over the same connections with the same address and
headers, and what the client does for each request is left out: building options and
headers, parsing addresses, wrapping the answer. That was half of a call's CPU time
(``benchmarks/bench_http.py``). Whatever is no plain answer is handed to the client,
which raises its own errors and follows redirects.

Belongs here: sending bodies and taking answers. Does not belong here: connections
(``http``), what an answer means (``responses``, ``faults``).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import aiohttp
import httpx2
from openai import APIConnectionError, AsyncOpenAI
from openai._types import RequestOptions

from toolace_dagster.llm.http import EndpointHttpClient

_OK = 200
_PER_BODY = ("content-length", "transfer-encoding")


@dataclass(frozen=True)
class Arrived:
    """An answer with a status of success.

    Attributes:
        headers: Looked up in any case.
        content: The body, decompressed.
    """

    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class _Template:
    request: httpx2.Request
    url: str
    headers: list[tuple[str, str]]
    timeout: aiohttp.ClientTimeout


class Wire:
    """Posts bodies to one address."""

    def __init__(
        self, client: AsyncOpenAI, http: EndpointHttpClient | None, url: str, options: RequestOptions | None = None
    ) -> None:
        """Nothing is sent yet.

        Args:
            client: The client.
            http: The HTTP client under it; without it each request goes the long way.
            url: Where to.
            options: Options of each request.
        """
        self._client = client
        self._http = http
        self._url = url
        self._options: RequestOptions = options or {}
        self._template: _Template | None = None
        self._moved = False
        self._learning: asyncio.Future[None] | None = None

    async def post(self, content: bytes) -> Arrived:
        """Send a body.

        Raises:
            openai.APIStatusError: On any other status than success.
            openai.APIConnectionError: If there is no answer; so it is with the next.
            aiohttp.ClientError: Likewise, once the first request was sent.
        """
        if self._learning is not None and not self._learning.done():
            # A stage starts with as many requests as may be in flight, and the short way is open as soon as the
            # first of them is on its way.
            await asyncio.wait([self._learning])
        template, http = self._template, self._http
        session = http.session_of(template.request) if template and http else None
        if template is None or http is None or session is None:
            return await self._first(content) if self._learning is None else await self._long_way(content)
        try:
            async with session.post(
                template.url,
                headers=template.headers,
                data=content,
                allow_redirects=False,
                auto_decompress=False,
                timeout=template.timeout,
            ) as answer:
                body = await answer.read()
        except ssl.SSLError as fault:
            if isinstance(fault, aiohttp.ClientError):
                raise
            raise APIConnectionError(request=template.request) from fault
        headers = answer.headers
        if answer.status == _OK and headers.get("content-encoding", "identity") == "identity":
            return Arrived(headers, body)
        packed = httpx2.Response(answer.status, headers=answer.raw_headers, content=body, request=template.request)
        if packed.is_success:
            return Arrived(headers, packed.content)
        if packed.has_redirect_location:
            return await self._long_way(content)
        with http.answered_by(packed):
            return await self._long_way(content)

    async def _first(self, content: bytes) -> Arrived:
        self._learning = asyncio.get_running_loop().create_future()
        try:
            return await self._long_way(content)
        finally:
            self._learnt()

    def _learnt(self) -> None:
        if self._learning is not None and not self._learning.done():
            self._learning.set_result(None)

    async def _long_way(self, content: bytes) -> Arrived:
        # The raw response is asked for: building the client's own objects would take a third of a call's CPU
        # time, and they are built unchecked, so every field has to be looked at anyway.
        with self._http.noting(self._learn) if self._http else nullcontext():
            answer = await self._client.post(self._url, content=content, cast_to=httpx2.Response, options=self._options)
        if answer.history:
            # Each request would be sent there for nothing before it is sent to where it belongs.
            self._template, self._moved = None, True
        return Arrived(answer.headers, answer.content)

    def _learn(self, request: httpx2.Request) -> None:
        # At once and not when the answer is there.
        if self._template is None and not self._moved:
            self._template = _template(request)
        self._learnt()


def _template(request: httpx2.Request) -> _Template:
    timeout: Mapping[str, float | None] = request.extensions.get("timeout", {})
    return _Template(
        request,
        str(request.url),
        [(name, value) for name, value in request.headers.multi_items() if name.lower() not in _PER_BODY],
        aiohttp.ClientTimeout(
            connect=timeout.get("pool"), sock_connect=timeout.get("connect"), sock_read=timeout.get("read")
        ),
    )
