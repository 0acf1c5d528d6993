"""``toolace pool``: what is in a pool and what became of each entry.

Belongs here: printing a pool. Does not belong here: reading it.
"""

from __future__ import annotations

from collections import Counter

from toolace_dagster.cli.console import complain, say, show_table
from toolace_dagster.entities import ImportNote
from toolace_dagster.pipeline.pool import configured_pool
from toolace_dagster.reporting.tool_graph import dot, link_rows, mermaid
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import PoolError, ToolPool, UnknownDomain, find_links


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
    """Print entries that were repaired or rejected, by name and reason.

    Returns:
        How many were rejected.
    """
    remarks = [note for note in notes if note.status != "accepted"]
    for note in remarks:
        mend = f" Mend: {note.mend}" if note.mend else ""
        say(f"{note.status}: {note.source}: {note.item}: {note.reason}{mend}")
    return sum(note.status == "rejected" for note in remarks)
