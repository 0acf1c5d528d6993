"""Rules as a table for the docs.

Belongs here: Markdown of rules. Does not belong here: rules.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolace_dagster.verification.rules import Rule


def rules_table(rules: Iterable[Rule]) -> str:
    """The rules as a Markdown table.

    Args:
        rules: Rules, in the order they run.
    """
    rows = ["| rule | severity | repairable | what it asks |", "|---|---|---|---|"]
    rows += [
        f"| `{each.id}` | {each.severity} | {'yes' if each.repairable else 'no'} | {each.summary.replace('|', '/')} |"
        for each in rules
    ]
    return "\n".join(rows)
