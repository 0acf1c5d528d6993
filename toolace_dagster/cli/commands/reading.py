"""``toolace status``, ``why``, ``explore``, ``sample`` and ``ui``: options of the commands that show what a home holds.

Belongs here: their options and help. Does not belong here: what they show.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolace_dagster.cli.commands.options import DEFAULT_HOME, ConfigOption, HomeOption, group, read_configuration
from toolace_dagster.cli.console import complain

reading = group()


@reading.command()
def status(home: HomeOption = DEFAULT_HOME) -> None:
    """Show what a home holds: dialogues by domain and end, by stage, and why they were rejected."""
    from toolace_dagster.cli.status import show_status

    raise typer.Exit(show_status(home))


@reading.command()
def why(
    dialogue_id: Annotated[
        str | None, typer.Argument(help="A dialogue's id, or the beginning of it; without it, all failures in groups.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    domain: Annotated[str | None, typer.Option(help="Failures of this tool domain, in groups.")] = None,
    check: Annotated[str | None, typer.Option(help="Failures by this check, such as rule.grounding.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the story of a dialogue as one HTML file.")] = None,
) -> None:
    """Say why a dialogue ended as it did: its first cause, then its whole story; or group the failures of many."""
    from toolace_dagster.cli.why import show_failures, show_story

    if dialogue_id is not None and (domain or check):
        complain("give a dialogue, or --domain and --check for groups of failures, not both")
        raise typer.Exit(2)
    if dialogue_id is None and html is not None:
        complain("--html is for the story of one dialogue; `toolace explore` shows groups as pages")
        raise typer.Exit(2)
    if dialogue_id is None:
        raise typer.Exit(show_failures(home, domain, check, as_json=as_json))
    raise typer.Exit(show_story(home, dialogue_id, as_json=as_json, html=html))


@reading.command()
def explore(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes any free one.")] = 3001,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine see everything.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")] = True,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Another home over the same tasks, to compare dialogues blind; HOME/simulation if there is one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Look at dialogues in a browser: chats, edits step by step, findings in place, failures as plots."""
    from toolace_dagster.cli.explore import serve_explorer

    raise typer.Exit(serve_explorer(home, host, port, browser=browser, against=against))


@reading.command()
def ratings(
    home: HomeOption = DEFAULT_HOME,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which home's dialogues people preferred when they compared them blind in `toolace explore`."""
    from toolace_dagster.cli.ratings import show_ratings

    raise typer.Exit(show_ratings(home, as_json=as_json))


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
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on this machine.")] = 3000,
) -> None:
    """Open the Dagster UI over a home."""
    from toolace_dagster.cli.ui import serve_ui

    made = read_configuration({}, home=home, config=config, goes_on=True)
    raise typer.Exit(serve_ui(home, port, made.settings, made.file))
