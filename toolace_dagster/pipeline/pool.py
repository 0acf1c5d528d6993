"""The tool pool stage: a domain's tools, their links and the import report in its DuckDB file.

Belongs here: loading the pool that settings name, writing a loaded domain, and
whether it changed. Does not belong
here: reading pool files (``tool_pool``).
"""

from __future__ import annotations

import json

from toolace_dagster.entities import Tool, ToolDomain, content_hash
from toolace_dagster.settings import Settings
from toolace_dagster.tool_pool import PoolOptions, ToolPool, load_pool
from toolace_dagster.tool_pool.dependencies import LINKS_VERSION, Link, find_links
from toolace_dagster.warehouse import Row, Store, insert, sql

STAGE = "tool_pool"


def configured_pool(settings: Settings) -> ToolPool:
    """Read the pool a run is about.

    Args:
        settings: Its settings.

    Returns:
        The pool.

    Raises:
        PoolError: It cannot be read or holds no usable tool.
    """
    options = PoolOptions(
        domain_limit=settings.domain_limit,
        skip_deprecated=settings.skip_deprecated,
        allow_writes=settings.allow_writes,
        headers=tuple(settings.mcp_headers.items()),
    )
    return load_pool(settings.pool, options)


def pool_fingerprint(domain: ToolDomain) -> str:
    """Content hash of tools, links and import report: what the stage would write."""
    return content_hash(domain, LINKS_VERSION)


def lasting_fingerprint(domain: ToolDomain) -> str:
    """The same without what the domain may borrow from others."""
    return pool_fingerprint(domain.model_copy(update={"borrowed": ()}))


def own_fingerprint(domain: ToolDomain) -> str:
    """Content hash of a domain's own tools and backends, without what it may borrow from others."""
    return content_hash(
        [tool.fingerprint for tool in domain.tools], [each.model_dump(mode="json") for each in domain.backends]
    )


def holds_tools(store: Store, domain: ToolDomain) -> bool:
    """Whether the file's current tools and backends are the domain's own, whatever it may borrow."""
    with store.reading():
        tools = store.read(sql("queries/current_tool_versions"))
        backends = store.read(sql("queries/domain_backends"))
    definitions = [json.loads(row["definition"]) for row in backends]
    return own_fingerprint(domain) == content_hash([row["fingerprint"] for row in tools], definitions)


def is_current(store: Store, domain: ToolDomain) -> bool:
    """Whether the file holds just this domain."""
    facts = store.read(sql("queries/domain_facts"))
    return bool(facts) and facts[0]["fingerprint"] == pool_fingerprint(domain)


def is_current_but_for_borrowed(store: Store, domain: ToolDomain) -> bool:
    """Whether the file holds just this domain, whatever it may borrow from others."""
    facts = store.read(sql("queries/domain_facts"))
    return bool(facts) and facts[0]["lasting_fingerprint"] == lasting_fingerprint(domain)


def write_pool(store: Store, domain: ToolDomain) -> None:
    """Make the domain's tools current; earlier versions of a tool stay, marked as not current.

    Args:
        store: The domain's file.
        domain: The domain as loaded.
    """
    links: list[Row] = [{"domain": domain.name, **link.model_dump()} for link in find_links(domain.tools)]
    notes: list[Row] = [note.model_dump(exclude={"domain"}) for note in domain.notes]
    backends: list[Row] = [
        {"position": position, "kind": backend.kind, "definition": backend.model_dump(mode="json")}
        for position, backend in enumerate(domain.backends)
    ]
    facts: Row = {
        "domain": domain.name,
        "description": domain.description,
        "fingerprint": pool_fingerprint(domain),
        "lasting_fingerprint": lasting_fingerprint(domain),
    }
    with store.write() as connection:
        for table, tools in (("domain_tools", domain.tools), ("borrowed_tools", domain.borrowed)):
            connection.execute(
                f"DELETE FROM {table} WHERE fingerprint IN (SELECT unnest($fingerprints::VARCHAR[]))",  # noqa: S608 - our own table names
                {"fingerprints": [tool.fingerprint for tool in tools]},
            )
            connection.execute(f"UPDATE {table} SET is_current = false")  # noqa: S608 - our own table names
            insert(connection, table, [_tool_row(tool) for tool in tools])
        connection.execute("DELETE FROM import_notes")
        insert(connection, "import_notes", notes)
        connection.execute("DELETE FROM tool_links")
        insert(connection, "tool_links", links)
        connection.execute("DELETE FROM domain_backends")
        insert(connection, "domain_backends", backends)
        connection.execute("DELETE FROM domain_facts")
        insert(connection, "domain_facts", [facts])


def _tool_row(tool: Tool) -> Row:
    return {
        "name": tool.name,
        "fingerprint": tool.fingerprint,
        "description": tool.description,
        "definition": tool.model_dump(mode="json"),
        "source": tool.provenance.source,
        "licence": tool.provenance.licence,
        "is_current": True,
    }


def stored_links(store: Store) -> tuple[Link, ...]:
    """The links of a domain's tools as the stage wrote them, the surest first."""
    rows = store.read(sql("queries/tool_links"))
    return tuple(Link(**{name: row[name] for name in Link.model_fields}) for row in rows)
