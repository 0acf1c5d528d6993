"""The verdict over one dialogue: rules first, then experts, then one terminal state.

Aggregation: any hard finding of a rule rejects, and the experts are not asked.
Else each sub-question passes if more judges pass it than not, and the weight of
those that pass has to reach a share of the whole, all of it by default. If it does
not, the objections are hard findings, else remarks.

Belongs here: the order and the aggregation. Does not belong here: single checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from toolace_dagster.entities import Dialogue, ExpertAnswer, Finding, TaskSpec, TerminalState, Tool, Verdict
from toolace_dagster.llm.protocol import Program
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.experts import experts_program
from toolace_dagster.verification.replay import replay_program
from toolace_dagster.verification.rules import Facts

STAGE = "verification"
_ROUNDING = 1e-9


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
    return decide(dialogue.id, findings, answers, settings)


def decide(dialogue_id: str, findings: list[Finding], answers: list[ExpertAnswer], settings: Settings) -> Verdict:
    """Aggregate rules and experts.

    Args:
        dialogue_id: The dialogue.
        findings: Of the rules.
        answers: Of the experts; empty when a rule already rejected.
        settings: Weights and threshold of the experts.

    Returns:
        The verdict. The first hard finding is the one its terminal state names.
    """
    findings = [*findings, *_objections(answers, settings)]
    hard = next((finding for finding in findings if finding.severity == "hard"), None)
    if hard is None:
        terminal = TerminalState(state="accepted", stage=STAGE)
    else:
        terminal = TerminalState(
            state="rejected",
            stage=STAGE,
            check=hard.check,
            turn_id=hard.turn_id,
            evidence=hard.evidence or hard.message,
            reason=hard.message,
        )
    ordered = sorted(findings, key=lambda finding: finding.severity != "hard")
    return Verdict(dialogue_id=dialogue_id, findings=tuple(ordered), answers=tuple(answers), terminal=terminal)


def _objections(answers: Sequence[ExpertAnswer], settings: Settings) -> list[Finding]:
    """A finding for each sub-question that somebody objects to; hard where it counts and too little weight passes."""
    by_question: dict[str, list[ExpertAnswer]] = {}
    for answer in answers:
        by_question.setdefault(answer.question, []).append(answer)
    weights = {question: settings.expert_weights.get(question, 1.0) for question in by_question}
    passes = {
        question: 2 * sum(answer.passes for answer in given) > len(given) for question, given in by_question.items()
    }
    whole = sum(weights.values())
    passed = sum(weight for question, weight in weights.items() if passes[question])
    # A share of 0.7 must not fail a threshold of 0.7 for want of a last digit.
    rejects = passed + _ROUNDING < settings.expert_threshold * whole
    return [
        _objection(given, hard=rejects and not passes[question] and weights[question] > 0)
        for question, given in by_question.items()
        if not all(answer.passes for answer in given)
    ]


def _objection(given: Sequence[ExpertAnswer], *, hard: bool) -> Finding:
    objecting = [answer for answer in given if not answer.passes]
    # Of several judges, one who quotes what is there speaks for the others.
    answer = next((each for each in objecting if each.quote_stands), objecting[0])
    reason = answer.reason or f"The expert on {answer.question} objects without a reason."
    notes = [f"{len(objecting)} of {len(given)} judges object."] if len(given) > 1 else []
    notes += [] if answer.quote_stands else ["What it quotes does not stand there."]
    return Finding(
        check=f"expert.{answer.question}",
        severity="hard" if hard else "soft",
        turn_id=answer.turn_id,
        evidence=answer.quote or answer.reason,
        message=" ".join([reason, *notes]),
    )
