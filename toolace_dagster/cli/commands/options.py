"""Options that several commands have, and the settings that options ask for.

Belongs here: what more than one module of commands needs. Does not belong here: an
option of one group of commands (its module has it), and what the settings mean.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from toolace_dagster.cli.assignments import BadAssignment, read_assignments
from toolace_dagster.cli.console import complain, warn
from toolace_dagster.configuration import Configuration, ConfigurationError, configure
from toolace_dagster.configuration.names import setting_names
from toolace_dagster.configuration.values import anchored
from toolace_dagster.settings import SHIPPED_POOL
from toolace_dagster.settings.credentials import without_secrets

HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="TOOLACE_HOME", help="Folder for tables, journals, exports and Dagster's instance."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file; else TOOLACE_CONFIG names it, else it is toolace.toml here or in the home.",
        show_default=False,
    ),
]
AssignmentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any setting by its name, such as roles.judge.model=gpt-4o-mini; can be repeated.",
    ),
]
DEFAULT_HOME = Path("toolace_data")


def group(help_text: str | None = None) -> typer.Typer:
    """Commands that belong together; with a help text they get a name of their own, else they stand at the top."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None)


def setting(name: str, text: str, *flags: str, **more: Any) -> Any:
    """An option that is a setting: None unless it is given, since a file or the environment may set it too.

    Args:
        name: Dotted name of the setting.
        text: Help.
        flags: How it is written; made of the parameter's name when empty.
        more: As ``typer.Option`` takes it.
    """
    default = setting_names()[name].default
    shown = "shipped pool" if default == str(SHIPPED_POOL) else default
    # Click puts a default in brackets that is not the parameter's own.
    words = text if shown is None or shown is False else f"{text}  [default: {shown}]"
    return typer.Option(*flags, help=words, show_default=False, **more)


PoolOption = Annotated[
    str | None,
    setting(
        "pool",
        "Where the tools are: a folder or file of tool definitions, the http(s) address of one,"
        " Python code, or a live MCP server.",
        "--pool",
        metavar="SOURCE",
    ),
]
DomainLimitOption = Annotated[
    int | None, setting("domain_limit", "Tools a domain may have; a larger one is split by their texts.", min=2)
]
SkipDeprecatedOption = Annotated[
    bool | None, setting("skip_deprecated", "Leave out operations that OpenAPI marks as deprecated.")
]


def read_configuration(
    given: Mapping[str, Any],
    *,
    home: Path,
    config: Path | None,
    assignments: Iterable[str] = (),
    goes_on: bool = False,
) -> Configuration:
    """The settings that count; ends the program with 2 when one is bad.

    Args:
        given: Options by the dotted name of their setting; None where one was not given.
        home: The home folder.
        config: Configuration file, when one was named.
        assignments: Those of ``--set``, which come after the options.
        goes_on: Whether the settings of the home's last run count where there is no configuration file.
    """
    assignments = tuple(assignments)
    values = {name: anchored(name, value, Path.cwd()) for name, value in given.items() if value is not None}
    origins = {name: f"--{name.rpartition('.')[2].replace('_', '-')}" for name in values}
    try:
        assigned = read_assignments(assignments)
        origins |= dict.fromkeys(assigned, "--set")
        last = _last_run(home) if goes_on else None
        made = configure(values | assigned, home=home, environ=os.environ, file=config, origins=origins, last_run=last)
    except BadAssignment as error:
        given_as = (each.partition("=") for each in assignments)
        complain(without_secrets(str(error), {text for name, _, text in given_as if name.endswith("api_key_env")}))
        raise typer.Exit(2) from None
    except ConfigurationError as error:
        complain(str(error))
        raise typer.Exit(2) from None
    for warning in made.warnings:
        warn(warning)
    return made


def _last_run(home: Path) -> Path:
    from toolace_dagster.warehouse import Warehouse

    return Warehouse(home).settings_file
