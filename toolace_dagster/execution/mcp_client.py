"""Sessions with MCP servers, over stdio and streamable HTTP, and listing what a server offers.

What a server says is untrusted: it is kept as data and never acted upon.

Belongs here: connecting, ``tools/list`` with all its pages. Does not belong here:
running dialogues' calls (``mcp_backend``), or what a tool definition means
(``tool_pool``).
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx2
from pydantic import ValidationError

from toolace_dagster.entities.backend import McpBackend
from toolace_dagster.entities.credentials import VARIABLE
from toolace_dagster.execution.protocol import BackendUnusable
from toolace_dagster.execution.session import TODAY

if TYPE_CHECKING:
    from mcp import Client

STDIO, HTTP = "mcp+stdio:", ("mcp+http://", "mcp+https://")
_MAX_PAGES = 1000
_CONNECT_SECONDS = 30.0
_CLOSED = -32000


@dataclass(frozen=True)
class ServerListing:
    """What a server says of itself.

    Attributes:
        name: Its name.
        version: Its version; empty when it gives none.
        tools: Tool definitions as the protocol writes them (``inputSchema`` and so on).
    """

    name: str
    version: str
    tools: tuple[dict[str, Any], ...]

    def read_only(self) -> frozenset[str]:
        """Names of the tools that are annotated as read-only; one that says nothing counts as writing."""
        return frozenset(str(tool.get("name")) for tool in self.tools if _is_read_only(tool.get("annotations")))


def backend_of(source: str, headers: Mapping[str, str] | None = None) -> McpBackend:
    """The backend a live pool source names.

    Args:
        source: ``mcp+stdio:COMMAND ARGUMENTS``, ``mcp+http://...`` or ``mcp+https://...``.
        headers: Headers to send to an address; their values name variables as ``${NAME}``.

    Raises:
        ValueError: If it is neither, names no command, or holds a credential.
    """
    if source.startswith(STDIO):
        command = shlex.split(source.removeprefix(STDIO))
        if not command:
            raise ValueError(f"{source!r} names no command; write mcp+stdio:COMMAND ARGUMENTS")
        return _made(command=tuple(command))
    if source.startswith(HTTP):
        return _made(url=source.removeprefix("mcp+"), headers=dict(headers or {}))
    raise ValueError(f"{source!r} is no live MCP server; write mcp+stdio:COMMAND ARGUMENTS or mcp+https://ADDRESS")


def _made(**values: Any) -> McpBackend:
    try:
        return McpBackend(**values)
    except ValidationError as fault:
        # The message of pydantic quotes what was given, which may be secret.
        raise ValueError(fault.errors()[0]["msg"].removeprefix("Value error, ")) from None


def is_live(source: str) -> bool:
    """Whether a pool source names a live MCP server."""
    return source.startswith((STDIO, *HTTP))


def list_server(backend: McpBackend) -> ServerListing:
    """Ask a server what it offers.

    Raises:
        BackendUnusable: If it can't be reached, or the extra is missing.
    """
    return asyncio.run(listing(backend))


async def listing(backend: McpBackend) -> ServerListing:
    """Ask a server what it offers, page by page.

    Raises:
        BackendUnusable: If it can't be reached, or the extra is missing.
    """
    try:
        async with asyncio.timeout(backend.session_seconds), connected(backend) as client:
            tools: list[dict[str, Any]] = []
            seen: set[str] = set()
            cursor: str | None = None
            while True:
                page = await client.list_tools(cursor=cursor)
                tools += [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in page.tools]
                cursor = page.next_cursor
                if cursor is None:
                    break
                if cursor in seen or len(seen) >= _MAX_PAGES:
                    raise BackendUnusable(f"{shown(backend)} lists its tools without end")
                seen.add(cursor)
            info = client.server_info
            return ServerListing(
                name=info.name if info else "mcp", version=info.version if info else "", tools=tuple(tools)
            )
    except BackendUnusable:
        raise
    except TimeoutError:
        limit = f"did not list its tools within {backend.session_seconds:g} s"
        raise BackendUnusable(f"The MCP server {shown(backend)} {limit}.") from None
    except Exception as raised:
        cause = plain_cause(raised)
        fault = f"{type(cause).__name__}: {cause}"
        raise BackendUnusable(
            f"The MCP server {shown(backend)} can't be used: {fault}. Start it by hand to see why."
        ) from None


@asynccontextmanager
async def connected(backend: McpBackend, today: date | None = None) -> AsyncGenerator[Client]:
    """A fresh session: over stdio with a server process of its own.

    The server sees only the environment any program needs, and the variables the backend names. Secrets in its
    address or arguments stand there as ``${NAME}`` and are filled in here alone, since backends are stored.

    Args:
        backend: The server.
        today: The day the dialogue happens on, which a server over stdio finds in its environment.

    Raises:
        BackendUnusable: If the extra, or a variable, is missing.
    """
    try:
        from mcp import Client, StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client
    except ImportError:
        raise BackendUnusable("MCP servers need the extra 'mcp': pip install 'toolace-dagster[mcp]'") from None
    if backend.url is not None:
        headers = {name: _filled_in(value) for name, value in backend.headers.items()}
        limit = httpx2.Timeout(_CONNECT_SECONDS, read=backend.session_seconds)
        # Redirects are not followed: headers may hold a secret, which is meant for this server.
        async with (
            httpx2.AsyncClient(headers=headers, timeout=limit) as http,
            Client(streamable_http_client(_filled_in(backend.url), http_client=http)) as client,
        ):
            yield client
        return
    environment = {name: os.environ[name] for name in backend.environment if name in os.environ}
    if today is not None:
        environment[TODAY] = today.isoformat()
    arguments = [_filled_in(argument) for argument in backend.command[1:]]
    server = StdioServerParameters(command=backend.command[0], args=arguments, env=environment)
    with open(os.devnull, "w", encoding="utf-8") as silence:  # noqa: ASYNC230 - opens at once
        async with Client(stdio_client(server, errlog=silence)) as client:
            yield client


def _filled_in(text: str) -> str:
    """A text with the value of each variable of the environment that it names as ``${NAME}``."""

    def value(named: re.Match[str]) -> str:
        if named[1] not in os.environ:
            raise BackendUnusable(f"The MCP server needs the variable {named[1]} of the environment. Set it.")
        return os.environ[named[1]]

    return VARIABLE.sub(value, text)


def shown(backend: McpBackend) -> str:
    """A server's name in messages, without the credentials an address or command line may carry."""
    if backend.url is not None:
        parts = urlsplit(backend.url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
    return os.path.basename(backend.command[0])


def plain_cause(raised: BaseException) -> BaseException:
    """The first cause inside the groups that concurrent clients raise."""
    inner = cast("tuple[BaseException, ...]", getattr(raised, "exceptions", ()))
    return plain_cause(inner[0]) if inner and isinstance(raised, BaseExceptionGroup) else raised


def _is_read_only(annotations: Any) -> bool:
    notes = cast("dict[str, Any]", annotations) if isinstance(annotations, dict) else {}
    return notes.get("readOnlyHint") is True and notes.get("destructiveHint") is not True
