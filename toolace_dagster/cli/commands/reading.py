"""``toolace status``, ``why``, ``sample`` and ``ui``: options of the commands that show what a home holds.

Belongs here: their options and help. Does not belong here: what they show.
"""

from __future__ import annotations

from typing import Annotated

import typer

from toolace_dagster.cli.commands.options import DEFAULT_HOME, ConfigOption, HomeOption, group, read_configuration
from toolace_dagster.cli.console import complain, say

reading = group()


@reading.command()
def status(home: HomeOption = DEFAULT_HOME) -> None:
    """Show what a home holds: dialogues by domain and end, by stage, and why they were rejected."""
    from toolace_dagster.cli.status import show_status

    raise typer.Exit(show_status(home))


@reading.command()
def why(
    dialogue_id: Annotated[str, typer.Argument(help="A dialogue's id, or the beginning of it.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Tell the story of one dialogue: spec, skeleton, each edit, findings, verdict."""
    from toolace_dagster.reporting.why import UnknownDialogue, read_story, tell
    from toolace_dagster.warehouse import Warehouse

    try:
        say(tell(read_story(Warehouse(home), dialogue_id)))
    except UnknownDialogue as error:
        complain(str(error))
        raise typer.Exit(1) from None


@reading.command()
def sample(
    home: HomeOption = DEFAULT_HOME,
    count: Annotated[int, typer.Option(help="Dialogues to draw.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 0,
) -> None:
    """Print verified dialogues drawn at random, as Markdown, to be read."""
    from toolace_dagster.cli.sample import print_sample

    raise typer.Exit(print_sample(home, count, seed))


@reading.command()
def ui(
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 3000,
) -> None:
    """Open the Dagster UI over a home."""
    from toolace_dagster.cli.ui import serve_ui

    made = read_configuration({}, home=home, config=config)
    raise typer.Exit(serve_ui(home, port, made.file))
