"""``toolace rules``: which rules there are and what each weighs.

Belongs here: printing them. Does not belong here: loading or running rules
(``verification.rules``).
"""

from __future__ import annotations

import json

from toolace_dagster.cli.console import complain, say, show_table
from toolace_dagster.reporting.rules import rules_table
from toolace_dagster.settings import Settings
from toolace_dagster.verification.benchmarks import BenchmarkUnreadable
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.experts import UnknownQuestion
from toolace_dagster.verification.rules import RuleFileError


def list_rules(settings: Settings, *, as_json: bool, markdown: bool = False) -> int:
    """Print the rules that settings ask for, those that are off too.

    Args:
        settings: Which files of rules, and which severities.
        as_json: As a JSON list instead of a table.
        markdown: As a Markdown table, of the rules that are on.

    Returns:
        Exit code: 2 when a file of rules or a severity can't be used.
    """
    checks = load_checks(settings)
    if checks is None:
        return 2
    if markdown:
        say(rules_table(checks.rules.rules.values()))
        return 0
    rows = [
        {
            "id": each.id,
            "severity": checks.rules.rules[each.id].severity if each.id in checks.rules.rules else "off",
            "repairable": each.repairable,
            "needs_plan": each.needs_plan,
            "source": each.source,
            "summary": each.summary,
        }
        for each in checks.rules.available
    ]
    if as_json:
        say(json.dumps(rows, indent=1))
    else:
        columns = ("rule", "severity", "repairable", "what it asks")
        shown = [(row["id"], row["severity"], "yes" if row["repairable"] else "no", row["summary"]) for row in rows]
        show_table(f"{len(rows)} rules", columns, shown)
    return 0


def load_checks(settings: Settings) -> Checks | None:
    """Load the checks of a run, or complain why they can't be."""
    try:
        return Checks.of(settings)
    except (RuleFileError, BenchmarkUnreadable, UnknownQuestion) as fault:
        complain(str(fault))
        return None
