"""The MCP backend: a session with a live server for each dialogue.

Only tools that are annotated as read-only are called, unless the user allows
writes or vouches for a tool. A server over stdio is a program the user chose and
runs with the user's rights: it is not confined.

Belongs here: calling, and telling results, errors and failures apart. Does not
belong here: connecting (``mcp_client``).
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from toolace_dagster.entities.backend import McpBackend
from toolace_dagster.execution import frames
from toolace_dagster.execution.mcp_client import connected, listing, plain_cause, shown
from toolace_dagster.execution.places import without_places
from toolace_dagster.execution.protocol import (
    BackendUnusable,
    ExecutedCall,
    ExecutionFailed,
    Outcome,
    ToolRun,
    error_content,
    reports_error,
)

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

_LOST = (-32000, -32001)
"""JSON-RPC codes of the client itself: the connection closed, no answer in time."""


class McpExecutor:
    """Runs the tools of one MCP backend. Enter it before use."""

    def __init__(self, backend: McpBackend, names: dict[str, str], *, domain: str, concurrency: int = 4) -> None:
        """Describe it; nothing is started yet.

        Args:
            backend: The server.
            names: What each tool is called there, by tool name.
            domain: For messages.
            concurrency: Sessions at once.
        """
        self._backend = backend
        self._names = names
        self._domain = domain
        self._slots = asyncio.Semaphore(concurrency)

    @property
    def executes(self) -> frozenset[str]:
        """Names of its tools."""
        return frozenset(self._names)

    async def __aenter__(self) -> McpExecutor:
        """Ask the server for its tools, and whether they may be called.

        Raises:
            BackendUnusable: If it can't be reached, lacks a tool, or a tool may write and that is not allowed.
        """
        backend = self._backend
        listed = await listing(backend)
        offered = {str(tool.get("name")) for tool in listed.tools}
        called = set(self._names.values())
        if missing := sorted(called - offered):
            raise BackendUnusable(
                f"The MCP server of {self._domain}, {listed.name}, has no {', '.join(missing)}. Map the "
                "tool's name with `names`, or name the tools it has with `tools` in backends.toml."
            )
        writing = sorted(called - listed.read_only() - set(backend.read_only))
        if writing and not backend.allow_writes:
            raise BackendUnusable(
                f"The MCP server of {self._domain}, {listed.name}, does not annotate {', '.join(writing)} as "
                "read-only, so calling may change something. In backends.toml: take them out with `tools`, vouch "
                "for them with `read_only`, or allow all with `allow_writes = true`."
            )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Nothing is left open between runs."""

    async def run(self, tool_run: ToolRun) -> tuple[Outcome, ...]:
        """Run calls in a fresh session; see ``ToolExecutor``.

        Raises:
            ExecutionFailed: If the run gave no outcomes.
        """
        backend = self._backend
        current = "connecting"
        outcomes: list[Outcome] = []
        async with self._slots:
            try:
                async with asyncio.timeout(backend.session_seconds), connected(backend, tool_run.today) as client:
                    for call in tool_run.calls:
                        current = call.tool
                        outcomes.append(await self._call(client, call))
            except TimeoutError:
                limit = f"the calls of this dialogue took more than {backend.session_seconds:g} s"
                raise ExecutionFailed("timeout", f"{current}: {limit}") from None
            except (ExecutionFailed, BackendUnusable):
                raise
            except Exception as raised:
                cause = plain_cause(raised)
                if isinstance(cause, ExecutionFailed):
                    raise cause from None
                kind = "unavailable" if current == "connecting" else "crashed"
                message = f"{current}: the server {shown(backend)} failed: {type(cause).__name__}: {cause}"
                raise ExecutionFailed(kind, message) from None
        return tuple(outcomes)

    async def _call(self, client: Client, call: ExecutedCall) -> Outcome:
        from mcp import MCPError

        backend = self._backend
        started = time.monotonic()
        try:
            async with asyncio.timeout(backend.call_seconds):
                result = await client.call_tool(self._names[call.tool], dict(call.arguments))
        except TimeoutError:
            limit = f"the call took more than {backend.call_seconds:g} s"
            raise ExecutionFailed("timeout", f"{call.tool}: {limit}") from None
        except MCPError as refused:
            if refused.code in _LOST:
                raise ExecutionFailed("crashed", f"{call.tool}: the server is gone: {refused.message}") from None
            # The protocol's own error, such as invalid arguments: the first of the three ways to report one.
            content, failed = error_content(refused.message), True
        else:
            content = result_content(result)
            # The second way is the flag, the third a text that says so.
            failed = result.is_error or reports_error(content)
            if failed and not isinstance(content, dict):
                content = error_content(content if isinstance(content, str) else json.dumps(content))
        if failed:
            content = without_places(content)
        self._check(call.tool, content)
        return Outcome(content=content, is_error=failed, seconds=time.monotonic() - started)

    def _check(self, tool: str, content: JsonValue) -> None:
        """Refuse what can't be kept.

        Raises:
            ExecutionFailed: If the content is too large, or no JSON that can be stored.
        """
        try:
            text = json.dumps(content).encode()
            frames.parsed(text)
        except (frames.BadFrame, ValueError, RecursionError) as fault:
            raise ExecutionFailed("not_json", f"{tool}: {fault}") from None
        limit = self._backend.result_kb * 1024
        if len(text) > limit:
            raise ExecutionFailed("too_large", f"{tool}: its result has {len(text):,} bytes, more than {limit:,}")


def result_content(result: CallToolResult) -> JsonValue:
    """The JSON value a result stands for.

    Structured content is kept as it is. Of text, what is a JSON object or list is taken as that. Several
    blocks are a list. Of pictures, sounds and other bytes only kind and size are kept.
    """
    if result.structured_content is not None and not result.is_error:
        return result.structured_content
    blocks = [_block(block.model_dump(mode="json", by_alias=True, exclude_none=True)) for block in result.content]
    return blocks[0] if len(blocks) == 1 else blocks or ""


def _block(block: dict[str, Any]) -> JsonValue:
    kind = block.get("type")
    if kind == "resource" and isinstance(block.get("resource"), dict):
        inner: dict[str, Any] = block["resource"]
        if isinstance(inner.get("text"), str):
            return inner["text"]
        return {"type": "resource", "uri": str(inner.get("uri")), "bytes": len(str(inner.get("blob", ""))) * 3 // 4}
    if kind == "text":
        return _text(str(block.get("text", "")))
    if kind == "resource_link":
        return {"type": "resource_link", "uri": str(block.get("uri")), "name": str(block.get("name", ""))}
    size = len(str(block.get("data", ""))) * 3 // 4
    return {"type": str(kind), "mime_type": str(block.get("mimeType", "")), "bytes": size}


def _text(text: str) -> JsonValue:
    if text.lstrip().startswith(("{", "[")):
        try:
            return frames.parsed(text.encode())
        except (frames.BadFrame, ValueError):
            return text
    return text
