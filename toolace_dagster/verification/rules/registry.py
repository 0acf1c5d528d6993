"""The registry of rules and the subject they look at.

Belongs here: registering and running rules. Does not belong here: any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from toolace_dagster.entities import Dialogue, Finding, Severity, TaskSpec, Tool, ToolCall, ToolOutput, Turn


@dataclass(frozen=True)
class Subject:
    """What rules look at: a dialogue, its task and the tools of its domain.

    Attributes:
        dialogue: The finished dialogue.
        spec: Its task.
        tools: Tools by name.
    """

    dialogue: Dialogue
    spec: TaskSpec
    tools: Mapping[str, Tool]

    @cached_property
    def calls(self) -> tuple[PlacedCall, ...]:
        """All tool calls in order, with their places and answers."""
        outputs = {output.call_id: output for turn in self.dialogue.turns for output in turn.outputs}
        return tuple(
            PlacedCall(turn=turn, turn_index=turn_index, index=index, call=call, output=outputs.get(call.id))
            for turn_index, turn in enumerate(self.dialogue.turns)
            for index, call in enumerate(turn.tool_calls)
        )


@dataclass(frozen=True)
class PlacedCall:
    """A call, where it stands, and what answered it."""

    turn: Turn
    turn_index: int
    index: int
    call: ToolCall
    output: ToolOutput | None

    @property
    def failed(self) -> bool:
        """Whether the tool reported an error; what is wrong with such a call is part of the story."""
        return self.output is not None and self.output.is_error

    def path(self, *steps: str) -> str:
        """JSON path of the call, or of something inside it."""
        return ".".join([f"$.tool_calls[{self.index}]", *steps])


@dataclass(frozen=True)
class Defect:
    """What a rule reports; the registry makes a finding of it.

    Attributes:
        message: A sentence a person understands.
        turn_id: The turn it points at.
        path: JSON path inside the turn.
        evidence: The offending value or quote.
        severity: Overrides the rule's own severity.
    """

    message: str
    turn_id: str | None = None
    path: str = ""
    evidence: str = ""
    severity: Severity | None = None


RuleFunction = Callable[[Subject], Iterable[Defect]]


@dataclass(frozen=True)
class Rule:
    """A registered rule."""

    id: str
    severity: Severity
    summary: str
    function: RuleFunction


RULES: dict[str, Rule] = {}
"""All rules by id, in the order they run."""


def rule(rule_id: str, severity: Severity = "hard") -> Callable[[RuleFunction], RuleFunction]:
    """Register a function as a rule; the first line of its docstring is the rule's summary.

    Args:
        rule_id: Such as ``rule.arguments_schema``; unique.
        severity: Default severity of its findings.

    Raises:
        ValueError: If the id is taken.
    """

    def register(function: RuleFunction) -> RuleFunction:
        if rule_id in RULES:
            raise ValueError(f"two rules have the id {rule_id}")
        summary = (function.__doc__ or rule_id).strip().splitlines()[0]
        RULES[rule_id] = Rule(id=rule_id, severity=severity, summary=summary, function=function)
        return function

    return register


def run_rules(subject: Subject, rules: Mapping[str, Rule] | None = None) -> list[Finding]:
    """Run all rules over one dialogue.

    Args:
        subject: The dialogue with its task and tools.
        rules: Rules to run; all registered ones by default.

    Returns:
        Findings, hard ones first, else in the order of rules and turns.
    """
    findings = list(_findings(subject, (rules or RULES).values()))
    return sorted(findings, key=lambda finding: finding.severity != "hard")


def _findings(subject: Subject, rules: Iterable[Rule]) -> Iterator[Finding]:
    for each in rules:
        for defect in each.function(subject):
            yield Finding(
                check=each.id,
                severity=defect.severity or each.severity,
                turn_id=defect.turn_id,
                path=defect.path,
                evidence=shortened(defect.evidence),
                message=defect.message,
            )


def shortened(value: Any, limit: int = 300) -> str:
    """A value as evidence: text as it is, anything longer than the limit cut."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
