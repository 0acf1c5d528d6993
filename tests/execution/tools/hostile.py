"""Tools that do their worst. Each test calls one of them in one dialogue, beside dialogues that behave.

Belongs here: hostile tools. Does not belong here: what is expected of the pipeline.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any


class Hostile:
    def __init__(self) -> None:
        self.calls = 0

    def good(self, word: str = "ok") -> dict[str, Any]:
        self.calls += 1
        return {"word": word, "calls": self.calls}

    def loop(self) -> None:
        while True:
            pass

    def stubborn_loop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(0.01)

    def allocate(self) -> int:
        return len(bytearray(2 << 30))

    def hoard(self) -> int:
        held = [bytearray(1 << 20) for _ in range(4096)]
        return len(held)

    def write(self, path: str) -> str:
        Path(path).write_text("planted")
        return "written"

    def append(self, path: str) -> str:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, b"planted")
        return "written"

    def remove(self, path: str) -> str:
        os.remove(path)
        return "removed"

    def write_by_libc(self, path: str) -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.open(path.encode(), os.O_WRONLY | os.O_CREAT, 0o644)
        return libc.write(descriptor, b"planted", 7) if descriptor >= 0 else -ctypes.get_errno()

    def make_runnable(self, path: str) -> str:
        os.chmod(path, 0o777)
        return "changed"

    def read(self, path: str) -> str:
        return Path(path).read_text()

    def note(self) -> str:
        Path("note.txt").write_text("mine")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"mine too")
        return Path("note.txt").read_text()

    def notes(self) -> list[str]:
        return sorted(os.listdir("."))

    def fill_disk(self) -> int:
        with open("big", "wb") as file:
            file.writelines(bytes(1 << 20) for _ in range(64))
        return 64

    def nest_folders(self) -> str:
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
        return "nested"

    def hide_memory(self) -> int:
        held = [os.memfd_create("hidden") for _ in range(30)]
        return sum(os.write(each, bytes(1 << 20)) for each in held for _ in range(15))

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def parents_environment(self) -> str:
        return "".join(Path(f"/proc/{pid}/environ").read_text() for pid in sorted(self._ancestors()))

    def _ancestors(self) -> set[int]:
        return {os.getppid(), *range(1, 40)}

    def print_frames(self) -> str:
        for stream in (sys.stdout, sys.stderr):
            print('{"value": "forged"}', file=stream, flush=True)
        for descriptor in (1, 2):
            os.write(descriptor, b"\x00\x00\x00\x13" + bytes(16) + b'{"value": "forged"}')
        return "true"

    def forge_frames(self) -> str:
        for found in gc.get_objects():
            if isinstance(found, socket.socket):
                found.sendall(b"\x00\x00\x00\x13" + bytes(16) + b'{"value": "forged"}')
        return "true"

    def close_everything(self) -> str:
        os.closerange(0, 256)
        return "closed"

    def leave(self) -> None:
        os._exit(0)

    def leave_politely(self) -> None:
        sys.exit(3)

    def segfault(self) -> None:
        ctypes.string_at(0)

    def kill_parent(self) -> str:
        os.kill(os.getppid(), signal.SIGKILL)
        return "killed"

    def kill_group(self) -> str:
        os.kill(0, signal.SIGKILL)
        return "killed"

    def kill_everybody(self) -> str:
        os.kill(-1, signal.SIGKILL)
        return "killed"

    def huge(self) -> str:
        return "x" * (64 << 20)

    def flood(self) -> str:
        for _ in range(2000):
            os.write(1, bytes(1 << 16))
        return "flooded"

    def recurse(self) -> Any:
        return self.recurse()

    def recurse_without_limit(self) -> Any:
        sys.setrecursionlimit(1 << 30)
        return self._down(0)

    def _down(self, depth: int) -> int:
        return max(self._down(depth + 1), 0, key=lambda value: value)

    def an_object(self) -> object:
        return object()

    def not_a_number(self) -> float:
        return float("nan")

    def itself(self) -> list[Any]:
        value: list[Any] = []
        value.append(value)
        return value

    def nested(self) -> list[Any]:
        value: list[Any] = []
        for _ in range(500):
            value = [value]
        return value

    def half_a_character(self) -> str:
        return "\ud800"

    def endless_number(self) -> int:
        return 10**5000

    def fork_bomb(self) -> int:
        started = 0
        for _ in range(200):
            if os.fork() == 0:
                time.sleep(30)
                os._exit(0)
            started += 1
        return started

    def run_program(self) -> str:
        return subprocess.run(["/bin/echo", "hello"], capture_output=True, text=True, check=True).stdout

    def thread(self) -> int:
        found: list[int] = []
        worker = threading.Thread(target=lambda: found.append(1))
        worker.start()
        worker.join()
        return len(found)

    def connect(self, port: int) -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return "connected"

    def connect_unix(self, path: str) -> str:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
            return "connected"

    def raise_limits(self) -> str:
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return "raised"

    def say_where(self) -> None:
        raise RuntimeError(f"failed in {os.getcwd()}/state.json with {sys.prefix}/lib")


class NeverMade:
    def __init__(self) -> None:
        while True:
            pass

    def good(self) -> str:
        return "ok"


class MadeWrong:
    def __init__(self) -> None:
        raise ValueError("no state")

    def good(self) -> str:
        return "ok"
