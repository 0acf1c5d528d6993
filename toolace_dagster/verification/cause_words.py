"""The first cause of a finding in one sentence.

Belongs here: words. Does not belong here: finding the cause (``first_cause``).
"""

from __future__ import annotations

from collections.abc import Sequence

from toolace_dagster.entities import Dialogue, Edit, Finding, TaskSpec
from toolace_dagster.verification.first_cause import FirstCause, Step, plain_words, turn_text
from toolace_dagster.verification.rules.normalise import looks_like_identifier, scalars

_LONGEST_VALUE = 60


def told(cause: FirstCause, finding: Finding, steps: Sequence[Step], spec: TaskSpec | None = None) -> FirstCause:
    """A cause with its sentence.

    Args:
        cause: Where the defect comes from.
        finding: The defect.
        steps: All states of the dialogue.
        spec: Its task, which may hold a value that the dialogue never says.
    """
    return cause.model_copy(update={"sentence": f"{_sentence(cause, finding, steps, spec)}."})


def _sentence(cause: FirstCause, finding: Finding, steps: Sequence[Step], spec: TaskSpec | None) -> str:
    subject = _subject(finding)
    # Where no value names it, what was found is the sentence, and since when it is so its end.
    said = " ".join(finding.message.split()).removesuffix(".")
    if cause.how == "judged":
        return f"{subject or said}: it can't be pinned to a turn, since the dialogue was judged as a whole"
    if cause.how == "initial":
        first = "skeleton" if steps[0].stage == "skeletons" else "simulated dialogue"
        skeleton = f"the {first} has it{_unsaid(finding, steps[0].dialogue, spec, first)}"
        return (
            f"{subject} was there from the start: {skeleton}" if subject else f"{said}: so from the start, {skeleton}"
        )
    edit = next(step.edit for step in steps if step.edit is not None and step.edit.id == cause.edit_id)
    in_round = cause.stage.startswith("refinement_round_")
    when = f"round {cause.round}" if in_round else cause.stage
    did = f"when {operation(edit)} {_did(cause, edit, finding)}"
    if subject is None:
        return f"{said}: so since {when}, {did}"
    verb = "appeared" if cause.how == "rewritten" else "lost its source"
    return f"{subject} {verb} {'in' if in_round else 'at'} {when}, {did}"


def _subject(finding: Finding) -> str | None:
    """What came about, when a value or a quote names it."""
    where = f" in turn {finding.turn_id}" if finding.turn_id else ""
    evidence = " ".join(finding.evidence.split())
    if finding.check.startswith("expert."):
        if not evidence or len(evidence) > _LONGEST_VALUE or evidence == finding.message:
            return f"what the expert on {_question(finding)} objects to{where}"
        return f"“{evidence}”{where}, which the expert on {_question(finding)} objects to,"
    if _is_value(finding):
        return f"the {'identifier' if looks_like_identifier(evidence) else 'value'} '{evidence}'{where}"
    return None


def _question(finding: Finding) -> str:
    return finding.check.partition(".")[2].replace("_", " ")


def _is_value(finding: Finding) -> bool:
    """Whether the evidence is a value that was looked for a source of."""
    sourced = finding.check in ("rule.grounding", "rule.reply_faithfulness")
    return sourced and 0 < len(finding.evidence) <= _LONGEST_VALUE


def operation(edit: Edit) -> str:
    """What kind of edit it was, in words."""
    if edit.injection is not None:
        return f"the {edit.injection.value.replace('_', ' ')} injection"
    if edit.operation == "reasonability_refinement":
        return "mask-and-fill"
    return edit.operation.replace("_", " ")


def _did(cause: FirstCause, edit: Edit, finding: Finding) -> str:
    turns = f"turn{'s' if len(cause.changed) > 1 else ''} {', '.join(cause.changed)}"
    if cause.how == "rewritten":
        own = cause.turn_id in cause.changed and len(cause.changed) == 1
        return "rewrote that turn" if own else f"rewrote {turns}"
    if finding.evidence in edit.withheld_tools:
        return f"took {finding.evidence} from the initial offer"
    held = plain_words(finding.evidence)
    lost = [each.before.id for each in edit.replacements if held and held in plain_words(turn_text(each.before))]
    if _is_value(finding) and lost:
        return f"rewrote turn {lost[0]}, which had held it"
    return f"rewrote {turns}"


def _unsaid(finding: Finding, skeleton: Dialogue, spec: TaskSpec | None, first: str) -> str:
    """A remark on a value that the task gives the user and no user turn says."""
    if spec is None or not _is_value(finding):
        return ""
    for sub_task in spec.sub_tasks:
        for detail in sub_task.details:
            if finding.evidence in {str(value) for value in scalars(detail.value)}:
                said = any(
                    plain_words(finding.evidence) in plain_words(turn.content)
                    for turn in skeleton.turns
                    if turn.role == "user"
                )
                if not said:
                    return f", and though the task gives it as {detail.name}, no user turn of the {first} says it"
    return ""
