"""The engine of a process, and attaching files to it.

Opening a file means attaching it to an engine that the process keeps in memory:
starting an engine takes 16 ms, attaching a file to it 2.

Belongs here: one engine a process, also after a fork, and waiting for whoever holds a
file. Does not belong here: what is done with a connection (``store``).
"""

from __future__ import annotations

import atexit
import itertools
import os
import random
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Work is spread over domains, not inside one; and no extension is looked for on the network."""

_LOCK_WORDS = ("could not set lock", "conflicting lock", "already attached", "being used by another process")
PATIENCE = 60.0

_engines: list[duckdb.DuckDBPyConnection] = []
_left_to_the_parent: list[duckdb.DuckDBPyConnection] = []
_starting = threading.Lock()
_names = itertools.count(1)


def engine(folder: Path) -> duckdb.DuckDBPyConnection:
    """The engine of this process; what does not fit into memory goes below the folder of the first file."""
    with _starting:
        if not _engines:
            config = _CONFIG | {"temp_directory": str(folder / f"spilled-{os.getpid()}.tmp")}
            _engines.append(duckdb.connect(":memory:", config=config))
        return _engines[0]


def _start_anew() -> None:
    """A forked child gets an engine of its own, and does not close its parent's."""
    global _starting
    _starting = threading.Lock()
    _left_to_the_parent.extend(_engines)
    _engines.clear()


os.register_at_fork(after_in_child=_start_anew)


@atexit.register
def _stop_engine() -> None:
    while _engines:
        _engines.pop().close()


@contextmanager
def attached(path: Path, *, read_only: bool, patience: float = PATIENCE) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection whose tables are those of one file."""
    connection = engine(path.parent).cursor()
    name = f"file_{next(_names)}"
    try:
        attach(connection, path, name, read_only=read_only, patience=patience)
        try:
            connection.execute(f"USE {name}")
            yield connection
        except (duckdb.FatalException, duckdb.InternalException):
            # After such an error an engine answers nothing any more.
            _engines.clear()
            raise
        finally:
            if _engines:
                connection.execute(f"USE memory; DETACH {name}")
    finally:
        connection.close()


def copy_file(connection: duckdb.DuckDBPyConnection, part: Path, path: Path) -> None:
    """Write the tables of a connection into one file, then put it in the place of another."""
    (source,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    name = f"file_{next(_names)}"
    try:
        attach(connection, part, name, read_only=False)
        try:
            connection.execute(f"COPY FROM DATABASE {source} TO {name}")
        finally:
            connection.execute(f"DETACH {name}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def attach(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, *, read_only: bool, patience: float = PATIENCE
) -> None:
    """Attach a file under a name, waiting for whoever holds it.

    Args:
        connection: To the engine.
        path: The file.
        name: What statements call it.
        read_only: Whether it is only read.
        patience: Seconds to wait at most.

    Raises:
        duckdb.IOException: If the file is held for longer.
    """
    quoted = str(path).replace("'", "''")
    statement = f"ATTACH '{quoted}' AS {name} (TYPE duckdb{', READ_ONLY' if read_only else ''})"
    deadline = time.monotonic() + patience
    wait = 0.005
    while True:
        try:
            connection.execute(statement)
        except (duckdb.IOException, duckdb.ResourceInUseException, duckdb.BinderException) as error:
            words = str(error).lower()
            if not any(word in words for word in _LOCK_WORDS) or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(wait * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret
        wait = min(wait * 2, 0.25)
