"""Pools that are files on the web, such as the OpenAPI description of a service.

Belongs here: fetching one file, and the ones beside it that it refers to. Does
not belong here: calling the tools, and the formats of files (``formats``).
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpx2

from toolace_dagster.tool_pool.formats.document import Reading
from toolace_dagster.tool_pool.formats.reading import read_document
from toolace_dagster.tool_pool.repairs import Unusable
from toolace_dagster.tool_pool.sources import PoolOptions, Source, SourceError, source_of

TIMEOUT = 30.0
"""Seconds a server may take to connect, and between two parts of its answer."""
WHOLE_TIMEOUT = 300.0
"""Seconds one file may take in all, redirects among them; a server may send its answer drop by drop."""
MAX_ANSWER = 100_000_000
"""Bytes an answer may have."""
MAX_REDIRECTS = 10


class WebAddress:
    """An ``http`` or ``https`` address of one file."""

    form = "an http or https address of such a file"

    def takes(self, source: str) -> bool:
        """Whether it is such an address."""
        return bool(re.match(r"https?://", source, re.IGNORECASE))

    def absolute(self, source: str, folder: Path) -> str:
        """An address means the same everywhere."""
        del folder
        return source

    def name(self, source: str, folder: Path) -> str:
        """The address without credentials and query."""
        del folder
        return public_address(source)

    def signature(self, source: str) -> object:
        """Fetched once in the life of a process, so that one run sees one pool."""
        return source

    def read(self, source: str, options: PoolOptions) -> list[Source]:
        """Fetch the file.

        Args:
            source: The address.
            options: How the pool is read.

        Returns:
            One source; its name has no credentials and no query, which may hold some.

        Raises:
            SourceError: The server cannot be reached or answers with an error.
        """
        shown = public_address(source)
        path = PurePosixPath(urlsplit(source).path)
        raw_domain = path.stem.removesuffix(".tools_list") or urlsplit(source).hostname or "web"
        if raw_domain.lower() in ("openapi", "swagger", "api-docs", "api"):
            raw_domain = urlsplit(source).hostname or raw_domain
        servers: set[str] = {_server(source)}
        try:
            content = fetch(source, servers, anywhere=True)
        except Unusable as fault:
            raise SourceError(f"{shown} cannot be read: {fault.reason}. {fault.mend.capitalize()}.") from fault

        def sibling(relative: str) -> bytes:
            if relative.startswith("../"):
                raise Unusable(f"{relative[:80]} lies outside of the folder of {shown}", "move it there")
            return fetch(urljoin(source, quote(relative)), servers)

        reading = Reading(source=shown, sibling=sibling, skip_deprecated=options.skip_deprecated)
        return [source_of(shown, raw_domain, shown, lambda: read_document(content, reading))]


def public_address(address: str) -> str:
    """An address without what may be secret.

    Args:
        address: Any address.

    Returns:
        Scheme, host, port and path.
    """
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _server(address: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def fetch(address: str, servers: set[str], *, anywhere: bool = False, seconds: float = WHOLE_TIMEOUT) -> bytes:
    """What an address leads to.

    Args:
        address: The address.
        servers: Servers that may be asked. A description is not the user: what it refers to, and where that is
            redirected, must not lead to others.
        anywhere: The user gave the address, so that redirects may lead to any server, which is added to ``servers``.
        seconds: Time all of it may take.

    Returns:
        The content.

    Raises:
        Unusable: There is none, it is too large, takes too long, or lies on another server.
    """

    async def limited() -> bytes:
        # The time between two parts alone would let a server go on for ever, in its headers already.
        async with asyncio.timeout(seconds), httpx2.AsyncClient(timeout=TIMEOUT) as client:
            return await _fetched(client, address, servers, anywhere=anywhere)

    try:
        return asyncio.run(limited())
    except TimeoutError:
        raise Unusable(f"it took more than {seconds:g} s", "save the file and give its path") from None


async def _fetched(client: httpx2.AsyncClient, address: str, servers: set[str], *, anywhere: bool) -> bytes:
    mend = "check the address, or save the file and give its path"
    try:
        request = client.build_request("GET", address)
        for _ in range(MAX_REDIRECTS):
            server = _server(str(request.url))
            if anywhere:
                servers.add(server)
            elif server not in servers:
                raise Unusable(f"{public_address(address)} lies on or leads to another server", "write it out in place")
            answer = await client.send(request, stream=True)
            try:
                if answer.next_request is None:
                    return await _content(answer, mend)
                request = answer.next_request
            finally:
                await answer.aclose()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Unusable(f"{type(error).__name__}: {public_error(error, address)}", mend) from error
    raise Unusable(f"it is redirected more than {MAX_REDIRECTS} times", mend)


async def _content(answer: httpx2.Response, mend: str) -> bytes:
    if not answer.is_success:
        raise Unusable(f"the server answered {answer.status_code} {answer.reason_phrase}", mend)
    content = bytearray()
    async for part in answer.aiter_bytes():
        content += part
        if len(content) > MAX_ANSWER:
            raise Unusable(f"it is larger than {MAX_ANSWER // 1_000_000} MB", "save a smaller one")
    return bytes(content)


def public_error(error: Exception, address: str) -> str:
    """The message of an error without the address it may quote."""
    return (str(error).split("\n", 1)[0] or "no reason given").replace(address, public_address(address))[:200]
