"""The journal's file: one JSON line a record, appended as a whole or not at all.

A file begins with an id. A fold stores it in the transaction that stores the
lines, so one that was killed between commit and truncation is not done again.

Belongs here: bytes and syncs. Does not belong here: who has the file (``hold``), what lines
mean, or when they are written (``calls``).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic_core import to_json

from toolace_dagster.entities import canonical_json
from toolace_dagster.llm.journal.hold import Hold

_BEGIN = re.compile(rb'\["(\w+)",(?=\{)')


class JournalBroken(RuntimeError):
    """Responses can no longer be kept, so no more may be paid for. The message names the mend."""


class JournalFile:
    """An open journal file that no other process can open."""

    def __init__(self, path: Path, upkeep: str | None = None) -> None:
        """Open it, or make it.

        Args:
            path: The file.
            upkeep: The command that looks after the home, where one opens it: a run waits for that to end.

        Raises:
            JournalInUse: If another process has it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._pid = os.getpid()
        self._hold = Hold(path, upkeep)
        self._file = self._hold.file
        try:
            _sync_folder(path.parent)
        except BaseException:
            self._hold.close()
            raise

    @property
    def is_ours(self) -> bool:
        """Whether this process opened it: a forked child shares file and lock with its parent, who owns the lines."""
        return self._pid == os.getpid()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self.fileno()).st_size

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._file.fileno()

    def append(self, lines: Sequence[bytes]) -> list[int]:
        """Append lines and sync them, as a whole or not at all: half a line would spoil the next one too.

        Returns:
            Where each line begins.

        Raises:
            OSError: If the disk does not take them.
        """
        size = self.size
        head = b"" if size else line("journal", {"id": uuid4().hex})
        rest = memoryview(b"".join((head, *lines)))
        try:
            while rest:
                rest = rest[os.write(self.fileno(), rest) :]
            os.fsync(self.fileno())
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self.fileno(), size)
            raise
        begins = size + len(head)
        places: list[int] = []
        for written in lines:
            places.append(begins)
            begins += len(written)
        return places

    def record_at(self, place: int) -> dict[str, Any]:
        """Read back the record of a line that was appended."""
        with self._path.open("rb") as file:
            file.seek(place)
            return json.loads(file.readline())[1]

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All whole lines; a torn one is what a kill left of a response that nobody has used."""
        with self._path.open("rb") as file:
            for written in file:
                parsed = _parsed(written)
                if parsed is not None:
                    yield parsed

    def texts(self) -> Iterator[tuple[str, str]]:
        """The same as they are written: kind and JSON text of each record.

        Parsing takes longer than moving them, so only a line that may be torn is parsed: one that is cut off, or holds
        zeros where a power cut came before the content.
        """
        with self._path.open("rb") as file:
            for written in file:
                begin = _BEGIN.match(written)
                if begin and written.endswith(b"}]\n") and b"\0" not in written:
                    yield begin[1].decode(), written[begin.end() : -2].decode()
                elif (parsed := _parsed(written)) is not None:
                    yield parsed[0], canonical_json(parsed[1])

    def empty(self) -> None:
        """Drop all lines."""
        self._file.truncate(0)
        os.fsync(self.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._hold.close()


def line(kind: str, record: Any) -> bytes:
    """A record as a line of the file.

    Args:
        kind: What it is.
        record: An entity, a dataclass, or JSON values.
    """
    return b'["%s",%s]\n' % (kind.encode(), to_json(record))


def _parsed(written: bytes) -> tuple[str, dict[str, Any]] | None:
    """Kind and record of a line; None for a torn one."""
    try:
        kind, row = json.loads(written)
    except (ValueError, TypeError):
        return None
    return kind, row


def _sync_folder(path: Path) -> None:
    """Make sure that a file that was just made is found again after a power cut."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
