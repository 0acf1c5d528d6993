"""Files that appear whole or not at all.

Belongs here: temporary names, fsync, replacing, checksums. Does not belong here:
what is in the files.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolace_dagster.dataset.rows import Split
from toolace_dagster.entities import Entity

_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())
_READ_AT_ONCE = 1 << 20
_TEMPORARY = re.compile(r"\..+\.(?:(?P<host>[A-Za-z0-9-]+)@)?(?P<pid>[0-9]+)-[0-9a-f]{8}\.tmp")


class FileReport(Entity):
    """One file of an export.

    Attributes:
        path: Relative to the export's folder, with ``/``.
        split: The split it holds; None for a file that holds none, such as the card.
        rows: Rows read back from it.
        bytes: Its size.
        sha256: Its checksum.
    """

    path: str
    split: Split | None = None
    rows: int = 0
    bytes: int
    sha256: str


class Replacement:
    """Files being written under temporary names beside the ones they will replace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pending: dict[Path, Path] = {}
        self._tidied: set[Path] = set()
        self._scratch: list[Path] = []

    def file(self, relative: str) -> Path:
        """A temporary file to write; it takes the place of ``relative`` when all is done."""
        final = self.folder / relative
        self._pending[final] = temporary = self._name(final)
        return temporary

    def scratch(self, relative: str) -> Path:
        """A temporary file that is thrown away when all is done."""
        path = self._name(self.folder / relative)
        self._scratch.append(path)
        return path

    def report(self, relative: str, *, split: Split | None = None, rows: int = 0) -> FileReport:
        """Size and checksum of a file as it is now, under its temporary name."""
        path = self._pending[self.folder / relative]
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileReport(path=relative, split=split, rows=rows, bytes=path.stat().st_size, sha256=digest)

    def report_lines(self, relative: str, *, split: Split) -> FileReport:
        """The same of a file of lines, with their number as rows; the file is read once."""
        path = self._pending[self.folder / relative]
        digest, rows, size = hashlib.sha256(), 0, 0
        with path.open("rb") as stream:
            while part := stream.read(_READ_AT_ONCE):
                digest.update(part)
                rows += part.count(b"\n")
                size += len(part)
        return FileReport(path=relative, split=split, rows=rows, bytes=size, sha256=digest.hexdigest())

    def commit(self) -> None:
        """Put all files in place: first make each durable, then rename one after the other."""
        for temporary in self._pending.values():
            _sync(temporary)
        for final, temporary in self._pending.items():
            os.replace(temporary, final)
        for folder in sorted({final.parent for final in self._pending}):
            _sync(folder)
        self._pending.clear()

    def discard(self) -> None:
        """Remove whatever still has a temporary name."""
        for path in (*self._pending.values(), *self._scratch):
            path.unlink(missing_ok=True)

    def _name(self, final: Path) -> Path:
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.parent not in self._tidied:
            self._tidied.add(final.parent)
            remove_all(abandoned(final.parent.iterdir()))
        # Hidden, so that loaders which glob a folder skip what a kill may leave; unique, so that two runs don't mix;
        # and it says whose it is, so that the next run can tell.
        return final.with_name(f".{final.name}.{_HOST}@{os.getpid()}-{secrets.token_hex(4)}.tmp")


def abandoned(paths: Iterable[Path]) -> Iterator[Path]:
    """The temporary files among some whose process is gone: a kill left them.

    A file of another machine is left alone, as nobody here can tell.
    """
    for path in paths:
        found = _TEMPORARY.fullmatch(path.name)
        if found and found["host"] in (None, _HOST) and not _is_alive(int(found["pid"])) and path.is_file():
            yield path


def remove_all(paths: Iterable[Path]) -> None:
    """Remove files; one that is gone already is no fault."""
    for path in paths:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(folder: Path) -> Generator[Replacement]:
    """Write several files that all take their places at the end, or none on an exception.

    Args:
        folder: Folder the files are under; made when missing.
    """
    replacement = Replacement(folder)
    try:
        yield replacement
        replacement.commit()
    finally:
        replacement.discard()


def write_text(path: Path, text: str) -> FileReport:
    """Write a small text file whole or not at all; line ends are written as they stand.

    Args:
        path: The file.
        text: Its content.
    """
    with replacing(path.parent) as files:
        files.file(path.name).write_bytes(text.encode())
        return files.report(path.name)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
