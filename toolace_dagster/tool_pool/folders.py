"""Pools that are folders or files on this machine.

Belongs here: which files are read and which domain each claims. Does not belong
here: the formats of files (``formats``) and domain names (``grouping``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from toolace_dagster.tool_pool.backends import BACKENDS_FILE, BACKENDS_FOLDER
from toolace_dagster.tool_pool.formats.document import Document, Reading, writable
from toolace_dagster.tool_pool.formats.reading import ENDINGS, PYTHON_ENDING, read_document
from toolace_dagster.tool_pool.repairs import Unusable
from toolace_dagster.tool_pool.sources import PoolOptions, Source, SourceError, source_of

MAX_FILE = 200_000_000
"""Bytes a file may have."""

_HIDDEN = (".", "__")
_PAPERS = re.compile(r"^(readme|licen[cs]es?|copying|notice)([.-].*)?$", re.IGNORECASE)
_SETTINGS = frozenset({"backends.toml", "domains.toml"})
"""Files at the top of a pool that say something about its tools."""
_MEND = "check that it is a file and that you may read it"


class FolderOrFile:
    """A path: a folder with a file or folder per domain, or one file."""

    form = "a folder of tool definitions, or one such file"

    def takes(self, source: str) -> bool:
        """Whatever no other kind takes is a path."""
        return bool(source) or not source

    def absolute(self, source: str, folder: Path) -> str:
        """The absolute path."""
        return str((folder / source).resolve())

    def name(self, source: str, folder: Path) -> str:
        """The path as seen from the folder."""
        return Path(os.path.relpath(Path(source).resolve(), folder.resolve())).as_posix()

    def read(self, source: str, options: PoolOptions) -> list[Source]:
        """Read every file but hidden ones, READMEs and licences, in order.

        Args:
            source: The path.
            options: How the pool is read.

        Returns:
            A source per file; one that only serves another as a part of it is left out.

        Raises:
            SourceError: The path does not exist, or a folder cannot be listed.
        """
        pool = Path(source)
        try:
            if not pool.exists():
                raise SourceError(f"There is no tool pool at {source}.")
            return _read(pool, options)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SourceError(f"The tool pool {source} cannot be read: {reason}. Check its permissions.") from error

    def signature(self, source: str) -> object:
        """Names, sizes and times of all files."""
        pool = Path(source)
        around = pool.parent if pool.is_file() else pool
        found: list[tuple[str, int, int, int]] = []
        # A file may lean on those beside it, so these count too.
        for folder, inner, names in os.walk(around):
            inner[:] = sorted(name for name in inner if not name.startswith(_HIDDEN)) if pool.is_dir() else []
            for name in sorted(names):
                try:
                    state = os.stat(os.path.join(folder, name))
                except OSError:
                    continue
                found.append((os.path.join(folder, name), state.st_size, state.st_mtime_ns, state.st_ino))
        return tuple(found)


def _read(pool: Path, options: PoolOptions) -> list[Source]:
    boundary = (pool if pool.is_dir() else pool.parent).resolve()
    sources: list[tuple[Path, Source]] = []
    served: set[Path] = set()
    for file, shown, raw_domain, claim in _files(pool):

        def document(file: Path = file, shown: str = shown) -> Document:
            if pool.is_dir() and file.suffix.lower() not in ENDINGS:
                raise Unusable(
                    f"only files ending in {', '.join(sorted(ENDINGS))} are read",
                    "convert it or move it out of the pool",
                )

            def sibling(relative: str) -> bytes:
                other = (file.parent / relative).resolve()
                if not other.is_relative_to(boundary):
                    raise Unusable(f"{relative[:80]} lies outside of the pool", "move it into the pool")
                content = _content(other)
                served.add(other)
                return content

            reading = Reading(
                source=writable(shown),
                sibling=sibling,
                module=writable(str(file.resolve())),
                skip_deprecated=options.skip_deprecated,
            )
            return read_document(_content(file), reading)

        sources.append((file, source_of(writable(shown), writable(raw_domain), claim, document)))
    return [
        source
        for file, source in sources
        if not (isinstance(source.document, Unusable) and served and file.resolve() in served)
    ]


def _files(pool: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Each file of the pool with its name in notes, the domain it stands for and its claim to it."""
    if pool.is_file():
        yield pool, pool.name, _stem(pool), pool.name
        return
    for child in sorted(pool.iterdir()):
        if child.name.startswith(_HIDDEN) or child.name in (BACKENDS_FILE, BACKENDS_FOLDER):
            continue
        if not child.is_dir():
            if not _is_paper(child.name) and child.name not in _SETTINGS and not _is_code_of_others(child):
                yield child, child.name, _stem(child), child.name
            continue
        for folder, inner, names in os.walk(child, onerror=_raise):
            inner[:] = sorted(name for name in inner if not name.startswith(_HIDDEN))
            for name in sorted(names):
                file = Path(folder) / name
                if not name.startswith(_HIDDEN) and not _is_paper(name) and not _is_code_of_others(file):
                    yield file, file.relative_to(pool).as_posix(), child.name, ""


def _raise(error: OSError) -> None:
    raise error


def _is_paper(name: str) -> bool:
    """Whether a file is about the pool rather than of it; a domain may well be called ``licences.json``."""
    return bool(_PAPERS.match(name)) and Path(name).suffix.lower() not in ENDINGS


def _is_code_of_others(file: Path) -> bool:
    """Whether a Python file has its tools described beside it, so that it is only what runs them."""
    return file.suffix == PYTHON_ENDING and any(
        file.with_suffix(ending).is_file() for ending in ENDINGS - {PYTHON_ENDING}
    )


def _stem(file: Path) -> str:
    return file.stem.removesuffix(".tools_list") or file.stem


def _content(file: Path) -> bytes:
    try:
        # Reading a pipe would wait for ever.
        if file.exists() and not file.is_file():
            raise Unusable("it is no ordinary file", _MEND)
        if file.stat().st_size > MAX_FILE:
            raise Unusable(f"the file is larger than {MAX_FILE // 1_000_000} MB", "split it")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unusable(f"the file cannot be read: {reason}", _MEND) from error
