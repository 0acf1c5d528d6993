"""``toolace export`` and ``toolace push``: options of the commands that write training files and look into them.

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
    group,
    read_configuration,
)
from toolace_dagster.settings import CheckedFormat, FormatName

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
    """Write preference pairs for TRL: what a judge preferred, repaired turns, and calls before a mistake was put in."""
    from toolace_dagster.cli.export import export_preferences

    made = read_configuration({}, home=home, config=config, assignments=assignments or (), goes_on=True)
    raise typer.Exit(export_preferences(home, made.settings, out))


@exporting.command()
def check(
    file: Annotated[Path, typer.Argument(help="A training file: .jsonl, .json or .parquet; ours or anybody's.")],
    form: Annotated[CheckedFormat, typer.Option("--format", help="Format it should have.")] = "trl",
    shown: Annotated[int, typer.Option("--show", min=0, help="Findings to show in words.")] = 20,
) -> None:
    """Check a training file for what trainers get wrong without a word; exits with 1 when something is."""
    from toolace_dagster.cli.export_check import check_export

    raise typer.Exit(check_export(file, form, shown))


@exporting.command()
def tokens(
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help="Folder of a model, or a tokenizer.json; guesses if left out.")
    ] = None,
    max_length: Annotated[list[int] | None, typer.Option("--max-length", help="A limit; can be repeated.")] = None,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
) -> None:
    """Count the tokens of dialogues, tools included, and what each length limit of a trainer keeps."""
    from toolace_dagster.cli.export_check import show_tokens

    made = read_configuration({}, home=home, config=config, assignments=assignments or (), goes_on=True)
    raise typer.Exit(show_tokens(home, made.settings, tokenizer, max_length))


pushing = group()


@pushing.command()
def push(
    repository: Annotated[str, typer.Argument(help="Data set on the hub, such as name/tool-dialogues.")],
    public: Annotated[bool, typer.Option("--public", help="A new repository is public; else it is private.")] = False,
    rehearsal: Annotated[bool, typer.Option("--rehearsal", help="Push what the offline model wrote, too.")] = False,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
) -> None:
    """Push card and files to the Hugging Face Hub, with the token in HF_TOKEN; nothing else ever pushes."""
    from toolace_dagster.cli.export_check import push_exports

    made = read_configuration({}, home=home, config=config, assignments=assignments or (), goes_on=True)
    raise typer.Exit(push_exports(home, made.settings, repository, private=not public, rehearsal=rehearsal))
