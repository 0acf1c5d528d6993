"""The verdict over one dialogue: rules first, then experts, then one terminal state.

Aggregation: any hard finding of a rule rejects, and the experts are not asked.
Else every sub-question has to pass; an expert's objection is a hard finding.

Belongs here: the order and the aggregation. Does not belong here: single checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from toolace_dagster.entities import Dialogue, ExpertAnswer, Finding, TaskSpec, TerminalState, Tool, Verdict
from toolace_dagster.llm.protocol import Program
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.experts import experts_program
from toolace_dagster.verification.replay import replay_program
from toolace_dagster.verification.rules import Facts

STAGE = "verification"


def verdict_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    checks: Checks | None = None,
    facts: Facts | None = None,
    executable: frozenset[str] = frozenset(),
) -> Program[Verdict]:
    """Verify one dialogue.

    Args:
        dialogue: The dialogue after the last round.
        spec: Its task.
        tools: Tools of the domain by name.
        settings: Expert and sampling settings.
        checks: The rules; loaded from the settings when not given.
        facts: What the stage knows of the dialogue besides, such as an earlier one it repeats.
        executable: Names of the tools that are run for real, whose calls are run again.

    Returns:
        The verdict; its terminal state is accepted or rejected.
    """
    checks = checks or Checks.of(settings)
    replayed, fault = yield from replay_program(dialogue, executable)
    facts = replace(facts or Facts(), replayed=replayed, replay_fault=fault)
    findings = checks.findings(dialogue, spec, tools, facts)
    answers: list[ExpertAnswer] = []
    if not any(finding.severity == "hard" for finding in findings):
        answers = yield from experts_program(dialogue, spec, tools, settings)
    return decide(dialogue.id, findings, answers)


def decide(dialogue_id: str, findings: list[Finding], answers: list[ExpertAnswer]) -> Verdict:
    """Aggregate rules and experts.

    Args:
        dialogue_id: The dialogue.
        findings: Of the rules.
        answers: Of the experts; empty when a rule already rejected.

    Returns:
        The verdict. The first hard finding is the one its terminal state names.
    """
    findings = findings + [_objection(answer) for answer in answers if not answer.passes]
    hard = next((finding for finding in findings if finding.severity == "hard"), None)
    if hard is None:
        terminal = TerminalState(state="accepted", stage=STAGE)
    else:
        terminal = TerminalState(
            state="rejected",
            stage=STAGE,
            check=hard.check,
            turn_id=hard.turn_id,
            evidence=hard.evidence,
            reason=hard.message,
        )
    ordered = sorted(findings, key=lambda finding: finding.severity != "hard")
    return Verdict(dialogue_id=dialogue_id, findings=tuple(ordered), answers=tuple(answers), terminal=terminal)


def _objection(answer: ExpertAnswer) -> Finding:
    return Finding(
        check=f"expert.{answer.question}",
        severity="hard",
        turn_id=answer.turn_id,
        evidence=answer.quote or answer.reason,
        message=answer.reason or f"The expert on {answer.question} objects without a reason.",
    )
