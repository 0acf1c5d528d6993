"""Which entries make up which domain, and what domains are called.

Belongs here: domains from folders, files, and the parts of a file (tags,
classes). Does not belong here: splitting by text (``clustering``), the user's
own wishes (``overrides``) and what becomes of entries (``pool``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass

from toolace_dagster.entities import content_hash
from toolace_dagster.tool_pool.formats.document import Document, Entry, an_object
from toolace_dagster.tool_pool.repairs import Unusable
from toolace_dagster.tool_pool.sources import Source

MAX_DOMAIN_NAME = 64
MIN_GROUP = 3
"""Tools a tag or class must have to be a domain: a task needs more than one tool to be about."""


@dataclass(frozen=True)
class Part:
    """What one source gives to one domain.

    Attributes:
        source: The source.
        raw_domain: The domain in the words of the source.
        claim: As in ``Source``.
        entries: Entries with their places in the source, from 1.
        description: What the source says the domain is for.
    """

    source: Source
    raw_domain: str
    claim: str
    entries: tuple[tuple[int, Entry], ...] = ()
    description: str = ""


def parts_of(source: Source) -> list[Part]:
    """Divide a source into parts for different domains.

    A file with entries of one group, or of none, is one part. Otherwise every
    group with at least ``MIN_GROUP`` entries is a part of its own, and so is a
    smaller one that has a name in common with another; the rest stays together.

    Args:
        source: A source.

    Returns:
        Its parts, that of the rest first; one part without entries when it could not be read.
    """
    document = source.document
    if isinstance(document, Unusable):
        return [Part(source, source.raw_domain, source.claim)]
    numbered = tuple(enumerate(document.entries, start=1))
    groups: dict[str, list[tuple[int, Entry]]] = {}
    for position, entry in numbered:
        groups.setdefault(entry.group, []).append((position, entry))
    if document.domain or len(groups) < 2:
        return [Part(source, source.raw_domain, source.claim, numbered, document.description)]
    rest = groups.pop("", [])
    names = {_name(entry) for _, entry in rest}
    own: dict[str, list[tuple[int, Entry]]] = {}
    for group, members in groups.items():
        inner = {_name(entry) for _, entry in members}
        if len(members) >= MIN_GROUP or inner & names:
            own[group] = members
        else:
            rest.extend(members)
            names |= inner
    parts = [
        Part(
            source,
            f"{source.raw_domain} {group}" if len(own) > 1 or rest else source.raw_domain,
            source.claim,
            tuple(members),
            _described(document, group),
        )
        for group, members in own.items()
    ]
    if rest:
        parts.insert(
            0, Part(source, source.raw_domain, source.claim, tuple(sorted(rest, key=_position)), document.description)
        )
    return parts


def named_groups(parts: Sequence[Part]) -> dict[str, list[Part]]:
    """Decide which parts make up which domain.

    Args:
        parts: All parts of a pool.

    Returns:
        The parts of each domain by its name, which no two share.
    """
    shared = {part.raw_domain for part in parts if not part.claim}
    joined: dict[str, str] = {}
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        raw, claim = part.raw_domain, part.claim
        # Two files of one stem are two domains, but the first of them joins a folder of that name.
        if claim and raw in shared and joined.setdefault(raw, claim) == claim:
            claim = ""
        groups.setdefault((raw, claim), []).append(part)
    # The plain name goes to a source that can be read, and to the one that is spelt like it.
    ranked = sorted(
        groups.values(),
        key=lambda group: (not readable(group), domain_name(group[0].raw_domain) != group[0].raw_domain),
    )
    named: dict[str, list[Part]] = {}
    late = [group for group in ranked if named.setdefault(domain_name(group[0].raw_domain), group) is not group]
    for group in late:
        named[free_name(domain_name(group[0].raw_domain), named)] = group
    return named


def readable(group: Sequence[Part]) -> bool:
    """Whether any of the sources could be read.

    Args:
        group: Parts of one domain.
    """
    return any(isinstance(part.source.document, Document) for part in group)


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


def free_name(wanted: str, taken: Container[str]) -> str:
    """A domain name that is not taken.

    Args:
        wanted: A domain name.
        taken: Names in use.

    Returns:
        The name itself, or with the first number that makes it free.
    """
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _name(entry: Entry) -> str:
    return str(an_object(entry.value).get("name"))


def _described(document: Document, group: str) -> str:
    return document.group_descriptions.get(group) or document.description


def _position(numbered: tuple[int, Entry]) -> int:
    return numbered[0]
