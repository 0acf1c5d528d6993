"""From a source of tools to tool domains.

Belongs here: the pool and loading one. Does not belong here: reading sources
(``kinds``) and what becomes of their entries (``assembly``).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from pydantic import field_validator

from toolace_dagster.entities import Entity, ImportNote, ToolDomain
from toolace_dagster.tool_pool.assembly import LEFT_OUT, WHOLE_FILE, assembled
from toolace_dagster.tool_pool.backends import BackendsError, with_backends
from toolace_dagster.tool_pool.folders import FolderOrFile
from toolace_dagster.tool_pool.grouping import domain_name, parts_of
from toolace_dagster.tool_pool.kinds import KINDS, kind_of
from toolace_dagster.tool_pool.lending import with_borrowed
from toolace_dagster.tool_pool.overrides import FILE_NAME, Overrides, read_overrides
from toolace_dagster.tool_pool.repairs import Unusable
from toolace_dagster.tool_pool.sources import PoolOptions, SourceError

_AS_USUAL = PoolOptions()
_KEPT = 2
_LOADED: dict[tuple[str, PoolOptions], tuple[object, ToolPool]] = {}
"""Pools read in this process, with the signature of their source then."""


class PoolError(Exception):
    """A pool that cannot be used.

    Attributes:
        notes: What became of the entries that were read, if any were.
    """

    def __init__(self, message: str, notes: Sequence[ImportNote] = ()) -> None:
        super().__init__(message)
        self.notes = tuple(notes)


class UnknownDomain(PoolError):
    """A domain was asked for that the pool does not have."""


class ToolPool(Entity):
    """All tool domains of a pool.

    Attributes:
        domains: The domains that have tools, sorted by name.
        other_notes: Notes on files and entries that ended up in none of ``domains``.
    """

    domains: tuple[ToolDomain, ...]
    other_notes: tuple[ImportNote, ...] = ()

    @field_validator("domains")
    @classmethod
    def _sorted(cls, domains: tuple[ToolDomain, ...]) -> tuple[ToolDomain, ...]:
        return tuple(sorted(domains, key=lambda domain: domain.name))

    @cached_property
    def notes(self) -> tuple[ImportNote, ...]:
        """The notes of all domains, then those that belong to none."""
        return tuple(note for domain in self.domains for note in domain.notes) + self.other_notes

    @cached_property
    def unread(self) -> tuple[ImportNote, ...]:
        """Notes on files that could not be read, and on the entries of domains none of whose entries could be used.

        While there are any, a domain that the pool lacks may have been lost with them: its file may be half saved, and
        which domain a file states is not known before it is read. What the user leaves out is not among them.
        """
        names = {domain.name for domain in self.domains}
        return tuple(
            note
            for note in self.notes
            if note.status == "rejected"
            and (note.item == WHOLE_FILE or (note.domain and note.domain not in names and note.reason != LEFT_OUT))
        )

    @cached_property
    def overrides_unread(self) -> bool:
        """Whether what the user says about domains could not be read: one that is left out may be among the domains."""
        return any(note.source == FILE_NAME and not note.domain for note in self.unread)

    def domain(self, name: str) -> ToolDomain:
        """Find a domain by name.

        Args:
            name: The normalised name.

        Returns:
            The domain.

        Raises:
            UnknownDomain: There is none; the message names the closest ones and all there are.
        """
        by_name = {domain.name: domain for domain in self.domains}
        if name in by_name:
            return by_name[name]
        close = difflib.get_close_matches(domain_name(name), by_name, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise UnknownDomain(f"The pool has no domain {name!r}.{hint} Its domains: {', '.join(by_name)}.")


def load_pool(source: str | Path, options: PoolOptions = _AS_USUAL) -> ToolPool:
    """Read a tool pool.

    A folder is a pool: each file directly in it is a domain, each folder in it
    is the domain of all files below. A file that states its ``domain`` belongs to
    that one wherever it stands; one with tags or classes is divided by them. A
    single file is a pool of its own, and so is what an address leads to.

    A pool that did not change is read once: every domain is its own partition,
    and each asks for the whole pool.

    Args:
        source: Folder or file, or any other source that ``KINDS`` take.
        options: How it is read.

    Returns:
        The domains, with a note on every entry and on every file that could not be read.

    Raises:
        PoolError: The source does not exist, cannot be read or holds no usable tool.
    """
    source = str(source)
    kind = kind_of(source)
    key = (kind.absolute(source, Path()), options)
    signature = (kind.signature(source), _signature(options.domains_file))
    if key in _LOADED and _LOADED[key][0] == signature:
        return _LOADED[key][1]
    try:
        sources = kind.read(source, options)
    except SourceError as error:
        forms = ", or ".join(kind.form for kind in reversed(KINDS))
        raise PoolError(f"{error} Give {forms}.") from error
    overrides, faults = _overrides(source, options)
    domains, notes = assembled([part for each in sources for part in parts_of(each)], overrides, options.domain_limit)
    notes += faults
    if not domains:
        raise PoolError(_nothing_usable(source, notes), notes)
    if isinstance(kind, FolderOrFile):
        try:
            domains, more = with_backends(Path(source), domains)
        except BackendsError as error:
            raise PoolError(str(error)) from error
        notes += more
    pool = ToolPool(domains=tuple(with_borrowed(domains)), other_notes=tuple(notes))
    while len(_LOADED) >= _KEPT:
        del _LOADED[next(iter(_LOADED))]
    _LOADED[key] = (signature, pool)
    return pool


def _signature(file: str) -> object:
    try:
        state = Path(file).stat()
    except OSError:
        return None
    return (state.st_size, state.st_mtime_ns, state.st_ino)


def _overrides(source: str, options: PoolOptions) -> tuple[Overrides, list[ImportNote]]:
    """What the user says about domains, and why that could not be read."""
    file = Path(options.domains_file or source) / ("" if options.domains_file else FILE_NAME)
    if not options.domains_file and not file.is_file():
        return Overrides(), []
    try:
        return read_overrides(file), []
    except Unusable as fault:
        note = ImportNote(
            domain="", source=file.name, item=WHOLE_FILE, status="rejected", reason=fault.reason, mend=fault.mend
        )
        return Overrides(), [note]


def _nothing_usable(source: str, notes: list[ImportNote]) -> str:
    if not notes:
        return f"The tool pool {source} holds no file of tools. Put tool definitions into it or give another source."
    first = "; ".join(f"{note.source}, {note.item}: {note.reason} ({note.mend})" for note in notes[:3])
    more = f"; and {len(notes) - 3} more" if len(notes) > 3 else ""
    return f"The tool pool {source} holds no usable tool. {first}{more}."
