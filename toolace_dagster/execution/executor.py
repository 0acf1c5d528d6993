"""The executor of a domain: each call goes to the backend of its tool.

Belongs here: which tools are executed by what, and merging outcomes. Does not
belong here: any one backend.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from toolace_dagster.entities import Tool
from toolace_dagster.entities.backend import McpBackend, PythonBackend, SimulatedBackend, ToolBackend
from toolace_dagster.execution.mcp_backend import McpExecutor
from toolace_dagster.execution.protocol import Outcome, ToolExecutor, ToolRun
from toolace_dagster.execution.python_backend import PythonExecutor

_MCP_SESSIONS = 4
"""Servers of one domain at once; each is a process that may be large."""


def assigned(backends: Sequence[ToolBackend], tools: Mapping[str, Tool]) -> list[tuple[ToolBackend, dict[str, str]]]:
    """Which backend runs which tools; of several that name a tool the last counts.

    Args:
        backends: Of the domain.
        tools: Its tools by name.

    Returns:
        Each backend that runs any, with what it calls each of its tools.
    """
    owner: dict[str, int] = {}
    for position, backend in enumerate(backends):
        owner |= {name: position for name, tool in tools.items() if _is_for(backend, tool)}
    found: list[tuple[ToolBackend, dict[str, str]]] = []
    for position, backend in enumerate(backends):
        names = {name: _called(backend, tools[name]) for name, at in owner.items() if at == position}
        if names and not isinstance(backend, SimulatedBackend):
            found.append((backend, names))
    return found


def executable_tools(backends: Sequence[ToolBackend], tools: Mapping[str, Tool]) -> frozenset[str]:
    """Names of the tools that are run for real."""
    return frozenset(name for _, names in assigned(backends, tools) for name in names)


def domain_executor(domain: str, backends: Sequence[ToolBackend], tools: Mapping[str, Tool]) -> DomainExecutor | None:
    """The executor of a domain; None when no tool of it has a backend."""
    parts: list[ToolExecutor] = []
    for backend, names in assigned(backends, tools):
        if isinstance(backend, PythonBackend):
            parts.append(PythonExecutor(backend, names, domain=domain, concurrency=2 * (os.cpu_count() or 2)))
        elif isinstance(backend, McpBackend):
            parts.append(McpExecutor(backend, names, domain=domain, concurrency=_MCP_SESSIONS))
    return DomainExecutor(parts) if parts else None


class DomainExecutor:
    """Several backends as one, each started when the first call comes. Enter it before use."""

    def __init__(self, parts: Sequence[ToolExecutor]) -> None:
        """Join executors.

        Args:
            parts: Their tools don't overlap.
        """
        self._parts = parts
        self._stack = AsyncExitStack()
        self._start = asyncio.Lock()
        self._started = False

    @property
    def executes(self) -> frozenset[str]:
        """Names of all tools that are run."""
        return frozenset(name for part in self._parts for name in part.executes)

    async def __aenter__(self) -> DomainExecutor:
        """Nothing is started yet: a stage whose rows are cached or need no tools should not wait for servers."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def run(self, tool_run: ToolRun) -> tuple[Outcome, ...]:
        """Run calls; each backend gets its own in order, in a fresh session.

        Raises:
            ExecutionFailed: If the run gave no outcomes.
            BackendUnusable: If a backend can't be started; then no run can.
        """
        await self._begun()
        outcomes: dict[int, Outcome] = {}

        async def share(part: ToolExecutor) -> None:
            places = [place for place, call in enumerate(tool_run.calls) if call.tool in part.executes]
            if places:
                calls = tuple(tool_run.calls[place] for place in places)
                answered = await part.run(tool_run.model_copy(update={"calls": calls}))
                outcomes.update(zip(places, answered, strict=True))

        # Both sides of a failure are waited for, so that no session is left behind.
        ends = await asyncio.gather(*(share(part) for part in self._parts), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        return tuple(outcomes[place] for place in range(len(tool_run.calls)))

    async def _begun(self) -> None:
        async with self._start:
            if self._started:
                return
            async with AsyncExitStack() as stack:
                for part in self._parts:
                    await stack.enter_async_context(part)
                self._stack = stack.pop_all()
            self._started = True


def _is_for(backend: ToolBackend, tool: Tool) -> bool:
    """Whether a backend runs a tool; a live server names its tools as it calls them."""
    return not backend.tools or tool.name in backend.tools or tool.provenance.original_name in backend.tools


def _called(backend: ToolBackend, tool: Tool) -> str:
    """What a backend calls a tool: as it is told, else by the name the tool had in its source."""
    name = backend.names.get(tool.name) or tool.provenance.original_name or tool.name
    return name.rpartition(".")[2] if isinstance(backend, PythonBackend) else name
