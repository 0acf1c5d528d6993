"""All checks that a run's settings ask for, loaded once.

Belongs here: putting together rules, bounds and benchmarks, and the facts rules
look at. Does not belong here: asking experts, or the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolace_dagster.entities import Dialogue, Finding, Replacement, TaskSpec, Tool
from toolace_dagster.settings import Settings
from toolace_dagster.verification.benchmarks import BenchmarkIndex, read_benchmarks
from toolace_dagster.verification.experts import check_weights
from toolace_dagster.verification.rules import Bounds, Facts, RuleSet, Subject, configured_rules, run_rules


@dataclass(frozen=True)
class Checks:
    """The rules of a run.

    Attributes:
        rules: Shipped and own rules, graded.
        bounds: Length bounds.
        benchmarks: Texts to keep clear of; None when the settings name no files.
    """

    rules: RuleSet
    bounds: Bounds
    benchmarks: BenchmarkIndex | None = None

    @classmethod
    def of(cls, settings: Settings) -> Checks:
        """Load what the settings name.

        Raises:
            RuleFileError: If a file of rules, or a severity, can't be used.
            BenchmarkUnreadable: If a benchmark's file can't be read.
            UnknownQuestion: If a weight is for no sub-question.
        """
        check_weights(settings.expert_weights)
        return cls(
            rules=configured_rules(settings.rules, settings.rule_severity),
            bounds=Bounds(turns=settings.dialogue_turns, characters=settings.turn_characters),
            benchmarks=read_benchmarks(settings.benchmarks, settings.benchmark_words) if settings.benchmarks else None,
        )

    @property
    def fingerprint(self) -> list[Any]:
        """What decides findings besides a dialogue, as JSON values: contents, no paths."""
        bounds = [self.bounds.turns.model_dump(), self.bounds.characters]
        benchmarks = [self.benchmarks.fingerprint, self.benchmarks.run] if self.benchmarks else []
        return [[list(part) for part in self.rules.fingerprint], bounds, benchmarks]

    def findings(
        self, dialogue: Dialogue, spec: TaskSpec | None, tools: Mapping[str, Tool], facts: Facts | None = None
    ) -> list[Finding]:
        """Run the rules over a dialogue.

        Args:
            dialogue: The dialogue.
            spec: Its task; None for a dialogue that was not made here.
            tools: Tools by name.
            facts: What the stage knows besides; bounds and benchmarks are filled in here.

        Raises:
            RuleFailed: If a user's rule can't be carried out.
        """
        overlaps = self.benchmarks.overlaps(dialogue) if self.benchmarks else ()
        known = replace(facts or Facts(), bounds=self.bounds, overlaps=overlaps)
        return run_rules(Subject(dialogue, spec, tools, known), self.rules.rules)


def lacks_planned_calls(dialogue: Dialogue, spec: TaskSpec) -> bool:
    """Whether a sub-task of a dialogue does without a call that its task plans."""
    called = {(turn.sub_task, call.name) for turn in dialogue.turns for call in turn.tool_calls}
    return any((part.index, name) not in called for part in spec.sub_tasks for name in part.tools)


def calls_taken_away(replacements: Mapping[str, Sequence[Replacement]]) -> dict[tuple[int, str], str]:
    """Calls that edits took away.

    Args:
        replacements: Of the accepted edits of one dialogue in order, by the edit's id.

    Returns:
        By sub-task and tool, the id of the last edit that took a call away.
    """
    taken: dict[tuple[int, str], str] = {}
    for edit_id, replaced in replacements.items():
        for replacement in replaced:
            after = {call.name for turn in replacement.after for call in turn.tool_calls}
            for call in replacement.before.tool_calls:
                if call.name not in after:
                    taken[replacement.before.sub_task, call.name] = edit_id
    return taken
