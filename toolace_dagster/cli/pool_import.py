"""``toolace pool import``: tools of any source as a folder in the normal form.

Belongs here: running an import and printing what became of it. Does not belong
here: reading sources and writing folders (``tool_pool``).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from toolace_dagster.cli.console import complain, say, warn
from toolace_dagster.cli.pool import print_likenesses, print_notes
from toolace_dagster.execution.mcp_client import is_live
from toolace_dagster.tool_pool import (
    PoolError,
    PoolOptions,
    export_pool,
    find_likenesses,
    load_pool,
    name_of_source,
)
from toolace_dagster.tool_pool.backends import BACKENDS_FILE
from toolace_dagster.tool_pool.export import REPORT_FILE


def import_pool(source: str, folder: Path, options: PoolOptions) -> int:
    """Import a source into a folder.

    Args:
        source: Where the tools are.
        folder: The folder that gets a file per domain.
        options: How the source is read.

    Returns:
        Exit code: 1 when an entry was rejected, or the source can't be read or the folder not be written.
    """
    try:
        pool = load_pool(source, options)
        likenesses = find_likenesses([tool for domain in pool.domains for tool in domain.tools])
        written = export_pool(pool, likenesses, name_of_source(source, folder), folder)
    except PoolError as error:
        complain(str(error))
        return 1
    print_notes(pool.notes)
    print_likenesses(likenesses)
    for domain, name in written.renamed.items():
        warn(f"{folder} has a domain {domain} from elsewhere already: this one is {name}.")
    if written.executable:
        say(f"{', '.join(written.executable)}: {folder / BACKENDS_FILE} says what runs the tools.")
    for domain in written.kept:
        warn(f"{folder / BACKENDS_FILE} speaks of {domain} already and was left as it is.")
    if is_live(source) and not any(domain.backends for domain in pool.domains):
        warn(
            "The server annotates none of its tools as read-only, so a model will simulate them. Import it again with "
            "--allow-writes to have the server run them."
        )
    for file in written.removed:
        say(f"{folder / file} is gone: the source has no such domain any more.")
    tools = sum(len(domain.tools) for domain in pool.domains)
    counts = Counter(note.status for note in pool.notes)
    say(
        f"{len(pool.notes):,} entries: {counts['accepted']:,} accepted, {counts['repaired']:,} repaired, "
        f"{counts['rejected']:,} rejected."
    )
    changed = f"{len(written.changed)} files written" if written.changed else "nothing had changed"
    say(
        f"{tools:,} tools in {len(pool.domains)} domains are in {folder} ({changed}); "
        f"{folder / REPORT_FILE} has a note on each entry."
    )
    return 1 if counts["rejected"] else 0
