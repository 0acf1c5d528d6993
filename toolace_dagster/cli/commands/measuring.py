"""``toolace metrics`` and ``report``: options of the commands that measure a home.

Belongs here: their options and help. Does not belong here: measuring, or what is shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolace_dagster.cli.commands.options import DEFAULT_HOME, HomeOption, group

measuring = group()

EntailmentOption = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="A model of entailment: FILE.py or package.module, with :function where that is not entails.",
    ),
]


@measuring.command()
def metrics(
    home: HomeOption = DEFAULT_HOME,
    domain: Annotated[str | None, typer.Option(help="Show this tool domain; without it, all together.")] = None,
    entailment: EntailmentOption = None,
    sample: Annotated[
        int, typer.Option(min=2, help="Dialogues over which self-BLEU and coherence are measured.")
    ] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures of all domains as JSON.")] = False,
) -> None:
    """Measure the dialogues of a home: length, diversity, repetition, coverage, coherence, pass rates and cost."""
    from toolace_dagster.cli.metrics import show_metrics

    raise typer.Exit(show_metrics(home, domain, entailment, sample, as_json=as_json))


@measuring.command()
def report(
    home: HomeOption = DEFAULT_HOME,
    into: Annotated[
        Path, typer.Option(metavar="FILE", help="File to write: .html is a page that stands alone, .md is Markdown.")
    ] = Path("report.html"),
) -> None:
    """Write a report: metrics with plots, the paper's figures beside yours, costs by stage, methods and experiments."""
    from toolace_dagster.cli.report import write_report

    raise typer.Exit(write_report(home, into))
