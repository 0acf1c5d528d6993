"""How well rules and experts tell good dialogues from bad ones.

Belongs here: running them on labelled dialogues, and counting. Does not belong here:
reading the dialogues (``labelled``), or printing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolace_dagster.entities import Finding
from toolace_dagster.llm.protocol import Program
from toolace_dagster.settings import Settings
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.experts import QUESTIONS, experts_program
from toolace_dagster.verification.labelled import Labelled
from toolace_dagster.verification.verdict import decide


@dataclass(frozen=True)
class Checked:
    """What was found in a labelled dialogue.

    Attributes:
        labelled: The dialogue with its label.
        findings: Of rules and experts.
    """

    labelled: Labelled
    findings: tuple[Finding, ...]

    def fires(self, check: str) -> bool:
        """Whether a check found anything."""
        return any(finding.check == check for finding in self.findings)

    @property
    def rejected(self) -> bool:
        """Whether there is a hard finding."""
        return any(finding.severity == "hard" for finding in self.findings)


@dataclass(frozen=True)
class Score:
    """How one check does; the whole verdict is called ``verdict``.

    Attributes:
        check: The check.
        fired: Dialogues in which it found something.
        right: Of these, those that are bad by their label, and by its checks where it names some.
        due: Dialogues in which it should have found something: bad ones, or those whose label names it.
        agreement: Share of all dialogues in which it found something exactly where it should have.
    """

    check: str
    fired: int
    right: int
    due: int
    agreement: float

    @property
    def precision(self) -> float | None:
        """Share of what it found that is right; None where it found nothing."""
        return self.right / self.fired if self.fired else None

    @property
    def recall(self) -> float | None:
        """Share of what is due that it found; None where nothing is."""
        return self.right / self.due if self.due else None


def checked_program(labelled: Labelled, checks: Checks, settings: Settings, *, experts: bool) -> Program[Checked]:
    """Check one labelled dialogue; rules about a plan are left out, and experts are asked whatever the rules say.

    Args:
        labelled: The dialogue.
        checks: The rules.
        settings: Of the experts.
        experts: Whether they are asked.
    """
    found = [*labelled.broken, *checks.findings(labelled.dialogue, None, labelled.tools)]
    answers = []
    if experts:
        answers = yield from experts_program(labelled.dialogue, None, labelled.tools, settings, found)
    verdict = decide(labelled.dialogue.id, found, answers, settings)
    return Checked(labelled, verdict.findings)


def scores(checked: Sequence[Checked], checks: Checks, *, experts: bool) -> list[Score]:
    """Precision, recall and agreement of the verdict and of each check.

    Args:
        checked: What was found.
        checks: The rules that ran.
        experts: Whether experts were asked.
    """
    bad = [not each.labelled.good for each in checked]
    made = [_score("verdict", [each.rejected for each in checked], bad)]
    names = [each.id for each in checks.rules.rules.values() if not each.needs_plan]
    names += [f"expert.{question}" for question in QUESTIONS] if experts else []
    for name in names:
        # A label that names checks says which should find something; else any may.
        due = [
            is_bad and (name in each.labelled.checks or not each.labelled.checks)
            for each, is_bad in zip(checked, bad, strict=True)
        ]
        made.append(_score(name, [each.fires(name) for each in checked], due))
    return made


def _score(check: str, fired: Sequence[bool], due: Sequence[bool]) -> Score:
    pairs = list(zip(fired, due, strict=True))
    right = sum(found and wanted for found, wanted in pairs)
    agreeing = sum(found == wanted for found, wanted in pairs)
    return Score(check, sum(fired), right, sum(due), agreeing / len(pairs) if pairs else 0.0)
