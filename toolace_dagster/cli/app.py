"""``toolace`` as a whole: its groups of commands put together.

Belongs here: the order of the groups and what holds for all. Does not belong here:
a command or its options (`toolace_dagster.cli.commands`).
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolace_dagster import __version__
from toolace_dagster.cli.commands import (
    caches,
    checking,
    configuration,
    exporting,
    making,
    measuring,
    offline,
    pools,
    pushing,
    reading,
)
from toolace_dagster.cli.console import complain, say
from toolace_dagster.cli.stopping import stop_in_order_on_sigterm, stopped_code
from toolace_dagster.pipeline.disk import refused_by_disk

app = typer.Typer(
    help="Turn a pool of tools into verified multi-turn tool-calling dialogues to fine-tune language models on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(making)
app.add_typer(checking)
app.add_typer(reading)
app.add_typer(measuring)
app.add_typer(exporting, name="export")
app.add_typer(pushing)
app.add_typer(pools, name="pool")
app.add_typer(caches, name="cache")
app.add_typer(configuration, name="config")
app.add_typer(offline, name="offline-model")


def _version(wanted: bool) -> None:
    if wanted:
        say(f"toolace-dagster {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a pool of tools into verified multi-turn tool-calling dialogues to fine-tune language models on."""


def main() -> None:
    """Entry point of the console script."""
    stop_in_order_on_sigterm()
    try:
        app()
    except KeyboardInterrupt:
        complain("stopped")
        sys.exit(stopped_code())
    except Exception as error:
        refused = refused_by_disk(error)
        if not refused:
            raise
        complain(refused)
        sys.exit(1)
