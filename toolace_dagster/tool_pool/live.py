"""Pools that are live MCP servers: their tools, and the server itself as the backend that runs them.

Belongs here: the kind of source. Does not belong here: talking to a server
(``execution``), or what a tool definition means (``formats``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolace_dagster.entities.backend import McpBackend
from toolace_dagster.execution.mcp_client import ServerListing, backend_of, is_live, list_server, shown
from toolace_dagster.execution.protocol import BackendUnusable
from toolace_dagster.tool_pool.formats.document import Document
from toolace_dagster.tool_pool.formats.tool_lists import read_tools
from toolace_dagster.tool_pool.sources import PoolOptions, Source, SourceError, source_of


class LiveServer:
    """``mcp+stdio:COMMAND ARGUMENTS``, or ``mcp+http://`` and ``mcp+https://`` with the address of a server."""

    form = "a live MCP server as mcp+stdio:COMMAND ARGUMENTS or mcp+https://ADDRESS"

    def takes(self, source: str) -> bool:
        """Whether it names a server."""
        return is_live(source)

    def absolute(self, source: str, folder: Path) -> str:
        """The source itself; the paths in a command mean what they mean where it is run."""
        del folder
        return source

    def name(self, source: str, folder: Path) -> str:
        """The server as it is shown, without what may be secret."""
        del folder
        try:
            return f"mcp:{shown(backend_of(source))}"
        except (BackendUnusable, ValueError):
            return "mcp"

    def signature(self, source: str) -> object:
        """Asked once in the life of a process, so that one run sees one pool."""
        return source

    def read(self, source: str, options: PoolOptions) -> list[Source]:
        """Ask the server for its tools.

        Returns:
            One source, whose domain is the server's name.

        Raises:
            SourceError: The server can't be reached.
        """
        try:
            backend = backend_of(source, dict(options.headers))
            listed = list_server(backend)
        except (BackendUnusable, ValueError) as fault:
            raise SourceError(f"{str(fault).rstrip('.')}.") from fault

        def document() -> Document:
            found = read_tools({"tools": list(listed.tools)})
            return replace(found, domain=listed.name, backend=_restricted(backend, listed, options))

        return [source_of(f"mcp:{shown(backend)}", listed.name, "", document)]


def _restricted(backend: McpBackend, listed: ServerListing, options: PoolOptions) -> McpBackend | None:
    """The backend for those tools alone that may be called; None when there are none."""
    if options.allow_writes:
        return backend.model_copy(update={"allow_writes": True})
    callable_tools = tuple(sorted(listed.read_only()))
    return backend.model_copy(update={"tools": callable_tools}) if callable_tools else None
