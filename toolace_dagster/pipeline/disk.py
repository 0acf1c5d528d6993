"""What the disk says when it takes no more: the same thing in the words of four libraries.

Belongs here: telling such a fault from others. Does not belong here: retrying, or printing it (``cli``).
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Generator

import duckdb

_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_SIGNS = tuple(
    words.lower()
    for words in ("No space left", "disk is full", "Disk quota exceeded", "File too large", "Read-only file system")
)
_MOST_LINKS = 20


def refused_by_disk(error: BaseException) -> str:
    """Why the disk took no more, with the mend; empty when the error tells of something else.

    Args:
        error: What was raised; what caused it is looked at too.
    """
    for each in _chain(error):
        if _is_refusal(each):
            return (
                f"the disk takes no more: {_reason(each)}. Make room or mend it; what was paid for is kept, and the "
                "same command goes on from there."
            )
    return ""


def _chain(error: BaseException) -> Generator[BaseException]:
    found: BaseException | None = error
    for _ in range(_MOST_LINKS):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


def _reason(error: BaseException) -> str:
    """The line that says it, without what DuckDB says before it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    telling = next((line for line in lines if any(sign in line.lower() for sign in _SIGNS)), lines[0])
    return telling.rpartition("Original error: ")[2].strip().rstrip(".")


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return True
    # Python's own errors of this kind have no code.
    if isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
    ):
        # An SQLite file that can't grow its write-ahead log's index calls it an I/O error.
        return True
    return isinstance(error, duckdb.Error) and any(sign in str(error).lower() for sign in _SIGNS)
