"""Whether a process runs.

Belongs here: asking the system. Does not belong here: processes that run and do
nothing (``board``), or what a process that has gone leaves undone.
"""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_STATE, _STARTED = 0, 19
"""Places of a process's state and start in ``/proc/PID/stat``, counted from behind its name."""


@dataclass(frozen=True)
class ProcessMark:
    """What tells a process from every other one, also from a later one with its id.

    Attributes:
        host: Name of its machine or container, for people.
        pid: Its id.
        started: When it started, in ticks since the machine did; empty where the system does not say.
        boot: Id of that start of the machine; empty where the system does not say.
        place: Where the id means something.
    """

    host: str
    pid: int
    started: str
    boot: str
    place: str

    @classmethod
    def of(cls, pid: int) -> ProcessMark:
        """The mark of a process that runs here.

        Args:
            pid: Its id.
        """
        stat = _stat(pid)
        return cls(socket.gethostname(), pid, stat[_STARTED] if stat else "", _boot(), f"{HERE:.0f}")

    @classmethod
    def parse(cls, text: str) -> ProcessMark | None:
        """Read a mark back; None when the text is none."""
        parts = text.split("/")
        if len(parts) != 5 or not parts[1].isdecimal():
            return None
        host, pid, started, boot, place = parts
        return cls(host, int(pid), started, boot, place)

    def __str__(self) -> str:
        """As text, for a file or a tag."""
        return "/".join((self.host, str(self.pid), self.started, self.boot, self.place))

    def has_gone(self) -> bool:
        """Whether the process has provably ended; never where it belongs to another place."""
        if self.place != f"{HERE:.0f}":
            return False
        if self.boot and _boot() and self.boot != _boot():
            return True
        stat = _stat(self.pid)
        if stat is None:
            return not is_running(self.pid, HERE)
        # One that waits for its parent to take note of its end has ended.
        return stat[_STATE] in "ZX" or bool(self.started and stat[_STARTED] != self.started)


def is_running(pid: float, place: float) -> bool:
    """Whether a process runs, or may for all we know.

    Args:
        pid: Its id, as it came out of a file.
        place: Where the id means something; only of our own place do we know.
    """
    if place != HERE:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError, ValueError):
        return True
    return True


def _this_place() -> float:
    """A number for this machine, or container: where our process ids mean something."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        space = 0
    digest = hashlib.sha256(f"{socket.gethostname()}/{_content('/etc/machine-id')}/{space}".encode()).digest()
    return float(int.from_bytes(digest[:6], "big"))


def _boot() -> str:
    return _content("/proc/sys/kernel/random/boot_id")


def _stat(pid: int) -> list[str] | None:
    # The name is in brackets and may hold any character.
    fields = _content(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields if len(fields) > _STARTED else None


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


HERE = _this_place()
