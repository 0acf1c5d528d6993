"""``toolace export``: options of the commands that write training files and look into them.

Belongs here: their options and help. Does not belong here: what they do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolace_dagster.cli.commands.options import (
    DEFAULT_HOME,
    AssignmentsOption,
    ConfigOption,
    HomeOption,
    read_configuration,
)
from toolace_dagster.settings import FormatName

exporting = typer.Typer(rich_markup_mode=None)


@exporting.callback(invoke_without_command=True)
def export(
    context: typer.Context,
    form: Annotated[FormatName, typer.Option("--format", help="Format to write.")] = "trl",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder that gets the format's own; the home's exports if left out.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
) -> None:
    """Write the verified dialogues of a home as training files of one format."""
    if context.invoked_subcommand is not None:
        return
    from toolace_dagster.cli.export import export_format

    made = read_configuration({}, home=home, config=config, assignments=assignments or (), goes_on=True)
    raise typer.Exit(export_format(home, made.settings, form, out))


@exporting.command()
def preferences(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder that gets preferences/; the home's exports if left out.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
) -> None:
    """Write preference pairs for TRL: versions that a judge preferred, and calls before a mistake was put in."""
    from toolace_dagster.cli.export import export_preferences

    made = read_configuration({}, home=home, config=config, assignments=assignments or (), goes_on=True)
    raise typer.Exit(export_preferences(home, made.settings, out))
