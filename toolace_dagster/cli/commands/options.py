"""Options that several commands have, and the settings that options ask for.

Belongs here: what more than one module of commands needs. Does not belong here: an
option of one group of commands (its module has it), and what the settings mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from toolace_dagster.cli.console import complain
from toolace_dagster.settings import SHIPPED_POOL, Settings

HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="TOOLACE_HOME", help="Folder for tables, journals, exports and Dagster's instance."),
]
PoolOption = Annotated[
    str,
    typer.Option(
        "--pool",
        envvar="TOOLACE_POOL",
        metavar="SOURCE",
        help="Where the tools are: a folder or file of tool definitions, the http(s) address of one,"
        " Python code, or a live MCP server.",
        show_default="shipped pool",
    ),
]
DomainLimitOption = Annotated[
    int, typer.Option("--domain-limit", min=2, help="Tools a domain may have; a larger one is split by their texts.")
]
SkipDeprecatedOption = Annotated[
    bool, typer.Option("--skip-deprecated", help="Leave out operations that OpenAPI marks as deprecated.")
]
OUR_POOL = str(SHIPPED_POOL)
DEFAULT_LIMIT = 120
DEFAULT_HOME = Path("toolace_data")


def group(help_text: str | None = None) -> typer.Typer:
    """Commands that belong together; with a help text they get a name of their own, else they stand at the top."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None)


def anywhere(pool: str) -> str:
    """The pool as any process finds it: the UI starts from the settings of the last run, wherever it is started."""
    from toolace_dagster.tool_pool import absolute_source

    return pool if pool == OUR_POOL else absolute_source(pool)


def read_settings(values: dict[str, object], assignments: list[str] | None = None) -> Settings:
    """Settings of values by name and of assignments, which come last; ends the program with 2 when one is bad."""
    from toolace_dagster.cli.assignments import BadAssignment, assign

    try:
        return Settings.model_validate(assign(values, assignments or []))
    except BadAssignment as error:
        complain(str(error))
        raise typer.Exit(2) from None
    except ValidationError as error:
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            # Our own messages say enough, and what they refuse may hold a credential.
            shown = f", not {fault['input']!r}" if name and fault["type"] != "value_error" else ""
            complain(f"setting {name or 'combination'}: {fault['msg']}{shown}")
        raise typer.Exit(2) from None
