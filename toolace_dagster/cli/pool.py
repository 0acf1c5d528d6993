"""``toolace pool``: what is in a pool and what became of each entry.

Belongs here: printing a pool. Does not belong here: reading it.
"""

from __future__ import annotations

from collections import Counter

from toolace_dagster.cli.console import complain, say, show_table
from toolace_dagster.entities import ImportNote
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.reporting.import_notes import grouped_notes, note_line
from toolace_dagster.reporting.tool_graph import dot, link_rows, mermaid
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import Likeness, PoolError, ToolPool, UnknownDomain, find_likenesses, find_links

MANY_NOTES = 40
"""From more notes than this on they are printed in groups."""
FEW_ALIKE = 5


def open_pool(settings: Settings) -> ToolPool | None:
    """Load a pool, or complain why not."""
    try:
        return configured_pool(settings)
    except PoolError as error:
        complain(str(error))
        return None


def list_pool(settings: Settings) -> int:
    """Print each domain with its tools.

    Returns:
        Exit code: 1 when the pool can't be read.
    """
    pool = open_pool(settings)
    if pool is None:
        return 1
    for domain in pool.domains:
        rows = [
            (tool.name, len(tool.properties), len(tool.required), tool.description.split("\n")[0][:90])
            for tool in domain.tools
        ]
        show_table(
            f"{domain.name} ({len(domain.tools)} tools)", ("tool", "parameters", "required", "description"), rows
        )
        say("")
    return 0


def check_pool(settings: Settings) -> int:
    """Print the import report.

    Returns:
        Exit code: 1 when an entry was rejected or the pool can't be read.
    """
    pool = open_pool(settings)
    if pool is None:
        return 1
    print_notes(pool.notes)
    print_likenesses(find_likenesses([tool for domain in pool.domains for tool in domain.tools]))
    counts = Counter(note.status for note in pool.notes)
    say(
        f"{len(pool.notes)} entries in {len(pool.domains)} domains: "
        f"{counts['accepted']} accepted, {counts['repaired']} repaired, {counts['rejected']} rejected."
    )
    return 1 if counts["rejected"] else 0


def print_graph(settings: Settings, name: str, form: str) -> int:
    """Print the dependency graph of one domain.

    Args:
        settings: What says where the pool is.
        name: The domain.
        form: ``mermaid``, ``dot`` or ``table``.

    Returns:
        Exit code: 1 when the pool can't be read or has no such domain, 2 for a form that does not exist.
    """
    if form not in ("mermaid", "dot", "table"):
        complain(f"--format is mermaid, dot or table, not {form!r}")
        return 2
    pool = open_pool(settings)
    if pool is None:
        return 1
    try:
        tools = pool.domain(name).tools
    except UnknownDomain as error:
        complain(str(error))
        return 1
    links = find_links(tools)
    if form == "table":
        rows = link_rows(links, limit=len(links))
        columns = ("result of", "path", "feeds", "parameter", "confidence", "evidence")
        show_table(f"{name}: {len(links)} links", columns, [tuple(row.values()) for row in rows])
    else:
        say(mermaid(tools, links) if form == "mermaid" else dot(tools, links))
    return 0


def print_notes(notes: tuple[ImportNote, ...]) -> int:
    """Print entries that were repaired or rejected, by name and reason; many of them in groups.

    Returns:
        How many were rejected.
    """
    remarks = [note for note in notes if note.status != "accepted"]
    if len(remarks) > MANY_NOTES:
        for group in grouped_notes(remarks):
            mend = f" Mend: {group.mend}" if group.mend else ""
            shown = ", ".join(group.examples) + (", ..." if group.count > len(group.examples) else "")
            say(" ".join(f"{group.status} {group.count:,}: {group.what} (such as {shown}).{mend}".split()))
    else:
        for note in remarks:
            say(note_line(note))
    return sum(note.status == "rejected" for note in remarks)


def print_likenesses(likenesses: tuple[Likeness, ...]) -> None:
    """Print tools that look alike, the first few of each kind."""
    titles = {"near_duplicate": "near-duplicates", "name_clash": "names that several domains have"}
    for kind, title in titles.items():
        found = [each for each in likenesses if each.kind == kind]
        if found:
            shown = "; ".join(_alike(each) for each in found[:FEW_ALIKE])
            more = f"; and {len(found) - FEW_ALIKE:,} more" if len(found) > FEW_ALIKE else ""
            say(f"{len(found):,} groups of {title}: {shown}{more}")


def _alike(likeness: Likeness) -> str:
    names = ", ".join(likeness.tools[:4]) + (", ..." if len(likeness.tools) > 4 else "")
    return f"{names} ({likeness.similarity:.0%})" if likeness.kind == "near_duplicate" else names
