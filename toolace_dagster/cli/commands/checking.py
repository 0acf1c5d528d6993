"""``toolace rules``: options of the commands that check dialogues.

Belongs here: their options and help. Does not belong here: the checks
(``verification``).
"""

from __future__ import annotations

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

checking = group()


@checking.command()
def rules(
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
) -> None:
    """List the rules of verification with their severity, your own and your grades with them."""
    from toolace_dagster.cli.rules import list_rules

    made = read_configuration({}, home=home, config=config, assignments=assignments or ())
    raise typer.Exit(list_rules(made.settings, as_json=as_json, markdown=markdown))
