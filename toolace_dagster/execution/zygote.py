"""The process that imports the code of tools once and forks a session for each dialogue.

It is started with an empty environment, talks over one socket, and obeys three
messages: ``load``, ``start`` (a session; its socket comes along) and ``end``.

Belongs here: this loop. Does not belong here: what a session does (``session``).
Standard library only, so that a fork is small and quick.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
from typing import Any

from toolace_dagster.execution import frames
from toolace_dagster.execution.confinement import confine_worker, readable_paths
from toolace_dagster.execution.plain import error_text
from toolace_dagster.execution.session import serve, tool_of


def main(descriptor: int, nonce: bytes) -> None:
    """Serve one pipeline process until it goes away.

    Args:
        descriptor: The inherited control socket.
        nonce: What marks its messages.
    """
    control = socket.socket(fileno=descriptor)
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = _Worker()
    while True:
        try:
            asked, fds = frames.receive(control, nonce)
        except EOFError:
            return
        if asked["do"] == "load":
            answer = worker.load(asked)
        elif asked["do"] == "start":
            answer = worker.start(asked, fds, control)
        else:
            answer = worker.end(asked)
        frames.send(control, nonce, answer)


class _Worker:
    def __init__(self) -> None:
        self.holder: Any = None

    def load(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Confine this process, then import the code; which of the tools are missing."""
        sys.path[:0] = asked["path"]
        readable = readable_paths([*asked["path"], *asked["read"]], network=asked["network"])
        try:
            in_force = confine_worker(readable, [asked["root"]], network=asked["network"])
            module, _, name = asked["target"].partition(":")
            holder = importlib.import_module(module)
            self.holder = getattr(holder, name) if name else holder
        except BaseException as raised:
            return {"error": f"{type(raised).__name__}: {error_text(raised, asked['hidden'])}"}
        missing = [name for name in asked["names"] if tool_of(self.holder, name) is None]
        gc.collect()
        gc.freeze()
        return {"missing": missing, "in_force": in_force}

    def start(self, asked: dict[str, Any], fds: list[int], control: socket.socket) -> dict[str, Any]:
        """Fork a session; the process id."""
        sock = socket.socket(fileno=fds[0])
        pid = os.fork()
        if pid:
            sock.close()
            return {"pid": pid}
        status = 1
        try:
            os.setsid()
            control.close()
            serve(sock, self.holder, asked)
            status = 0
        finally:
            # Never back into the loop of the process it was forked from.
            os._exit(status)

    def end(self, asked: dict[str, Any]) -> dict[str, Any]:
        """End a session and all it started; how it had ended by itself, if it had."""
        pid = asked["pid"]
        done, status = os.waitpid(pid, os.WNOHANG)
        for kill in (os.killpg, os.kill):
            try:
                kill(pid, signal.SIGKILL)
            except OSError:
                continue
        if not done:
            os.waitpid(pid, 0)
            return {"signal": None, "exit": None}
        if os.WIFSIGNALED(status):
            return {"signal": os.WTERMSIG(status), "exit": None}
        return {"signal": None, "exit": os.WEXITSTATUS(status)}
