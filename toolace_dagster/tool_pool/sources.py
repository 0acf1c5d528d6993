"""Where a pool comes from: what each kind of source gives, and which kinds there are.

Belongs here: the shapes that all kinds share and the list of kinds. Does not
belong here: one kind (``folders``, ``addresses``), the formats of files
(``formats``) and what becomes of their entries (``pool``).

A new kind of source is a class with the members of ``SourceKind``, added to
``KINDS`` in ``kinds``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from toolace_dagster.tool_pool.formats.document import Document
from toolace_dagster.tool_pool.repairs import Unusable


class SourceError(Exception):
    """A source that is not there or cannot be read at all; the message says how to mend that."""


@dataclass(frozen=True)
class PoolOptions:
    """How a pool is read.

    Attributes:
        domain_limit: Tools a domain may have; a larger one is split by the tools' texts.
        skip_deprecated: Operations that OpenAPI marks as deprecated are rejected instead of kept.
        allow_writes: Tools of a live server may be called that are not annotated as read-only.
        domains_file: What the user says about domains, in place of the ``domains.toml`` of a folder.
        headers: Headers for a live server at an address, by name; values name variables as ``${NAME}``.
    """

    domain_limit: int = 120
    skip_deprecated: bool = False
    allow_writes: bool = False
    domains_file: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Source:
    """A file, or what stands for one, and the domain it claims.

    Attributes:
        file: Its name in notes, relative to the pool.
        raw_domain: The domain in the words of the user.
        claim: Tells apart two files that happen to share a stem; empty for a claim that is meant to be shared: a
            folder's name or a name the file states.
        document: What the file holds, or why it could not be read.
    """

    file: str
    raw_domain: str
    claim: str
    document: Document | Unusable


class SourceKind(Protocol):
    """A way to say where tools are.

    Attributes:
        form: What such a source looks like, for messages.
    """

    form: str

    def takes(self, source: str) -> bool:
        """Whether a source is of this kind."""
        ...

    def absolute(self, source: str, folder: Path) -> str:
        """The source as it can be used from any folder; a relative path counts from the given one."""
        ...

    def name(self, source: str, folder: Path) -> str:
        """What the source is called in a report kept in a folder: nothing secret, and the same on each machine."""
        ...

    def read(self, source: str, options: PoolOptions) -> list[Source]:
        """Read everything.

        Raises:
            SourceError: There is nothing to read.
        """
        ...

    def signature(self, source: str) -> object:
        """What changes when the content changes, as far as that can be told without reading it again."""
        ...


def source_of(name: str, raw_domain: str, claim: str, read: Callable[[], Document]) -> Source:
    """Read one file.

    Args:
        name: Its name in notes.
        raw_domain: The domain it claims unless it states one.
        claim: As in ``Source``.
        read: Reads it.

    Returns:
        The source, with the fault in the place of a document that could not be read.
    """
    try:
        document = read()
    except Unusable as fault:
        return Source(name, raw_domain, claim, fault)
    stated = document.domain
    return Source(name, stated or raw_domain, "" if stated else claim, document)
