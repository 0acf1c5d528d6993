"""The files of a pool and the domains they make up.

Belongs here: which files are read, which domain each belongs to, and domain
names. Does not belong here: the formats of files (``formats``) and what
becomes of their entries (``pool``).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolace_dagster.entities import content_hash
from toolace_dagster.tool_pool.formats import Document, read_document, writable
from toolace_dagster.tool_pool.repairs import Unusable

MAX_DOMAIN_NAME = 64
_HIDDEN = (".", "__")
_PAPERS = re.compile(r"^(readme|licen[cs]es?|copying|notice)([.-].*)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A file and the domain it claims.

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


def read_sources(path: Path) -> list[Source]:
    """Read all files of a pool.

    Args:
        path: Folder or file; it exists.

    Returns:
        Every file but hidden ones, READMEs and licences, in order.

    Raises:
        OSError: A folder cannot be listed.
    """
    sources: list[Source] = []
    for file, shown, raw_domain, claim in _files(path):
        shown, raw_domain = writable(shown), writable(raw_domain)
        try:
            if path.is_dir() and file.suffix.lower() != ".json":
                raise Unusable("only .json files are read", "convert it to JSON or move it out of the pool")
            document = read_document(_content(file))
        except Unusable as fault:
            sources.append(Source(shown, raw_domain, claim, fault))
        else:
            stated = document.domain
            sources.append(Source(shown, stated or raw_domain, "" if stated else claim, document))
    return sources


def named_groups(sources: list[Source]) -> dict[str, list[Source]]:
    """Decide which sources make up which domain.

    Args:
        sources: All files of a pool.

    Returns:
        The sources of each domain by its name, which no two share.
    """
    shared = {source.raw_domain for source in sources if not source.claim}
    joined: dict[str, str] = {}
    groups: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        raw, claim = source.raw_domain, source.claim
        # Two files of one stem are two domains, but the first of them joins a folder of that name.
        if claim and raw in shared and joined.setdefault(raw, claim) == claim:
            claim = ""
        groups.setdefault((raw, claim), []).append(source)
    # The plain name goes to a source that can be read, and to the one that is spelt like it.
    ranked = sorted(
        groups.values(),
        key=lambda group: (not readable(group), domain_name(group[0].raw_domain) != group[0].raw_domain),
    )
    named: dict[str, list[Source]] = {}
    late = [group for group in ranked if named.setdefault(domain_name(group[0].raw_domain), group) is not group]
    for group in late:
        wanted, number = domain_name(group[0].raw_domain), 2
        while (name := f"{wanted}_{number}") in named:
            number += 1
        named[name] = group
    return named


def readable(group: list[Source]) -> bool:
    """Whether any of the sources could be read.

    Args:
        group: Sources of one domain.
    """
    return any(isinstance(source.document, Document) for source in group)


def domain_name(raw: str) -> str:
    """Turn a folder name, file stem or stated domain into a domain name.

    Args:
        raw: The name as the user wrote it.

    Returns:
        A name of a-z, 0-9, ``_`` and ``-``, which can be a Dagster partition key.
    """
    plain = unicodedata.normalize("NFKD", raw)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()
    name = re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_") or "domain"
    return name if len(name) <= MAX_DOMAIN_NAME else f"{name[: MAX_DOMAIN_NAME - 9]}_{content_hash(raw, length=8)}"


def _files(pool: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Each file of the pool with its name in notes, the domain it stands for and its claim to it."""
    if pool.is_file():
        yield pool, pool.name, _stem(pool), pool.name
        return
    for child in sorted(pool.iterdir()):
        if child.name.startswith(_HIDDEN):
            continue
        if not child.is_dir():
            if not _is_paper(child.name):
                yield child, child.name, _stem(child), child.name
            continue
        for folder, inner, names in os.walk(child, onerror=_raise):
            inner[:] = sorted(name for name in inner if not name.startswith(_HIDDEN))
            for name in sorted(names):
                if not name.startswith(_HIDDEN) and not _is_paper(name):
                    file = Path(folder) / name
                    yield file, file.relative_to(pool).as_posix(), child.name, ""


def _raise(error: OSError) -> None:
    raise error


def _is_paper(name: str) -> bool:
    """Whether a file is about the pool rather than of it; a domain may well be called ``licences.json``."""
    return bool(_PAPERS.match(name)) and not name.lower().endswith(".json")


def _stem(file: Path) -> str:
    return file.stem.removesuffix(".tools_list") or file.stem


def _content(file: Path) -> bytes:
    mend = "check that it is a file and that you may read it"
    try:
        # Reading a pipe would wait for ever.
        if file.exists() and not file.is_file():
            raise Unusable("it is no ordinary file", mend)
        return file.read_bytes()
    except OSError as error:
        raise Unusable(f"the file cannot be read: {error.strerror}", mend) from error
