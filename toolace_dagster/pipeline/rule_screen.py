"""The rules of verification as a screen for refinement, which comes before it and does not know them.

Belongs here: turning findings into faults of the screen. Does not belong here: rules
(``verification.rules``), or what refinement does about a fault.
"""

from __future__ import annotations

from collections.abc import Mapping

from toolace_dagster.entities import Dialogue, TaskSpec, Tool
from toolace_dagster.refinement.screen import Fault, HardRules
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.rules import Facts


def hard_rules(checks: Checks, spec: TaskSpec, tools: Mapping[str, Tool]) -> HardRules:
    """What would reject a dialogue and can be mended in a turn of it.

    Args:
        checks: The rules of the run.
        spec: The dialogue's task.
        tools: Tools of the domain by name.
    """
    facts = Facts(language=spec.language)

    def found(dialogue: Dialogue) -> frozenset[Fault]:
        turns = {turn.id for turn in dialogue.turns}
        faults: set[Fault] = set()
        for finding in checks.findings(dialogue, spec, tools, facts):
            rule = checks.rules.rules.get(finding.check)
            if finding.severity == "hard" and finding.turn_id in turns and rule is not None and rule.repairable:
                assert finding.turn_id is not None
                faults.add(Fault(finding.turn_id, finding.message))
        return frozenset(faults)

    return found
