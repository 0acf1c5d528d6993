"""The Python backend: a worker process that has imported the tools, and a forked session for each dialogue.

Belongs here: the pipeline's side of it: starting, time limits, clearing up. Does
not belong here: what happens inside the worker (``zygote``, ``session``).
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.entities.randomness import request_seed
from toolace_dagster.execution import frames
from toolace_dagster.execution.clearing import remove_tree
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
from toolace_dagster.execution.worker import PACKAGE_ROOT, WorkerLost, WorkerProcess

_LOAD_SECONDS = 60.0
_TRIES = 3
_ENVELOPE = 8192
"""Bytes a message may have besides the result: an error's text, the frame's own words."""


class PythonExecutor:
    """Runs the tools of one backend. Enter it before use.

    Attributes:
        in_force: Layers of confinement the system gave: ``landlock`` (version, 0 for none) and ``seccomp``.
    """

    def __init__(self, backend: PythonBackend, names: dict[str, str], *, domain: str, concurrency: int = 4) -> None:
        """Describe it; nothing is started yet.

        Args:
            backend: What to run.
            names: What each tool is called there, by tool name.
            domain: For messages.
            concurrency: Sessions at once.
        """
        self.in_force: dict[str, Any] = {}
        self._backend = backend
        self._names = names
        self._domain = domain
        self._slots = asyncio.Semaphore(concurrency)
        self._control_lock = asyncio.Lock()
        self._worker: WorkerProcess | None = None

    @property
    def executes(self) -> frozenset[str]:
        """Names of its tools."""
        return frozenset(self._names)

    async def __aenter__(self) -> PythonExecutor:
        """Start the worker and import the code.

        Raises:
            BackendUnusable: If it can't be imported, or lacks a tool.
        """
        await self._start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._stop()

    async def run(self, tool_run: ToolRun) -> tuple[Outcome, ...]:
        """Run calls in a fresh session; see ``ToolExecutor``.

        Raises:
            ExecutionFailed: If the run gave no outcomes.
        """
        async with self._slots:
            for attempt in range(_TRIES):
                worker = self._worker
                assert worker is not None, "the executor is not entered"
                try:
                    return await self._session(worker, tool_run)
                except WorkerLost:
                    # The worker was brought down, by these calls or by another dialogue's; try on a new one.
                    if attempt == _TRIES - 1:
                        break
                    async with self._control_lock:
                        if self._worker is worker:
                            self._stop()
                            await self._start()
            raise ExecutionFailed("crashed", "the process that runs the tools was brought down again and again")

    async def _start(self) -> None:
        worker = WorkerProcess(self._backend)
        try:
            answer = await worker.ask(
                {
                    "do": "load",
                    "target": self._backend.target,
                    "path": list(self._backend.path),
                    "read": [*self._backend.read, f"{PACKAGE_ROOT}/toolace_dagster"],
                    "network": self._backend.network,
                    "names": sorted(set(self._names.values())),
                    "root": worker.root,
                    "hidden": _hidden(self._backend, worker.root),
                },
                seconds=_LOAD_SECONDS,
            )
        except (WorkerLost, asyncio.CancelledError) as lost:
            worker.stop()
            if isinstance(lost, asyncio.CancelledError):
                raise
            raise BackendUnusable(
                f"The Python backend of {self._domain} ended, or took more than {_LOAD_SECONDS:.0f} s, while "
                f"importing {self._backend.target}. Import it by hand to see why."
            ) from None
        fault = self._load_fault(answer)
        if fault:
            worker.stop()
            raise BackendUnusable(fault)
        self.in_force = answer["in_force"]
        self._worker = worker

    def _load_fault(self, answer: dict[str, Any]) -> str:
        target = self._backend.target
        if "error" in answer:
            return (
                f"The Python backend of {self._domain} can't import {target}: {answer['error']}. Check `target` and "
                "`path` in backends.toml; the code may read only what docs/execution.md lists."
            )
        if answer["missing"]:
            return (
                f"The Python backend of {self._domain}, {target}, has no {', '.join(answer['missing'])}. Write it, map "
                "the tool's name with `names`, or name the tools it has with `tools` in backends.toml."
            )
        return ""

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    async def _session(self, worker: WorkerProcess, tool_run: ToolRun) -> tuple[Outcome, ...]:
        backend = self._backend
        outcomes: list[Outcome] = []
        current = "starting"
        async with self._opened(worker, tool_run) as session:
            try:
                async with asyncio.timeout(backend.session_seconds):
                    self._checked(await session.answer(backend.call_seconds), "starting")
                    for call in tool_run.calls:
                        current = call.tool
                        outcomes.append(await self._call(session, call))
            except TimeoutError:
                limit = f"the calls of this dialogue took more than {backend.session_seconds:g} s"
                if current == "starting":
                    limit = f"making {backend.target} took more than {backend.call_seconds:g} s"
                raise ExecutionFailed("timeout", f"{current}: {limit}") from None
            except frames.FrameTooLarge as fault:
                raise ExecutionFailed("too_large", f"{current}: its result has {fault}") from None
            except frames.NotStorable as fault:
                raise ExecutionFailed("not_json", f"{current}: {fault}") from None
            except frames.BadFrame as fault:
                raise ExecutionFailed("protocol", f"{current}: it sent what is no result: {fault}") from None
            except OSError as fault:
                session.lost = True
                raise ExecutionFailed("crashed", f"{current}: {fault.strerror}") from None
            except EOFError:
                session.lost = True
        if session.lost:
            raise ExecutionFailed("crashed", f"{current}: its process {session.end}")
        return tuple(outcomes)

    async def _call(self, session: _Session, call: ExecutedCall) -> Outcome:
        started = time.monotonic()
        await session.ask({"name": self._names[call.tool], "arguments": call.arguments})
        try:
            answer = await session.answer(self._backend.call_seconds)
        except TimeoutError:
            limit = f"the call took more than {self._backend.call_seconds:g} s"
            raise ExecutionFailed("timeout", f"{call.tool}: {limit}") from None
        answer = self._checked(answer, call.tool)
        seconds = time.monotonic() - started
        if "error" in answer:
            return Outcome(content=without_places(error_content(str(answer["error"]))), is_error=True, seconds=seconds)
        return Outcome(content=answer["value"], is_error=reports_error(answer["value"]), seconds=seconds)

    def _checked(self, answer: Any, what: str) -> dict[str, Any]:
        """An answer of one of the known forms.

        Raises:
            ExecutionFailed: If it is another one, or ends the session.
        """
        said = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
        if "fatal" in said:
            raise ExecutionFailed(str(said["fatal"]), f"{what}: {said.get('message', '')}")
        if what == "starting" and "error" in said:
            raise ExecutionFailed("crashed", f"{self._backend.target} can't be made: {said['error']}")
        if not said.keys() & ({"ready"} if what == "starting" else {"value", "error"}):
            raise ExecutionFailed("protocol", f"{what}: it sent what is no result")
        return said

    @asynccontextmanager
    async def _opened(self, worker: WorkerProcess, tool_run: ToolRun) -> AsyncGenerator[_Session]:
        backend = self._backend
        folder = tempfile.mkdtemp(dir=worker.root)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        session = _Session(ours, secrets.token_bytes(frames.NONCE_BYTES), backend.result_kb * 1024 + _ENVELOPE)
        start = {
            "do": "start",
            "nonce": session.nonce.hex(),
            "folder": folder,
            "seed": request_seed("execution", tool_run.dialogue_id),
            "today": None if tool_run.today is None else tool_run.today.isoformat(),
            "hidden": _hidden(backend, worker.root),
            "result_bytes": backend.result_kb * 1024,
            "limits": {
                "memory_mb": backend.memory_mb,
                "seconds": backend.session_seconds,
                "network": backend.network,
                "processes": backend.processes,
            },
        }
        pid: int | None = None
        try:
            try:
                pid = (await worker.ask(start, fds=[theirs.fileno()]))["pid"]
            finally:
                theirs.close()
            yield session
        finally:
            ours.close()
            if pid is not None:
                # Shielded: a run that is stopped must not leave its session behind.
                session.end = _ending(await asyncio.shield(worker.ask({"do": "end", "pid": pid})))
            await asyncio.to_thread(remove_tree, folder)


class _Session:
    """The pipeline's end of one session's socket."""

    def __init__(self, sock: socket.socket, nonce: bytes, limit: int) -> None:
        self.nonce = nonce
        self.end = "ended"
        self.lost = False
        self._sock = sock
        self._limit = limit

    async def ask(self, message: Any) -> None:
        await frames.send_async(self._sock, self.nonce, message)

    async def answer(self, seconds: float) -> Any:
        async with asyncio.timeout(seconds):
            return await frames.receive_async(self._sock, self.nonce, self._limit)


def _hidden(backend: PythonBackend, root: str) -> list[str]:
    return [root, *backend.path, sys.prefix, sys.base_prefix, PACKAGE_ROOT, str(Path.home())]


def _ending(answer: dict[str, Any]) -> str:
    """How a session's process ended, in words."""
    if answer["signal"] is not None:
        return f"was ended by {signal.Signals(answer['signal']).name}"
    if answer["exit"] is not None:
        return f"ended with exit status {answer['exit']}"
    return "closed its connection"
