"""Who has a journal: one run, or for a while a command that looks after the home.

Belongs here: taking the journal, and saying who has it. Does not belong here: what stands in it (``file``), or waiting
for it (``calls``).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import IO


class JournalInUse(RuntimeError):
    """Another process is making calls for the same domain."""


class UpkeepAtWork(JournalInUse):
    """A command that looks after the home has the journal; it makes no calls and lets go before long."""


class Hold:
    """A journal that nobody else can take.

    A command of upkeep holds a file beside the journal too, so that a run knows whom it has met: another run may take
    hours, upkeep is worth waiting for.

    Attributes:
        file: The journal, open to be read and appended to.
    """

    def __init__(self, path: Path, upkeep: str | None = None) -> None:
        """Take it.

        Args:
            path: The journal; made if it is not there.
            upkeep: The command of upkeep that takes it; None for a run.

        Raises:
            JournalInUse: If another process has it.
        """
        mark_path = _mark_of(path)
        with ExitStack() as taken:
            try:
                if upkeep is not None:
                    # The mark is taken first and let go of last, or a run would take upkeep for another run.
                    mark = taken.enter_context(_locked(mark_path))
                    taken.callback(mark_path.unlink, missing_ok=True)
                    mark.truncate(0)
                    mark.write(upkeep.encode())
                self.file = taken.enter_context(_taken(path))
            except BlockingIOError as error:
                taken.close()
                raise _in_use(path) from error
            self._taken = taken.pop_all()

    def close(self) -> None:
        """Let go."""
        self._taken.close()


def _taken(path: Path) -> IO[bytes]:
    try:
        return _locked(path)
    except BlockingIOError:
        if _upkeep(path) is not None:
            raise
    # Upkeep may have let go of both files since the journal was tried.
    return _locked(path)


def _in_use(path: Path) -> JournalInUse:
    upkeep = _upkeep(path)
    if upkeep is None:
        return JournalInUse(
            f"Another run is making calls for this domain (it holds {path.name}). Wait until it has ended, or stop it."
        )
    return UpkeepAtWork(
        f"{upkeep} is at work on this domain (it holds {path.name}). Nothing is lost: the same command goes on once "
        "that has ended."
    )


def _upkeep(path: Path) -> str | None:
    """The command of upkeep that has a journal, if it is one."""
    try:
        with _mark_of(path).open("rb") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return f"`{mark.read().decode() or 'toolace gc'}`"
    except FileNotFoundError:
        pass
    # There is none, or it is what a kill left.
    return None


def _mark_of(path: Path) -> Path:
    return path.with_suffix(".upkeep")


def _locked(path: Path) -> IO[bytes]:
    """Open a file, or make it, and lock it.

    Raises:
        BlockingIOError: If another process has it.
    """
    while True:
        file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_in_place(file, path):
                return file
        except BaseException:
            file.close()
            raise
        # Whoever had the lock removed the file; lines written into it now would be lost.
        file.close()


def _is_in_place(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
