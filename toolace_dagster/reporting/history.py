"""The history of a dialogue, read back: its task, and every state from the skeleton on.

Belongs here: reading histories from a domain's file, and the first causes of
findings over them. Does not belong here: how a cause is found
(``verification.first_cause``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from toolace_dagster.entities import Dialogue, Edit, Finding, Replacement, SimulatedDialogue, Skeleton, TaskSpec, Tool
from toolace_dagster.verification.cause_words import told
from toolace_dagster.verification.first_cause import Check, FirstCause, Step, first_cause, replay
from toolace_dagster.verification.rules import RULES, Facts, Rule, Subject, run_rules
from toolace_dagster.warehouse import Row, Store, sql

FIRST_STAGES = ("skeletons", "simulated_dialogues")
"""Stages that write dialogues first; a home has the one or the other, by its method."""
_REPLACEMENTS = TypeAdapter(tuple[Replacement, ...])


@dataclass(frozen=True)
class History:
    """How a dialogue came to be what it is.

    Attributes:
        spec: Its task.
        steps: Its states: the skeleton (or what was simulated), then one for each edit, kept or not.
    """

    spec: TaskSpec
    steps: tuple[Step, ...]

    @property
    def dialogue(self) -> Dialogue:
        """The dialogue as it is now."""
        return self.steps[-1].dialogue


def read_histories(store: Store, ids: Iterable[str]) -> dict[str, History]:
    """Read the histories of dialogues that were written.

    Args:
        store: The domain's file.
        ids: Dialogue ids.

    Returns:
        Histories by id; rows that an earlier version stored in another form are left out.
    """
    where = {"ids": list(ids)}
    edits: dict[str, list[Row]] = {}
    for row in store.read(sql("lineage/edits_of"), where):
        edits.setdefault(row["dialogue_id"], []).append(row)
    histories: dict[str, History] = {}
    for row in store.read(sql("lineage/histories"), where):
        found = edits.get(row["dialogue_id"], [])
        try:
            histories[row["dialogue_id"]] = history_of(row["spec"], row["stage"], row["beginning"], found)
        except ValidationError:
            continue
    return histories


def read_mended(store: Store, ids: Iterable[str]) -> dict[str, list[Finding]]:
    """Read what verification found in dialogues and a repair mended.

    Args:
        store: The domain's file.
        ids: Dialogue ids.

    Returns:
        Findings by dialogue, in order; dialogues without any are left out.
    """
    found: dict[str, list[Finding]] = {}
    for row in store.read(sql("lineage/mended_findings"), {"ids": list(ids)}):
        values = {name: value for name, value in row.items() if name in Finding.model_fields and value is not None}
        found.setdefault(row["dialogue_id"], []).append(Finding.model_validate(values))
    return found


def history_of(spec: str, stage: str, beginning: str, edits: Sequence[Row]) -> History:
    """Put a history together from stored rows.

    Args:
        spec: The task spec as JSON.
        stage: The stage that wrote the dialogue first, one of ``FIRST_STAGES``.
        beginning: What it wrote, as JSON.
        edits: Rows of the table ``edits``, in order.

    Raises:
        ValidationError: If a row is no such entity.
    """
    if stage == FIRST_STAGES[0]:
        start = Skeleton.model_validate_json(beginning).to_dialogue()
    else:
        start = SimulatedDialogue.model_validate_json(beginning).dialogue
    steps = replay(start, ((row["stage"], edit_of(row)) for row in edits), stage)
    return History(TaskSpec.model_validate_json(spec), tuple(steps))


def edit_of(row: Row) -> Edit:
    """The edit that a row of the table ``edits`` holds.

    Raises:
        ValidationError: If it holds none.
    """
    values: dict[str, Any] = {name: value for name, value in row.items() if name in Edit.model_fields}
    if isinstance(row["replacements"], str):
        values["replacements"] = _REPLACEMENTS.validate_json(row["replacements"])
    if isinstance(values.get("withheld"), str):
        values["withheld"] = json.loads(values["withheld"])
    filled = {name: value for name, value in values.items() if value is not None}
    return Edit.model_validate(filled | {"id": row["edit_id"]})


def offered_tools(store: Store, spec: TaskSpec | None = None) -> dict[str, Tool]:
    """Tools of a domain by name, in the versions that a task was offered; current ones where it was offered none."""
    wanted = spec.tool_versions if spec is not None else {}
    tools: dict[str, Tool] = {}
    for row in store.read(sql("lineage/tools_offered")):
        if row["fingerprint"] == wanted.get(row["name"]) or (row["name"] not in wanted and row["is_current"]):
            tools[row["name"]] = Tool.model_validate_json(row["definition"])
    return tools


def causes_of(
    history: History,
    findings: Sequence[Finding],
    tools: Mapping[str, Tool],
    rules: Mapping[str, Rule] = RULES,
    facts: Facts | None = None,
) -> list[FirstCause]:
    """The first cause of each finding on a dialogue.

    Args:
        history: Of the dialogue.
        findings: What its checks found, in any order.
        tools: Tools by name.
        rules: Rules that can be run again, by id; the shipped ones by default.
        facts: What they look at besides the dialogue, the same for all its states.

    Returns:
        One cause for each finding, with its sentence.
    """
    known = facts or Facts()
    checks = {finding.check: _rule_again(rules.get(finding.check), history, tools, known) for finding in findings}
    causes: list[FirstCause] = []
    for finding in findings:
        cause = first_cause(history.steps, finding, checks[finding.check])
        causes.append(told(cause, finding, history.steps, history.spec))
    return causes


def _rule_again(rule: Rule | None, history: History, tools: Mapping[str, Tool], facts: Facts) -> Check | None:
    """Runs a rule over other states of a dialogue, once over each; None for what is no rule."""
    if rule is None:
        return None
    stored = {id(step.dialogue) for step in history.steps}
    seen: dict[int, list[Finding]] = {}

    def run(dialogue: Dialogue) -> list[Finding]:
        if id(dialogue) in seen:
            return seen[id(dialogue)]
        try:
            found = run_rules(Subject(dialogue, history.spec, tools, facts), {rule.id: rule})
        except Exception:
            # A rule may not bear a state it was never meant to see; its finding is followed by text then.
            found = []
        if id(dialogue) in stored:
            seen[id(dialogue)] = found
        return found

    return run
