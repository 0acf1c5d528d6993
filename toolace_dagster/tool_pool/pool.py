"""From a source of tools to tool domains.

Belongs here: the pool, duplicates in a domain, and the import report. Does not
belong here: reading sources (``kinds``), which entry is in which domain
(``grouping``) and repairs of tools (``normal_form``).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from pydantic import field_validator

from toolace_dagster.entities import Entity, ImportNote, Tool, ToolDomain
from toolace_dagster.entities.backend import ToolBackend
from toolace_dagster.tool_pool.backends import BackendsError, with_backends
from toolace_dagster.tool_pool.folders import FolderOrFile
from toolace_dagster.tool_pool.grouping import Part, domain_name, named_groups, parts_of, readable
from toolace_dagster.tool_pool.kinds import KINDS, kind_of
from toolace_dagster.tool_pool.lending import with_borrowed
from toolace_dagster.tool_pool.normal_form import import_entry
from toolace_dagster.tool_pool.repairs import Unusable
from toolace_dagster.tool_pool.sources import PoolOptions, SourceError

WHOLE_FILE = "(whole file)"
"""``item`` of a note on a file none of whose entries could be read."""

DOMAIN_NAME = "(domain name)"
"""``item`` of a note on a domain that had to be renamed."""


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
    key = (kind.absolute(source), options)
    signature = kind.signature(source)
    if key in _LOADED and _LOADED[key][0] == signature:
        return _LOADED[key][1]
    try:
        sources = kind.read(source, options)
    except SourceError as error:
        forms = ", or ".join(kind.form for kind in reversed(KINDS))
        raise PoolError(f"{error} Give {forms}.") from error
    domains, notes = _domains([part for each in sources for part in parts_of(each)])
    if not domains:
        raise PoolError(_nothing_usable(source, notes), notes)
    if isinstance(kind, FolderOrFile):
        try:
            domains = with_backends(Path(source), domains)
        except BackendsError as error:
            raise PoolError(str(error)) from error
    pool = ToolPool(domains=tuple(with_borrowed(domains)), other_notes=tuple(notes))
    while len(_LOADED) >= _KEPT:
        del _LOADED[next(iter(_LOADED))]
    _LOADED[key] = (signature, pool)
    return pool


def _domains(parts: list[Part]) -> tuple[list[ToolDomain], list[ImportNote]]:
    """Build the domains; the second part are the notes of those in which no tool was usable."""
    domains: list[ToolDomain] = []
    unplaced: list[ImportNote] = []
    for name, members in named_groups(parts).items():
        domain = _domain(name, members)
        if domain.tools:
            domains.append(domain)
        else:
            unplaced.extend(domain.notes)
    return domains, unplaced


def _domain(name: str, members: list[Part]) -> ToolDomain:
    tools: dict[str, Tool] = {}
    notes: list[ImportNote] = []
    wanted = domain_name(members[0].raw_domain)
    if name != wanted and readable(members):
        notes.append(
            ImportNote(
                domain=name,
                source=members[0].source.file,
                item=DOMAIN_NAME,
                status="repaired",
                reason=f"another source has the domain name {wanted!r} already, so this one is {name!r}",
                mend="rename the file or folder, or put both in one folder",
            )
        )
    description = ""
    backends: list[ToolBackend] = []
    for member in members:
        document = member.source.document
        if isinstance(document, Unusable):
            notes.append(_file_note(name, member.source.file, document))
            continue
        description = description or member.description
        backends += [document.backend] if document.backend is not None else []
        for position, entry in member.entries:
            tool, note = import_entry(
                entry,
                position=position,
                domain=name,
                source=member.source.file,
                licence=document.licence,
            )
            if tool is not None and tool.name in tools:
                note = _duplicate(note, tool.name, tools[tool.name])
            elif tool is not None:
                tools[tool.name] = tool
            notes.append(note)
    return ToolDomain(
        name=name,
        description=description,
        tools=tuple(tools[key] for key in sorted(tools)),
        notes=tuple(notes),
        backends=tuple(backends),
    )


def _duplicate(note: ImportNote, name: str, first: Tool) -> ImportNote:
    return note.model_copy(
        update={
            "status": "rejected",
            "reason": f"the domain has a tool {name!r} already: that of {first.provenance.source} stays, "
            f"that of {note.source} is not used",
            "mend": "rename one of the two or move it to another domain",
        }
    )


def _file_note(domain: str, source: str, fault: Unusable) -> ImportNote:
    return ImportNote(
        domain=domain, source=source, item=WHOLE_FILE, status="rejected", reason=fault.reason, mend=fault.mend
    )


def _nothing_usable(source: str, notes: list[ImportNote]) -> str:
    if not notes:
        return f"The tool pool {source} holds no file of tools. Put tool definitions into it or give another source."
    first = "; ".join(f"{note.source}, {note.item}: {note.reason} ({note.mend})" for note in notes[:3])
    more = f"; and {len(notes) - 3} more" if len(notes) > 3 else ""
    return f"The tool pool {source} holds no usable tool. {first}{more}."
