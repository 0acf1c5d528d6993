"""The report as Markdown.

Belongs here: the same tables as the page, without plots. Does not belong here: facts,
or escaping (``reporting.markdown``).
"""

from __future__ import annotations

from collections.abc import Sequence

from toolace_dagster.reporting.markdown import escaped
from toolace_dagster.reporting.report import statements
from toolace_dagster.reporting.report.facts import ReportFacts
from toolace_dagster.reporting.report.tables import Table, experiments_note, report_tables


def report_markdown(facts: ReportFacts) -> str:
    """Write the report.

    Args:
        facts: What it says.
    """
    parts = [f"# Report on {escaped(facts.home)}", _introduction(facts)]
    for section, tables in report_tables(facts):
        parts.append(f"## {section}")
        if section == "Experiments":
            parts.append(escaped(experiments_note(facts)))
        for each in tables:
            parts += [f"### {escaped(each.title)}" if each.title else "", _table(each), escaped(each.note)]
    parts += ["## What these figures show", _statements(facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _introduction(facts: ReportFacts) -> str:
    lines = [
        f"- {escaped(method.name)}: {method.text('dialogues', over='attempted')} dialogues attempted, "
        f"{method.text('dialogues')} accepted; made by {escaped(models(method.models))}"
        for method in facts.methods
    ]
    notice = {"all": f"> **{statements.OFFLINE_ALL}**", "some": f"> **{statements.OFFLINE_SOME}**"}
    return "\n".join(lines) + (f"\n\n{notice[facts.offline]}" if facts.offline in notice else "")


def models(found: Sequence[tuple[str, str]]) -> str:
    """Models in words."""
    return ", ".join(
        f"{model} at {endpoint}" if endpoint != model else f"the {model} model" for model, endpoint in found
    ) or ("a model that is not recorded")


def _table(found: Table) -> str:
    # Headings are labels of arms and names of methods, which nobody vetted; two may be the same.
    lines = [found.columns, ["---"] * len(found.columns), *found.rows]
    return "\n".join("| " + " | ".join(escaped(cell) for cell in line) + " |" for line in lines)


def _statements(facts: ReportFacts) -> str:
    parts: list[str] = []
    if facts.offline != "none":
        parts += ["What the offline model's figures can show:", _list(statements.CAN_SHOW)]
        parts += ["What they can't:", _list(statements.CANNOT_SHOW), "In any case:"]
    return "\n\n".join([*parts, _list(statements.ALWAYS)])


def _list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
