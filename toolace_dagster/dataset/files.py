"""Files that appear whole or not at all.

Belongs here: temporary names, fsync, replacing, checksums. Does not belong here:
what is in the files.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from toolace_dagster.dataset.rows import Split
from toolace_dagster.entities import Entity


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

    @staticmethod
    def _name(final: Path) -> Path:
        final.parent.mkdir(parents=True, exist_ok=True)
        # Hidden, so that loaders which glob a folder skip what a kill may leave; unique, so that two runs don't mix.
        return final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
