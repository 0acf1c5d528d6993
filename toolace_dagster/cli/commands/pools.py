"""``toolace pool``: options of the commands that look into a tool pool.

Belongs here: their options and help. Does not belong here: reading a pool, and
printing what is in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolace_dagster.cli.commands.options import (
    DEFAULT_HOME,
    DomainLimitOption,
    PoolOption,
    SkipDeprecatedOption,
    group,
    read_configuration,
)
from toolace_dagster.settings import Settings

pools = group("Look into a tool pool.")


@pools.command("list")
def pool_list(
    pool: PoolOption = None,
    domain_limit: DomainLimitOption = None,
    skip_deprecated: SkipDeprecatedOption = None,
) -> None:
    """List domains and their tools."""
    from toolace_dagster.cli.pool import list_pool

    raise typer.Exit(list_pool(_pool_settings(pool, domain_limit, skip_deprecated)))


@pools.command("check")
def pool_check(
    pool: PoolOption = None,
    domain_limit: DomainLimitOption = None,
    skip_deprecated: SkipDeprecatedOption = None,
) -> None:
    """Say of each entry whether it was accepted, repaired or rejected, and why; exits with 1 when one was rejected."""
    from toolace_dagster.cli.pool import check_pool

    raise typer.Exit(check_pool(_pool_settings(pool, domain_limit, skip_deprecated)))


@pools.command("import")
def pool_import(
    source: Annotated[
        str,
        typer.Argument(
            help="Where the tools are: a folder, a file, an http(s) address, Python code, or a live MCP server."
        ),
    ],
    into: Annotated[Path, typer.Option("--into", help="Folder that gets a file per domain; a pool of its own.")],
    domains: Annotated[
        Path | None,
        typer.Option("--domains", exists=True, dir_okay=False, help="A domains.toml: what you say about domains."),
    ] = None,
    domain_limit: DomainLimitOption = None,
    skip_deprecated: SkipDeprecatedOption = None,
    allow_writes: Annotated[
        bool, typer.Option("--allow-writes", help="Have a live server also run tools not annotated as read-only.")
    ] = False,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", help="NAME=VALUE for a live server; the value names a variable as ${NAME}."),
    ] = None,
) -> None:
    """Write the tools of a source into a folder in the normal form; exits with 1 when an entry was rejected."""
    from toolace_dagster.cli.pool_import import import_pool
    from toolace_dagster.tool_pool import PoolOptions

    settings = _pool_settings(None, domain_limit, skip_deprecated)
    options = PoolOptions(
        domain_limit=settings.domain_limit,
        skip_deprecated=settings.skip_deprecated,
        domains_file=str(domains) if domains else "",
        allow_writes=allow_writes,
        headers=tuple((name.strip(), value) for name, _, value in (each.partition("=") for each in header or ())),
    )
    raise typer.Exit(import_pool(source, into, options))


@pools.command("graph")
def pool_graph(
    domain: Annotated[str, typer.Argument(help="The tool domain to draw.")],
    pool: PoolOption = None,
    form: Annotated[str, typer.Option("--format", help="mermaid, dot or table.")] = "mermaid",
    domain_limit: DomainLimitOption = None,
    skip_deprecated: SkipDeprecatedOption = None,
) -> None:
    """Draw which tool's result feeds which tool's parameter: Mermaid for Markdown, DOT for Graphviz, or a table."""
    from toolace_dagster.cli.pool import print_graph

    raise typer.Exit(print_graph(_pool_settings(pool, domain_limit, skip_deprecated), domain, form))


def _pool_settings(pool: str | None, domain_limit: int | None, skip_deprecated: bool | None) -> Settings:
    given = {"pool": pool, "domain_limit": domain_limit, "skip_deprecated": skip_deprecated}
    return read_configuration(given, home=DEFAULT_HOME, config=None).settings
