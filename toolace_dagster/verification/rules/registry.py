"""The registry of rules and the subject they look at.

Belongs here: registering and running rules. Does not belong here: any rule, or
which rules a run's settings ask for (``configured``).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from toolace_dagster.entities import (
    Dialogue,
    Finding,
    Severity,
    TaskSpec,
    Tool,
    ToolCall,
    ToolOutput,
    Turn,
    canonical_json,
)
from toolace_dagster.grounding import ArgumentSource, ground
from toolace_dagster.verification.rules.facts import Facts

RuleGrade = Literal["off", "soft", "hard"]
"""What a rule's findings weigh; ``off`` is not run."""


@dataclass(frozen=True)
class Subject:
    """What rules look at: a dialogue, its task, the tools of its domain, and what the stage knows besides.

    Attributes:
        dialogue: The finished dialogue.
        spec: Its task; None for a dialogue that was not made here.
        tools: Tools by name.
        facts: Bounds, other dialogues, benchmarks, calls that were run again.
    """

    dialogue: Dialogue
    spec: TaskSpec | None
    tools: Mapping[str, Tool]
    facts: Facts = field(default_factory=Facts)

    @cached_property
    def sources(self) -> tuple[ArgumentSource, ...]:
        """Where each argument value comes from."""
        return ground(self.dialogue, self.tools)

    @cached_property
    def calls(self) -> tuple[PlacedCall, ...]:
        """All tool calls in order, with their places and answers."""
        outputs = {output.call_id: output for turn in self.dialogue.turns for output in turn.outputs}
        return tuple(
            PlacedCall(turn=turn, turn_index=turn_index, index=index, call=call, output=outputs.get(call.id))
            for turn_index, turn in enumerate(self.dialogue.turns)
            for index, call in enumerate(turn.tool_calls)
        )

    @cached_property
    def argument_texts(self) -> Mapping[str, str]:
        """Arguments as canonical JSON, by call id; rules that look for a text anywhere share them."""
        return {call.id: canonical_json(call.arguments) for turn in self.dialogue.turns for call in turn.tool_calls}

    @cached_property
    def output_texts(self) -> tuple[tuple[str, ...], ...]:
        """Each turn's outputs as canonical JSON."""
        return tuple(tuple(canonical_json(output.content) for output in turn.outputs) for turn in self.dialogue.turns)

    @cached_property
    def offered(self) -> tuple[frozenset[str], ...]:
        """Names of the tools offered at each turn."""
        known = frozenset(self.dialogue.initial_tools)
        at_turn: list[frozenset[str]] = []
        for turn in self.dialogue.turns:
            if turn.tools_added:
                known |= frozenset(turn.tools_added)
            at_turn.append(known)
        return tuple(at_turn)


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

    @property
    def spoiled(self) -> bool:
        """Whether the call is the failing one of a simulated error, which may be wrong in any way."""
        return self.failed and self.output is not None and self.output.source == "injected"

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
    """A registered rule.

    Attributes:
        id: Such as ``rule.arguments_schema``.
        severity: Of its findings, where a defect names none.
        summary: One sentence.
        function: The rule.
        repairable: Whether writing the failing turns anew can mend what it finds.
        needs_plan: Whether it can say nothing about a dialogue without a task spec.
        source: File of a user's rule; empty for a shipped one.
        regraded: Severity that settings give all its findings.
    """

    id: str
    severity: Severity
    summary: str
    function: RuleFunction
    repairable: bool = True
    needs_plan: bool = False
    source: str = ""
    regraded: Severity | None = None


class RuleFailed(Exception):
    """A rule could not be carried out. The message names the rule, its file and the mend."""


RULES: dict[str, Rule] = {}
"""The shipped rules by id, in the order they run."""

_registering: ContextVar[dict[str, Rule] | None] = ContextVar("_registering", default=None)


def rule(
    rule_id: str, severity: Severity = "hard", *, repairable: bool = True, needs_plan: bool = False
) -> Callable[[RuleFunction], RuleFunction]:
    """Register a function as a rule; the first line of its docstring is the rule's summary.

    Args:
        rule_id: Such as ``rule.arguments_schema``; unique.
        severity: Default severity of its findings.
        repairable: Whether writing the failing turns anew can mend what it finds.
        needs_plan: Whether it is about the task, so that it is left out where there is none.

    Raises:
        ValueError: If the id is taken or does not begin with ``rule.``, or the severity is none.
    """

    def register(function: RuleFunction) -> RuleFunction:
        target = _registering.get()
        target = RULES if target is None else target
        if rule_id in RULES or rule_id in target:
            raise ValueError(f"two rules have the id {rule_id}")
        if not rule_id.startswith("rule.") or severity not in ("hard", "soft"):
            raise ValueError(f"a rule's id begins with 'rule.' and its severity is hard or soft, not {rule_id!r}")
        summary = (function.__doc__ or rule_id).strip().splitlines()[0]
        target[rule_id] = Rule(
            id=rule_id,
            severity=severity,
            summary=summary,
            function=function,
            repairable=repairable,
            needs_plan=needs_plan,
        )
        return function

    return register


@contextmanager
def registering(target: dict[str, Rule]) -> Generator[None]:
    """Collect the rules that are registered meanwhile, instead of adding them to the shipped ones."""
    token = _registering.set(target)
    try:
        yield
    finally:
        _registering.reset(token)


def graded(rules: Iterable[Rule], grades: Mapping[str, RuleGrade]) -> dict[str, Rule]:
    """Rules with severities changed and those that are off left out, by id."""
    kept: dict[str, Rule] = {}
    for each in rules:
        grade = grades.get(each.id)
        if grade != "off":
            kept[each.id] = each if grade is None else replace(each, severity=grade, regraded=grade)
    return kept


def run_rules(subject: Subject, rules: Mapping[str, Rule] | None = None) -> list[Finding]:
    """Run rules over one dialogue; those about the plan are left out where there is no spec.

    Args:
        subject: The dialogue with its task and tools.
        rules: Rules to run; all shipped ones by default.

    Returns:
        Findings, hard ones first, else in the order of rules and turns.

    Raises:
        RuleFailed: If a user's rule raised or reported something that is no defect.
    """
    findings = list(_findings(subject, (RULES if rules is None else rules).values()))
    return sorted(findings, key=lambda finding: finding.severity != "hard")


def _findings(subject: Subject, rules: Iterable[Rule]) -> Iterator[Finding]:
    for each in rules:
        if each.needs_plan and subject.spec is None:
            continue
        for defect in _defects(each, subject):
            yield Finding(
                check=each.id,
                severity=each.regraded or defect.severity or each.severity,
                turn_id=defect.turn_id,
                path=defect.path,
                evidence=shortened(defect.evidence or defect.message),
                message=defect.message,
            )


def _defects(each: Rule, subject: Subject) -> Iterable[Defect]:
    if not each.source:
        return each.function(subject)
    try:
        found: list[Any] = list(each.function(subject))
    except Exception as fault:
        line = next(
            (f.lineno for f in reversed(traceback.extract_tb(fault.__traceback__)) if f.filename == each.source), 0
        )
        raise RuleFailed(
            f"{each.id} of {each.source} raised {type(fault).__name__} in line {line}: {fault}. {_MEND}"
        ) from fault
    if strange := [one for one in found if not isinstance(one, Defect)]:
        raise RuleFailed(f"{each.id} of {each.source} reported {strange[0]!r}, which is no Defect. {_MEND}")
    return found


_MEND = "Mend the rule, or switch it off in rule_severity."


def shortened(value: Any, limit: int = 300) -> str:
    """A value as evidence: text as it is, anything longer than the limit cut."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
