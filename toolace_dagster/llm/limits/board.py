"""What the processes that ask one endpoint tell each other: a small file, read and written in place.

The file holds what is known of the endpoint, then a slot for each limiter. A slot is
written by its owner alone, without a lock; the few numbers about the endpoint are
written by anyone, and a write that another one overtakes costs one answer's growth or
one more cut. The lock is for taking a slot, and is waited for a second at most. Reading and
writing are system calls of about a microsecond: a mapped file would be faster, but
one that somebody truncates kills whoever looks at it.

Without a file, or with one that breaks, everything goes on for one process.

Belongs here: the file, who takes part, what each wants. Does not belong here: whether
a process lives (``alive``), what follows from it all (``limiter``, ``congestion``).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from toolace_dagster.llm.limits.alive import HERE, is_running

LAYOUT, GENERATION, WINDOW, CUT_AT, KNEE, HOLD_UNTIL, REQUESTS, REQUESTS_AT, TOKENS, TOKENS_AT, USED_AT = range(11)
"""What is known of the endpoint. Times are seconds since 1970, limits are per minute, 0 is unknown."""
OWNER, PID, PLACE, SEEN_AT, REQUEST_RATE, TOKEN_RATE, REQUEST_DEBT, TOKEN_DEBT = range(8)
"""What a limiter tells of itself; rates are those it wants."""

SLOTS = 64
_THIS_LAYOUT = 20261.0
_HEADER = 16
_CALLS_AT = 8 * _HEADER
_DETAILS = _HEADER + SLOTS
_SIZE = 8 * (_DETAILS + 8 * SLOTS)
_DEAD_AFTER = 5.0
_FORGOTTEN_AFTER = 300.0
_LOCK_TRIES = 50


class Board:
    """The numbers, in memory; shared with other processes when there is a file.

    Attributes:
        numbers: Header and details; read through the constants of this module.
        peers: Places of the other live limiters, as of the last look.
        place: Our own; -1 while we have none.
        inherited: Debts in requests and tokens that whoever had our place before left, and when; taken once.
        note: Why limits are not shared, or an empty text.
    """

    def __init__(self, path: Path | None, on_note: Callable[[str], None]) -> None:
        """Open the file.

        Args:
            path: The file, made when it is missing; None for one process alone.
            on_note: Told once when limits can't be shared.
        """
        self._bytes = memoryview(bytearray(_SIZE))
        self.numbers = self._bytes.cast("d")
        self._calls = self._bytes.cast("i")
        self._path = path
        self._on_note = on_note
        self._file: FileIO | None = None
        self._owner = 0.0
        self._pid = 0
        self._locked_out = 0
        self._own = self._bytes[:0]
        self._own_at = 0
        self._hot = [self._bytes[:_CALLS_AT]]
        self.place = -1
        self.peers: tuple[int, ...] = ()
        self.inherited: tuple[float, float, float] | None = None
        self.note = ""

    @property
    def joining(self) -> bool:
        """Whether we have no slot because somebody else is taking one; what we start meanwhile nobody counts."""
        return self.place < 0 and 0 < self._locked_out < _LOCK_TRIES

    @property
    def shared(self) -> bool:
        """Whether other processes may take part."""
        return self._path is not None

    def load(self) -> None:
        """Read what changes with each call: the header and all calls in flight."""
        if self._file is not None:
            try:
                short = os.preadv(self._file.fileno(), self._hot, 0) < len(self._hot[0])
            except OSError as error:
                self._alone(error)
            else:
                if short or self.numbers[LAYOUT] != _THIS_LAYOUT:
                    self._close()

    def set(self, field: int, value: float) -> None:
        """Write down one number about the endpoint."""
        self.numbers[field] = value
        self._write(8 * field, 8)

    def publish(self, in_flight: int, wanted: int) -> None:
        """Tell how many calls are in flight, and how many would be if all could start."""
        if self._file is not None and self.place >= 0:
            at = self._own_at // 4
            self._calls[at] = in_flight
            self._calls[at + 1] = wanted
            try:
                os.pwrite(self._file.fileno(), self._own, self._own_at)
            except OSError as error:
                self._alone(error)

    def in_flight_elsewhere(self) -> int:
        """Calls of the other live limiters."""
        calls = self._calls
        first = _CALLS_AT // 4
        return sum([max(0, calls[first + 2 * place]) for place in self.peers])

    def wanted(self, place: int) -> int:
        """Calls another limiter would have in flight if all could start."""
        return max(0, self._calls[_CALLS_AT // 4 + 2 * place + 1])

    def detail(self, place: int, field: int) -> float:
        """What a limiter told of itself."""
        return self.numbers[_DETAILS + 8 * place + field]

    def look(self, now: float, told: tuple[float, float, float, float]) -> None:
        """Read everything, say that we live, and see who else does.

        Args:
            now: Seconds since 1970.
            told: Rates we want and debts we have: requests a second, tokens a second, requests, tokens.
        """
        if self._path is None:
            return
        try:
            self._read_all(self._path)
            if self.place < 0 or self.detail(self.place, OWNER) != self._owner or self._pid != os.getpid():
                self._join(now, told)
            if self.place >= 0:
                self._tell(now, told)
                self.set(USED_AT, now)
            if self._file is not None:
                self._see_peers(now)
        except OSError as error:
            self._alone(error)

    def leave(self, now: float, told: tuple[float, float, float, float]) -> None:
        """Give the slot back; what is known of the endpoint stays for who comes next."""
        if self._file is not None and self.place >= 0 and self._pid == os.getpid():
            self.publish(0, 0)
            self._tell(now, told)
            self.numbers[_DETAILS + 8 * self.place + OWNER] = 0.0
            self._write(8 * (_DETAILS + 8 * self.place), 8)
        self._close()

    def _read_all(self, path: Path) -> None:
        if self._file is not None:
            try:
                here = path.stat()
            except FileNotFoundError:
                self._close()
            else:
                ours = os.fstat(self._file.fileno())
                if (here.st_ino, here.st_dev) != (ours.st_ino, ours.st_dev):
                    self._close()
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._file = FileIO(handle, "r+")
        if os.preadv(self._file.fileno(), [self._bytes], 0) < _SIZE or self.numbers[LAYOUT] != _THIS_LAYOUT:
            self._bytes[:] = bytes(_SIZE)
            self.place = -1

    def _join(self, now: float, told: tuple[float, float, float, float]) -> None:
        """Take a slot, when the lock is free; else at the next look."""
        assert self._file is not None
        handle = self._file.fileno()
        self.place = -1
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._locked_out += 1
            if self._locked_out == _LOCK_TRIES:
                self._say("another program holds its lock")
            return
        try:
            if os.preadv(handle, [self._bytes], 0) < _SIZE or self.numbers[LAYOUT] != _THIS_LAYOUT:
                self._bytes[:] = bytes(_SIZE)
                self.numbers[LAYOUT] = _THIS_LAYOUT
                if os.pwrite(handle, self._bytes, 0) < _SIZE:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            living = [place for place in range(SLOTS) if self._lives(place, now)]
            if not living and not 0 <= now - self.numbers[USED_AT] < _FORGOTTEN_AFTER:
                self._bytes[8 * WINDOW : 8 * USED_AT] = bytes(8 * (USED_AT - WINDOW))
                self._write(8 * WINDOW, 8 * (USED_AT - WINDOW))
            self._locked_out = 0
            self._take(next((place for place in range(SLOTS) if place not in living), -1), now, told)
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)

    def _take(self, place: int, now: float, told: tuple[float, float, float, float]) -> None:
        if place < 0:
            self._say(f"{SLOTS} others share them")
            return
        self.place = place
        self._owner = float(1 + secrets.randbits(50))
        self._pid = os.getpid()
        self._own_at = _CALLS_AT + 8 * place
        self._own = self._bytes[self._own_at : self._own_at + 8]
        self.inherited = (self.detail(place, REQUEST_DEBT), self.detail(place, TOKEN_DEBT), self.detail(place, SEEN_AT))
        # In this order: who sees the new generation looks once, and has to find us; who gets the lock next, too.
        self.publish(0, 0)
        self._tell(now, told)
        self.set(GENERATION, self.numbers[GENERATION] + 1)

    def _tell(self, now: float, told: tuple[float, float, float, float]) -> None:
        at = _DETAILS + 8 * self.place
        for field, value in enumerate((self._owner, float(self._pid), HERE, now, *told)):
            self.numbers[at + field] = value
        self._write(8 * at, 64)

    def _see_peers(self, now: float) -> None:
        peers = tuple(place for place in range(SLOTS) if place != self.place and self._lives(place, now))
        if peers != self.peers:
            last = max((*peers, self.place)) + 1
            self._hot = [self._bytes[: _CALLS_AT + 8 * last]]
            self.peers = peers

    def _lives(self, place: int, now: float) -> bool:
        if not self.detail(place, OWNER) or not abs(now - self.detail(place, SEEN_AT)) < _DEAD_AFTER:
            return False
        return is_running(self.detail(place, PID), self.detail(place, PLACE))

    def _write(self, at: int, size: int) -> None:
        if self._file is not None:
            try:
                os.pwrite(self._file.fileno(), self._bytes[at : at + size], at)
            except OSError as error:
                self._alone(error)

    def _close(self) -> None:
        """Until the next look; it opens or repairs the file."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self.place = -1
        self.peers = ()

    def _alone(self, error: OSError) -> None:
        self._close()
        path, self._path = self._path, None
        self._say(error.strerror or str(error), path)

    def _say(self, reason: str, path: Path | None = None) -> None:
        if not self.note:
            self.note = (
                f"The limits of the endpoint are not shared with other processes: {path or self._path}: {reason}. "
                "Each process keeps to them on its own; run one domain at a time, or mend the file."
            )
            self._on_note(self.note)


def file_name(name: str) -> str:
    """A name that any file system takes, and that is the same for the same endpoint only."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)[:40]}-{digest}.limits"
