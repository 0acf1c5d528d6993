"""``toolace rules`` and ``toolace calibrate``: options of the commands that check dialogues.

Belongs here: their options and help. Does not belong here: the checks
(``verification``).
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
    setting,
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


@checking.command()
def calibrate(
    file: Annotated[
        Path, typer.Argument(help="JSON lines with messages and tools as OpenAI has them, and label: good or bad.")
    ],
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    assignments: AssignmentsOption = None,
    model: Annotated[str | None, setting("llm.model", "Model that plays the experts.")] = None,
    base_url: Annotated[str | None, setting("llm.base_url", "OpenAI-compatible endpoint.")] = None,
    experts: Annotated[bool, typer.Option("--experts/--rules-only", help="Whether experts are asked as well.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Run rules and experts on labelled dialogues and print precision, recall and agreement of each check."""
    from toolace_dagster.cli.calibrate import calibrate as run

    given: dict[str, object] = {"llm.model": model, "llm.base_url": base_url}
    made = read_configuration(given, home=home, config=config, assignments=assignments or ())
    raise typer.Exit(run(file, home, made.settings, experts=experts, as_json=as_json))
