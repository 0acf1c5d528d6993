"""``toolace config``: what settings count, and a file to set them in.

Belongs here: the commands and what they print. Does not belong here: where settings
come from (``toolace_dagster.configuration``).
"""

from __future__ import annotations

from collections.abc import Mapping
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
from toolace_dagster.cli.console import complain, say, show_table
from toolace_dagster.configuration import CONFIG_FILE
from toolace_dagster.configuration.documented import documented_file, toml_value
from toolace_dagster.configuration.values import flat

configuration = group("What settings count, and where they come from.")


@configuration.command("init")
def config_init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path(CONFIG_FILE),
) -> None:
    """Write a configuration file that has every setting with its default, all in comments."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(documented_file())
    except FileExistsError:
        complain(f"{path} is there already; name another file, or remove it.")
        raise typer.Exit(1) from None
    except OSError as error:
        complain(f"{path} can't be written: {error.strerror}.")
        raise typer.Exit(1) from None
    say(f"Wrote {path}. `toolace config show` prints what counts.")


@configuration.command("show")
def config_show(
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Defaults too.")] = False,
) -> None:
    """Print the settings that count and what set each: the file, a variable of the environment, --set."""
    made = read_configuration({}, home=home, config=config, assignments=assignments or ())
    say(f"Configuration file: {made.file or 'none'}")
    values = dict(flat(made.settings.model_dump(mode="json")))
    rows = [
        (name, toml_value(value) if value is not None else "not set", _origin(name, made.origins))
        for name, value in sorted(values.items())
        if everything or _origin(name, made.origins) != "default"
    ]
    if rows:
        show_table("Settings", ("setting", "value", "set by"), rows)
    else:
        say("Every setting has its default; `toolace config show --all` prints them.")


def _origin(name: str, origins: Mapping[str, str]) -> str:
    """What set a setting, or one of the values in it."""
    return next((by for given, by in origins.items() if f"{given}.".startswith(f"{name}.")), "default")
