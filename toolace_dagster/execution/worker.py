"""The worker process: starting it with a clean environment, telling it what to do, ending it.

Belongs here: the process and its control socket. Does not belong here: what is
run in it (``python_backend``), or its own side (``zygote``).
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution import frames
from toolace_dagster.execution.clearing import remove_tree

_BOOT = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path.insert(0, given['package']); "
    "from toolace_dagster.execution.zygote import main; "
    "sys.path.remove(given['package']); main(given['fd'], bytes.fromhex(given['nonce']))"
)
PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
_CONTROL_SECONDS = 20.0


class WorkerLost(Exception):
    """The worker is gone or silent."""


class WorkerProcess:
    """The worker process and the socket it is told by.

    Attributes:
        root: Folder that holds the sessions' folders.
    """

    def __init__(self, backend: PythonBackend) -> None:
        self.root = tempfile.mkdtemp(prefix="toolace-tools-")
        self._lock = asyncio.Lock()
        self._nonce = secrets.token_bytes(frames.NONCE_BYTES)
        self._control, theirs = socket.socketpair()
        given = {"package": PACKAGE_ROOT, "fd": theirs.fileno(), "nonce": self._nonce.hex()}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-s", "-P", "-B", "-c", _BOOT, json.dumps(given)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(backend.environment, self.root),
                cwd=self.root,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    async def ask(
        self, message: dict[str, Any], *, fds: Sequence[int] = (), seconds: float = _CONTROL_SECONDS
    ) -> dict[str, Any]:
        """Send one message and wait for its answer.

        Raises:
            WorkerLost: If there is none.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(seconds):
                    self._control.setblocking(True)
                    frames.send(self._control, self._nonce, message, list(fds))
                    self._control.setblocking(False)
                    return await frames.receive_async(self._control, self._nonce, 1 << 20)
            except (EOFError, OSError, TimeoutError, frames.BadFrame):
                raise WorkerLost from None
            except asyncio.CancelledError:
                # Its answer would be taken for the next one's.
                self._control.close()
                raise

    def stop(self) -> None:
        """End the worker and all its sessions, and clear up."""
        self._control.close()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except OSError:
            self._process.kill()
        self._process.wait()
        remove_tree(self.root)


def _environment(names: Sequence[str], home: str) -> dict[str, str]:
    """The whole environment of a worker: nothing is inherited but what is named."""
    given = {name: os.environ[name] for name in (*names, "TZ") if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "HOME": home, "TMPDIR": home} | given
