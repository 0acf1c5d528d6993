"""From the entries of all sources to domains of tools, with a note on each entry.

Belongs here: the order of steps (import, the user's overrides, splitting, equal
names) and the notes they leave. Does not belong here: what a step decides
(``normal_form``, ``overrides``, ``clustering``), and reading sources (``kinds``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolace_dagster.entities import ImportNote, Tool, ToolDomain
from toolace_dagster.entities.backend import ToolBackend
from toolace_dagster.tool_pool.formats.document import Document
from toolace_dagster.tool_pool.grouping import Part, domain_name, free_name, named_groups, readable
from toolace_dagster.tool_pool.normal_form import import_entry
from toolace_dagster.tool_pool.overrides import FILE_NAME, Overrides, Placement
from toolace_dagster.tool_pool.repairs import Unusable

WHOLE_FILE = "(whole file)"
"""``item`` of a note on a file none of whose entries could be read."""

DOMAIN_NAME = "(domain name)"
"""``item`` of a note on a domain that had to be renamed."""

LEFT_OUT = f"{FILE_NAME} leaves it out"
"""``reason`` of a note on an entry that the user does not want."""


@dataclass(frozen=True)
class Imported:
    """One entry after its import.

    Attributes:
        tool: The tool; None when the entry is rejected.
        note: What became of it.
        home: The domain it has by its source, whose backends run it wherever it goes.
    """

    tool: Tool | None
    note: ImportNote
    home: str

    def moved(self, domain: str) -> Imported:
        """The same in another domain."""
        if domain == self.note.domain:
            return self
        moved = {"domain": domain}
        tool = self.tool and self.tool.model_copy(update=moved)
        return replace(self, tool=tool, note=self.note.model_copy(update=moved))

    def rejected(self, reason: str, mend: str) -> Imported:
        """The same, not in use."""
        said = {"status": "rejected", "reason": reason, "mend": mend}
        return replace(self, tool=None, note=self.note.model_copy(update=said))


def assembled(parts: Sequence[Part], overrides: Overrides, limit: int) -> tuple[list[ToolDomain], list[ImportNote]]:
    """Build the domains of a pool.

    Args:
        parts: All parts of all sources.
        overrides: What the user says about domains.
        limit: Tools a domain may have unless the user says otherwise.

    Returns:
        The domains that have tools, and the notes that belong to none of them.
    """
    descriptions: dict[str, str] = {}
    heads: dict[str, list[ImportNote]] = {}
    backends: dict[str, list[ToolBackend]] = {}
    imported: list[Imported] = []
    for name, members in named_groups(parts).items():
        descriptions[name] = next((part.description for part in members if part.description), "")
        heads[name] = _notes_on_files(name, members)
        documents = [part.source.document for part in members]
        backends[name] = [each.backend for each in documents if isinstance(each, Document) and each.backend]
        imported += [_imported(name, part, position) for part in members for position in range(len(part.entries))]
    placement = Placement(overrides)
    placed = [_placed(each, placement) for each in imported]
    by_domain: dict[str, list[Imported]] = {name: [] for name in heads}
    for each in placed:
        by_domain.setdefault(each.note.domain, []).append(each)
    domains, unplaced = _finished(by_domain, descriptions, heads, backends, overrides.max_tools or limit)
    wishes = overrides.domains
    domains = [
        domain.model_copy(update={"description": wishes[domain.name].description})
        if domain.name in wishes and wishes[domain.name].description
        else domain
        for domain in domains
    ]
    unplaced += _unmet(placement, imported, [*by_domain, *(domain.name for domain in domains)])
    return domains, unplaced


def _imported(domain: str, part: Part, at: int) -> Imported:
    position, entry = part.entries[at]
    document = part.source.document
    licence = None if isinstance(document, Unusable) else document.licence
    tool, note = import_entry(entry, position=position, domain=domain, source=part.source.file, licence=licence)
    return Imported(tool, note, domain)


def _notes_on_files(name: str, members: Sequence[Part]) -> list[ImportNote]:
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
    for part in members:
        fault = part.source.document
        if isinstance(fault, Unusable):
            notes.append(_fault_note(name, part.source.file, WHOLE_FILE, fault))
    return notes


def _fault_note(domain: str, source: str, item: str, fault: Unusable) -> ImportNote:
    return ImportNote(domain=domain, source=source, item=item, status="rejected", reason=fault.reason, mend=fault.mend)


def _names(tool: Tool) -> list[str]:
    original = tool.provenance.original_name
    return [tool.name, original] if original else [tool.name]


def _placed(each: Imported, placement: Placement) -> Imported:
    if each.tool is None:
        return each
    names = _names(each.tool)
    if placement.excluded(each.note.domain, names):
        return each.rejected(LEFT_OUT, f"delete it from exclude in {FILE_NAME} to have it back")
    return each.moved(placement.domain(each.note.domain, names))


def _finished(
    by_domain: dict[str, list[Imported]],
    descriptions: dict[str, str],
    heads: dict[str, list[ImportNote]],
    backends: dict[str, list[ToolBackend]],
    limit: int,
) -> tuple[list[ToolDomain], list[ImportNote]]:
    domains: list[ToolDomain] = []
    unplaced: list[ImportNote] = []
    taken = set(by_domain)
    for name, members in by_domain.items():
        shares = _split(name, members, limit, taken)
        for share, inside in shares:
            each = _without_equal_names(inside)
            tools = {one.tool.name: one.tool for one in each if one.tool is not None}
            notes = tuple(one.note for one in each)
            if share == shares[0][0]:
                notes = (*(note.model_copy(update={"domain": share}) for note in heads.get(name, ())), *notes)
            if not tools:
                unplaced.extend(notes)
                continue
            domains.append(
                ToolDomain(
                    name=share,
                    description=descriptions.get(name, ""),
                    tools=tuple(tools[key] for key in sorted(tools)),
                    notes=notes,
                    backends=_backends(each, backends),
                )
            )
    return domains, unplaced


def _backends(members: list[Imported], backends: dict[str, list[ToolBackend]]) -> tuple[ToolBackend, ...]:
    """The backends of the domains that the tools come from, each for its own tools."""
    names: dict[str, list[str]] = {}
    for each in members:
        if each.tool is not None:
            names.setdefault(each.home, []).append(each.tool.name)
    if len(names) == 1:
        return tuple(backends.get(next(iter(names)), ()))
    return tuple(
        backend.model_copy(update={"tools": own})
        for home, tools in sorted(names.items())
        for backend in backends.get(home, ())
        if (own := tuple(name for name in tools if not backend.tools or name in backend.tools))
    )


def _split(name: str, members: list[Imported], limit: int, taken: set[str]) -> list[tuple[str, list[Imported]]]:
    """The domain itself, or its parts when it has more tools than it may."""
    usable = [each for each in members if each.tool is not None]
    if len({each.tool.fingerprint for each in usable if each.tool}) <= limit:
        return [(name, members)]
    # Loads numpy, which a pool of usual size does without.
    from toolace_dagster.tool_pool.clustering import split_by_text

    once: dict[str, Imported] = {}
    again: list[Imported] = []
    for each in usable:
        assert each.tool is not None
        if each.tool.fingerprint in once:
            again.append(each)
        else:
            once[each.tool.fingerprint] = each
    distinct = list(once.values())
    shares: list[tuple[str, list[Imported]]] = []
    home: dict[str, int] = {}
    for words, places in split_by_text([each.tool for each in distinct if each.tool], limit):
        share = free_name(domain_name(f"{name}_{words}"), taken)
        taken.add(share)
        for at in places:
            tool = distinct[at].tool
            assert tool is not None
            home[tool.fingerprint] = len(shares)
        shares.append((share, [distinct[at].moved(share) for at in places]))
    for each in again:
        assert each.tool is not None
        share, inside = shares[home[each.tool.fingerprint]]
        inside.append(each.moved(share))
    share, inside = shares[0]
    inside.extend(each.moved(share) for each in members if each.tool is None)
    return shares


def _without_equal_names(members: list[Imported]) -> list[Imported]:
    first: dict[str, Tool] = {}
    kept: list[Imported] = []
    for each in members:
        tool = each.tool
        if tool is not None and tool.name in first:
            each = _duplicate(each, tool, first[tool.name])
        elif tool is not None:
            first[tool.name] = tool
        kept.append(each)
    return kept


def _duplicate(each: Imported, tool: Tool, first: Tool) -> Imported:
    if tool.fingerprint == first.fingerprint:
        return each.rejected(
            f"the domain has the same tool {tool.name!r} already, from {first.provenance.source}", "delete one of them"
        )
    return each.rejected(
        f"the domain has a tool {tool.name!r} already: that of {first.provenance.source} stays, "
        f"that of {each.note.source} is not used",
        "rename one of the two or move it to another domain",
    )


def _unmet(placement: Placement, imported: list[Imported], domains: list[str]) -> list[ImportNote]:
    tools = [each.tool for each in imported if each.tool is not None]
    names = [name for tool in tools for one in _names(tool) for name in (one, f"{tool.domain}/{one}")]
    contested = [
        ImportNote(domain="", source=FILE_NAME, item=item, status="repaired", reason=fault.reason, mend=fault.mend)
        for item, fault in placement.contested()
    ]
    return [*contested, *(_fault_note("", FILE_NAME, item, fault) for item, fault in placement.unmet(names, domains))]
