"""What a run spent so far, shared between its processes.

The domains of a run are separate processes, so the amounts are in a small file: one
slot for each process, which that process alone writes, all under one lock. A process
that was killed leaves what it spent in its slot; calls that it had in flight count no
more once it is gone.

Belongs here: adding up over processes. Does not belong here: limits (``budget``).
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from toolace_dagster.llm.money.bill import counted

_SLOT = struct.Struct("<qqqqdqdqd")
_OLD = 14 * 24 * 3600.0
_LOOK_FOR_DEAD = 1.0


@dataclass(frozen=True)
class Spent:
    """What was spent.

    Attributes:
        calls: Calls answered.
        in_flight: Calls under way.
        tokens: Of prompts and replies.
        cost: Dollars.
        pledged_tokens: What calls under way may use at most, of those of which that is reckoned.
        pledged_cost: What they may cost at most, in dollars.
        unpriced: Calls answered without a known price.
        guessed: Dollars counted for these against the limits; no part of what is told.
    """

    calls: int = 0
    in_flight: int = 0
    tokens: int = 0
    cost: float = 0.0
    pledged_tokens: int = 0
    pledged_cost: float = 0.0
    unpriced: int = 0
    guessed: float = 0.0

    @property
    def words(self) -> str:
        """The amounts in words."""
        known = f"${self.cost - self.guessed:,.4f}"
        if self.unpriced:
            known = f"{known} and {counted(self.unpriced, 'call')} of unknown price"
        cost = "cost unknown" if self.unpriced and self.unpriced == self.calls else known
        return f"{counted(self.calls, 'call')}, {counted(self.tokens, 'token')}, {cost}"


class Ledger:
    """Amounts of one run; without a file they are those of this process."""

    def __init__(self, path: Path | None = None) -> None:
        """Name the file; it is made when something is first spent.

        Args:
            path: The file that the run's processes share.
        """
        self._path = path
        self._lock = threading.Lock()
        self._file = -1
        self._pid = 0
        self._place = 0
        self._mine = Spent()
        self._dead: set[int] = set()
        self._looked = 0.0

    def read(self) -> Spent:
        """What all processes spent so far."""
        if self._path is None:
            return self._mine
        if self._file < 0 or self._pid != os.getpid():
            if not self._path.exists():
                return Spent()
            with self.changing() as spent:
                return spent
        return self._total()

    @contextmanager
    def changing(self) -> Generator[Spent]:
        """Keep other processes from changing anything; gives what was spent so far."""
        with self._lock:
            if self._path is None:
                yield self._mine
                return
            self._open(self._path)
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                if not self._place:
                    self._take_slot()
                yield self._total()
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def add(self, more: Spent) -> None:
        """Add to this process's amounts, or take away where they are negative; only inside :meth:`changing`."""
        mine = self._mine
        self._mine = Spent(
            mine.calls + more.calls,
            mine.in_flight + more.in_flight,
            mine.tokens + more.tokens,
            mine.cost + more.cost,
            mine.pledged_tokens + more.pledged_tokens,
            mine.pledged_cost + more.pledged_cost,
            mine.unpriced + more.unpriced,
            mine.guessed + more.guessed,
        )
        if self._path is not None:
            self._write()

    def forget(self) -> None:
        """Remove the file."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _open(self, path: Path) -> None:
        """Open the file in this process: a forked child must not write into its parent's slot, or share its lock."""
        if self._file >= 0 and self._pid == os.getpid():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._pid, self._place, self._mine = os.getpid(), 0, Spent()
        _forget_old(path)

    def _take_slot(self) -> None:
        size = os.fstat(self._file).st_size
        # A slot that was torn by a full disk is written over.
        self._place = size // _SLOT.size + 1
        self._write()

    def _write(self) -> None:
        mine = self._mine
        slot = _SLOT.pack(self._pid, *astuple(mine))
        os.pwrite(self._file, slot, (self._place - 1) * _SLOT.size)

    def _total(self) -> Spent:
        size = os.fstat(self._file).st_size // _SLOT.size * _SLOT.size
        slots = list(_SLOT.iter_unpack(os.pread(self._file, size, 0)))
        self._look_for_dead(slot[0] for slot in slots)
        alive = [slot for slot in slots if slot[0] not in self._dead]
        return Spent(
            calls=sum(slot[1] for slot in slots),
            in_flight=sum(slot[2] for slot in alive),
            tokens=sum(slot[3] for slot in slots),
            cost=sum(slot[4] for slot in slots),
            pledged_tokens=sum(slot[5] for slot in alive),
            pledged_cost=sum(slot[6] for slot in alive),
            unpriced=sum(slot[7] for slot in slots),
            guessed=sum(slot[8] for slot in slots),
        )

    def _look_for_dead(self, pids: Generator[int]) -> None:
        now = time.monotonic()
        if now - self._looked > _LOOK_FOR_DEAD:
            self._looked = now
            self._dead = {pid for pid in pids if not _is_alive(pid)}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _forget_old(path: Path) -> None:
    """Ledgers of runs long past; one that is in use was written to a moment ago."""
    for old in path.parent.glob(f"*{path.suffix}"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _OLD:
                old.unlink()
