"""The verdict over one dialogue: rules first, then experts, then one terminal state.

Aggregation: any hard finding of a rule rejects, and the experts are not asked.
Else each sub-question passes if more judges pass it than not, and the weight of
those that pass has to reach a share of the whole, all of it by default. If it does
not, the objections are hard findings, else remarks.

A rejected dialogue whose faults lie in a few turns is sent back once: these turns
are written anew, and it is verified again. If a setting asks for it, the sub-tasks
before the first fault are verified by themselves.

Belongs here: the order and the aggregation. Does not belong here: single checks, or
writing turns anew (``refinement.repair``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from toolace_dagster.entities import (
    Dialogue,
    Edit,
    ExpertAnswer,
    Finding,
    TaskSpec,
    TerminalState,
    Tool,
    Verdict,
    apply_edit,
)
from toolace_dagster.execution.protocol import ExecutionFailed
from toolace_dagster.llm.protocol import CallFailed, Program
from toolace_dagster.refinement.repair import repair_program, repairable_turns
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks, calls_taken_away
from toolace_dagster.verification.experts import experts_program
from toolace_dagster.verification.prefix import good_prefix
from toolace_dagster.verification.replay import replay_program
from toolace_dagster.verification.rules import Facts

STAGE = "verification"
_ROUNDING = 1e-9
_OF_THE_MOMENT = ("connection", "timeout", "rate_limit", "server", "batch")
"""Faults of calls that another run may not meet: the row fails, so that it is tried again."""


@dataclass(frozen=True)
class _Bench:
    """What a dialogue is verified by."""

    tools: Mapping[str, Tool]
    settings: Settings
    checks: Checks
    executable: frozenset[str]


def verdict_program(
    dialogue: Dialogue,
    spec: TaskSpec,
    tools: Mapping[str, Tool],
    settings: Settings,
    checks: Checks | None = None,
    facts: Facts | None = None,
    executable: frozenset[str] = frozenset(),
) -> Program[Verdict]:
    """Verify one dialogue, and send it back once where that can help.

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
    bench = _Bench(tools, settings, checks or Checks.of(settings), executable)
    known = facts or Facts()
    verdict = yield from _verified(dialogue, spec, bench, known)
    if verdict.terminal.state == "rejected" and settings.repair:
        verdict = yield from _repaired(dialogue, spec, bench, known, verdict)
    if verdict.terminal.state == "rejected" and settings.keep_prefix:
        verdict = yield from _cut(dialogue, spec, bench, known, verdict)
    return verdict


def _verified(dialogue: Dialogue, spec: TaskSpec, bench: _Bench, facts: Facts) -> Program[Verdict]:
    replayed, fault = yield from replay_program(dialogue, bench.executable, spec.today)
    facts = replace(facts, language=spec.language, replayed=replayed, replay_fault=fault)
    findings = bench.checks.findings(dialogue, spec, bench.tools, facts)
    answers: list[ExpertAnswer] = []
    if not any(finding.severity == "hard" for finding in findings):
        answers = yield from experts_program(dialogue, spec, bench.tools, bench.settings, findings)
    verdict = decide(dialogue.id, findings, answers, bench.settings)
    outcomes = dict.fromkeys((turn.id for turn in dialogue.turns), "clean")
    for finding in reversed(verdict.findings):
        if finding.turn_id in outcomes:
            outcomes[finding.turn_id] = "fault" if finding.severity == "hard" else "remark"
    return Verdict.model_validate(verdict.model_copy(update={"turn_outcomes": outcomes}).model_dump())


def _repaired(dialogue: Dialogue, spec: TaskSpec, bench: _Bench, facts: Facts, first: Verdict) -> Program[Verdict]:
    """Send the turns at fault back, as often as is set; repairs that do not lead to acceptance are given up.

    Each repair goes on from the one before it, and all are recorded.
    """
    current, verdict = dialogue, first
    edits: list[Edit] = []
    mended_findings: list[Finding] = []
    while len(edits) < bench.settings.repairs and (faults := _repairable(current, verdict, bench.checks)):
        try:
            edit = yield from repair_program(
                current, spec, bench.tools, bench.settings, faults, bench.executable, len(edits)
            )
        except CallFailed as failed:
            if failed.error.kind in _OF_THE_MOMENT:
                raise
            break
        except ExecutionFailed as failed:
            if failed.kind == "unavailable":
                raise
            break
        edits.append(edit)
        if edit.outcome != "accepted":
            break
        edits[-1] = edit.model_copy(update={"reason": "; ".join(found for each in faults.values() for found in each)})
        current = apply_edit(current, edit)
        mended_findings += [finding.mended(edit.id) for finding in verdict.findings if finding.severity == "hard"]
        taken = calls_taken_away({edit.id: edit.replacements})
        facts = replace(facts, changes={**facts.changes, **taken})
        verdict = yield from _verified(current, spec, bench, facts)
        if verdict.terminal.state == "accepted":
            findings = (*verdict.findings, *mended_findings)
            return verdict.model_copy(update={"findings": findings, "edits": tuple(edits), "dialogue": current})
        why = f"verified again: {verdict.terminal.check}: {verdict.terminal.reason}"
        edits[-1] = edits[-1].model_copy(update={"reason": f"{why}; it was to mend: {edits[-1].reason}"})
    given_up = tuple(e.model_copy(update={"outcome": "kept"}) if e.outcome == "accepted" else e for e in edits)
    return first.model_copy(update={"edits": given_up}) if edits else first


def _repairable(dialogue: Dialogue, verdict: Verdict, checks: Checks) -> dict[str, list[str]]:
    """What is wrong with which turns to mask; empty where a fault lies elsewhere."""
    hard = [finding for finding in verdict.findings if finding.severity == "hard"]
    known = {turn.id for turn in dialogue.turns}
    for finding in hard:
        rule = checks.rules.rules.get(finding.check)
        if finding.turn_id not in known or (rule is not None and not rule.repairable):
            return {}
    masked = repairable_turns(dialogue, [finding.turn_id for finding in hard if finding.turn_id is not None])
    faults: dict[str, list[str]] = {turn_id: [] for turn_id in masked}
    for finding in hard:
        assert finding.turn_id is not None
        if masked:
            place = finding.turn_id if finding.turn_id in faults else _call_before(dialogue, finding.turn_id)
            faults[place].append(finding.message)
    return faults


def _call_before(dialogue: Dialogue, turn_id: str) -> str:
    return dialogue.turns[dialogue.position(turn_id) - 1].id


def _cut(dialogue: Dialogue, spec: TaskSpec, bench: _Bench, facts: Facts, whole: Verdict) -> Program[Verdict]:
    """Verify the sub-tasks before the first fault by themselves."""
    cut = good_prefix(dialogue, spec, whole.findings)
    if cut is None:
        return whole
    verdict = yield from _verified(cut.dialogue, cut.spec, bench, facts)
    if verdict.terminal.state == "rejected":
        return whole
    kept = len(cut.dialogue.turns)
    lost = tuple(
        finding.model_copy(update={"severity": "soft", "message": f"{finding.message} Only {kept} turns are kept."})
        for finding in whole.findings
        if finding.severity == "hard"
    )
    return verdict.model_copy(
        update={"findings": (*verdict.findings, *lost), "edits": whole.edits, "dialogue": cut.dialogue}
    )


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
