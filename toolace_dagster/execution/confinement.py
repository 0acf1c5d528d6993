"""What keeps the code of tools in bounds, layer by layer, each where the system has it.

Belongs here: which layers there are and what they allow a session. Does not
belong here: the system calls (``landlock``, ``seccomp``). Standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import site
import struct
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from typing import Any

from toolace_dagster.execution import landlock, seccomp

_MIB = 1 << 20
_FILE_BYTES = 16 * _MIB
_OPEN_FILES = 64
_PARENT_DEATH = 1
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/mime.types",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
)
_NETWORK = ("/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/host.conf", "/etc/ssl", "/etc/pki")


def readable_paths(more: Iterable[str], *, network: bool) -> list[str]:
    """What code may read: the interpreter and its packages, the system's libraries, and what is named.

    Not among them: home folders, ``/etc`` as a whole, other processes. Folders that editable installs put on
    Python's path are.
    """
    scheme = sysconfig.get_paths()
    own = [sys.prefix, sys.base_prefix, sys.exec_prefix, *scheme.values(), *site.getsitepackages(), *sys.path]
    return [path for path in dict.fromkeys([*_SYSTEM, *(_NETWORK if network else ()), *own, *more]) if path]


def confine_worker(readable: Sequence[str], writable: Sequence[str], *, network: bool) -> dict[str, Any]:
    """Confine the process that imports the tools' code and forks a session for each dialogue.

    Returns:
        What is in force: ``landlock`` (version, 0 for none) and ``seccomp``.
    """
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    version = landlock.restrict([*readable, f"/proc/{os.getpid()}"], [*writable, "/dev/null"], network=network)
    return {"landlock": version, "seccomp": seccomp.restrict_worker(network=network)}


def confine_session(folder: str, *, memory_mb: int, seconds: float, network: bool, processes: bool) -> None:
    """Confine a session to its folder and limits; called in the forked process before any code of the dialogue."""
    die_with_parent()
    _limit(resource.RLIMIT_CPU, int(seconds) + 2)
    _limit(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if sys.platform.startswith("linux"):
        _limit(resource.RLIMIT_AS, _taken() + memory_mb * _MIB)
    _drop_capabilities()
    version = landlock.restrict(["/"], [folder, "/dev/null"], network=network)
    filtered = seccomp.restrict(network=network, processes=processes)
    if not version or not filtered:
        audit(folder, network=network, processes=processes)
    if not filtered and not processes:
        _limit(resource.RLIMIT_NPROC, 0)


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, 9, 0, 0, 0)


def _drop_capabilities() -> None:
    """Give up what only root may do, when run as root."""
    number = {"x86_64": 126, "aarch64": 91}.get(platform.machine())
    if sys.platform.startswith("linux") and number is not None and os.geteuid() == 0:
        header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
        nothing = ctypes.create_string_buffer(24)
        ctypes.CDLL(None).syscall(ctypes.c_long(number), header, nothing)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (bound, bound))


def _taken() -> int:
    """Address space this process has now."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 256 * _MIB


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    "os.remove os.rename os.rmdir os.mkdir os.link os.symlink os.truncate os.chmod os.chown os.utime os.setxattr "
    "shutil.rmtree shutil.move".split()
)
_STARTS = ("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen", "os.kill")


def audit(folder: str, *, network: bool, processes: bool) -> None:
    """The stand-in where the kernel can't help: Python itself refuses. It stops mistakes, not malice."""
    inside = os.path.realpath(folder)

    def refuse(what: str) -> None:
        raise PermissionError(errno.EPERM, f"tools may not use {what}")

    def outside(path: Any) -> bool:
        if isinstance(path, int):
            return False
        found = os.path.realpath(os.fsdecode(path))
        return found != os.devnull and found != inside and not found.startswith(inside + os.sep)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING and outside(path):
                refuse("files outside their folder for writing")
        elif event in _CHANGES:
            paths = [part for part in arguments[:2] if isinstance(part, (str, bytes))]
            if any(outside(path) for path in paths):
                refuse(f"{event} outside their folder")
        elif event in _STARTS and not processes:
            refuse(event)
        elif event in ("socket.connect", "socket.bind") and not network:
            refuse("the network")

    sys.addaudithook(hook)
