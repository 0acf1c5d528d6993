"""Pools that are files on the web, such as the OpenAPI description of a service.

Belongs here: fetching one file, and the ones beside it that it refers to. Does
not belong here: calling the tools, and the formats of files (``formats``).
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx2

from toolace_dagster.tool_pool.formats.document import Reading
from toolace_dagster.tool_pool.formats.reading import read_document
from toolace_dagster.tool_pool.repairs import Unusable
from toolace_dagster.tool_pool.sources import PoolOptions, Source, SourceError, source_of

TIMEOUT = 30.0
"""Seconds a server may take to connect, and between two parts of its answer."""
MAX_ANSWER = 100_000_000
"""Bytes an answer may have."""


class WebAddress:
    """An ``http`` or ``https`` address of one file."""

    form = "an http or https address of such a file"

    def takes(self, source: str) -> bool:
        """Whether it is such an address."""
        return bool(re.match(r"https?://", source, re.IGNORECASE))

    def absolute(self, source: str) -> str:
        """An address means the same everywhere."""
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
        with httpx2.Client(timeout=TIMEOUT, follow_redirects=True) as client:
            try:
                content = _fetched(client, source)
            except Unusable as fault:
                raise SourceError(f"{shown} cannot be read: {fault.reason}. {fault.mend.capitalize()}.") from fault

            def sibling(relative: str) -> bytes:
                if relative.startswith("../"):
                    raise Unusable(f"{relative[:80]} lies outside of the folder of {shown}", "move it there")
                return _fetched(client, urljoin(source, relative))

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


def _fetched(client: httpx2.Client, address: str) -> bytes:
    mend = "check the address, or save the file and give its path"
    try:
        with client.stream("GET", address) as answer:
            if not answer.is_success:
                raise Unusable(f"the server answered {answer.status_code} {answer.reason_phrase}", mend)
            content = bytearray()
            for part in answer.iter_bytes():
                content += part
                if len(content) > MAX_ANSWER:
                    raise Unusable(f"it is larger than {MAX_ANSWER // 1_000_000} MB", "save a smaller one")
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Unusable(f"{type(error).__name__}: {public_error(error, address)}", mend) from error
    return bytes(content)


def public_error(error: Exception, address: str) -> str:
    """The message of an error without the address it may quote."""
    return (str(error).split("\n", 1)[0] or "no reason given").replace(address, public_address(address))[:200]
