"""``toolace cache``: options of the commands that look after kept responses.

Belongs here: their options and help. Does not belong here: what is removed, and how.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from toolace_dagster.cli.commands.options import DEFAULT_HOME, HomeOption, group
from toolace_dagster.cli.console import complain

caches = group("What responses a home keeps, or with --cache a folder that homes share.")

SharedOption = Annotated[
    Path | None, typer.Option("--cache", help="Folder of a shared cache, which is then meant instead of a home.")
]


@caches.command("list")
def cache_list(
    home: HomeOption = DEFAULT_HOME,
    cache: SharedOption = None,
    by: Annotated[Literal["model", "stage", "domain", "age"], typer.Option(help="What to group calls by.")] = "model",
) -> None:
    """List the calls whose prompts and replies are kept: how many, how large, how old."""
    from toolace_dagster.cli.cache import list_cache

    raise typer.Exit(list_cache(home, cache, by))


@caches.command("size")
def cache_size(home: HomeOption = DEFAULT_HOME, cache: SharedOption = None) -> None:
    """Say how many calls are kept and how much room they take."""
    from toolace_dagster.cli.cache import size_cache

    raise typer.Exit(size_cache(home, cache))


@caches.command("prune")
def cache_prune(
    home: HomeOption = DEFAULT_HOME,
    cache: SharedOption = None,
    older_than: Annotated[str | None, typer.Option(help="Paid for longer ago than this, such as 30d or 12h.")] = None,
    unused_since: Annotated[str | None, typer.Option(help="Not used for this long, such as 8w.")] = None,
    model: Annotated[str | None, typer.Option(help="Of this model.")] = None,
    down_to: Annotated[
        str | None, typer.Option(help="Least recently used first, until so much text is left, such as 500MB.")
    ] = None,
    used_too: Annotated[bool, typer.Option("--used-too", help="Of a home: also what current rows use.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove prompts and replies that meet all conditions given; what was paid for them stays on the books.

    In a home the calls behind its current dialogues are spared. A removed reply is paid for again if it is asked for.
    """
    from toolace_dagster.cli.cache import byte_count, duration, prune_cache
    from toolace_dagster.llm.cache.upkeep import Selection

    if not any((older_than, unused_since, model, down_to)):
        complain("say what to remove: --older-than, --unused-since, --model or --down-to")
        raise typer.Exit(2)
    try:
        selection = Selection(
            older_than=duration(older_than) if older_than else None,
            unused_since=duration(unused_since) if unused_since else None,
            model=model,
            down_to=byte_count(down_to) if down_to else None,
            used_too=used_too,
        )
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(2) from None
    raise typer.Exit(prune_cache(home, cache, selection, dry_run=dry_run))
