"""Everything recorded about one dialogue, and the first cause of its end.

Belongs here: finding a dialogue and gathering what its domain's file holds on it.
Does not belong here: telling it (``why``, ``story_json``, the explorer).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from toolace_dagster.entities import Finding, TaskSpec, Tool
from toolace_dagster.llm.money import Bill
from toolace_dagster.reporting.costs import dialogue_bill
from toolace_dagster.reporting.history import FIRST_STAGES, History, causes_of, history_of, offered_tools
from toolace_dagster.verification.first_cause import FirstCause
from toolace_dagster.warehouse import Row, Store, Warehouse, sql


class UnknownDialogue(LookupError):
    """No dialogue, or more than one, has that id; the message says which come close."""


@dataclass(frozen=True)
class Story:
    """Everything recorded about one dialogue.

    Attributes:
        outcome: Its end: state, stage, check_id, turn_id, evidence, reason, call_id.
        stages: Its row at each stage it reached, in order.
        edits: All edits tried, in order.
        findings: Of rules and experts, hard ones first.
        answers: Of the experts.
        sources: Where argument values come from, by stage: as traced when the stage had changed or verified it.
        calls: Model calls behind it.
        bill: What it paid for of these.
        exports: Lines of export files that hold it.
        ends: The ends it came to, run by run; the last is the one it has now.
        attempts: All attempts at its slot, its own among them, with the end of each.
        spec: Its task; None when it has none.
        history: Its states from the skeleton on; None when it has no skeleton.
        tools: Tools by name, in the versions it was offered.
    """

    outcome: Row
    stages: list[Row]
    edits: list[Row]
    findings: list[Row]
    answers: list[Row]
    sources: dict[str, list[Row]]
    calls: list[Row]
    bill: Bill
    exports: list[Row]
    ends: list[Row]
    attempts: list[Row]
    spec: TaskSpec | None
    history: History | None
    tools: dict[str, Tool]

    @property
    def dialogue_id(self) -> str:
        """Its id."""
        return self.outcome["dialogue_id"]

    @cached_property
    def causes(self) -> list[FirstCause | None]:
        """The first cause of each hard finding, in the order of all; None for remarks, which ended nothing."""
        hard = [row for row in self.findings if row["severity"] == "hard"]
        if self.history is None:
            return [_recorded(row) for row in self.findings]
        found = iter(causes_of(self.history, [finding_of(row) for row in hard], self.tools))
        return [_surer(next(found), _recorded(row)) if row["severity"] == "hard" else None for row in self.findings]

    @cached_property
    def first_cause(self) -> FirstCause | None:
        """The first cause of its end; None for a dialogue that was accepted or is unfinished."""
        end = self.outcome
        if end["state"] not in ("rejected", "failed"):
            return None
        for finding, cause in zip(self.findings, self.causes, strict=True):
            if cause is not None and finding["severity"] == "hard" and finding["check_id"] == end["check_id"]:
                return cause
        return self._cause_of_row()

    def _cause_of_row(self) -> FirstCause:
        """The cause of an end that a stage itself came to: the stage, and the call it rests on."""
        end = self.outcome
        row = next(row for row in self.stages if row["stage"] == end["stage"])
        failed = end["state"] == "failed"
        call_id = end["call_id"] or (row["call_ids"] or [None])[-1]
        sentence = (
            self._failure(call_id) if failed else f"{end['stage']} made nothing that could go on: {end['reason']}"
        )
        return FirstCause(
            check=end["check_id"] or "call",
            how="failed" if failed else "rejected",
            stage=end["stage"],
            round=round_of(end["stage"]),
            turn_id=end["turn_id"],
            call_ids=(call_id,) if call_id else (),
            sentence=sentence,
        )

    def _failure(self, call_id: str | None) -> str:
        call = next((call for call in self.calls if call["call_id"] == call_id), None)
        if call is None:
            return f"{self.outcome['stage']} gave no row: {self.outcome['reason']}"
        of = f" for turns {', '.join(call['turn_ids'])}" if call["turn_ids"] else ""
        return f"the {call['task']} call{of} at {call['stage']} failed: {self.outcome['reason']}"


def read_story(warehouse: Warehouse, dialogue_id: str) -> Story:
    """Find a dialogue by its id, or by the unambiguous beginning of one.

    Raises:
        UnknownDialogue: If none or several match.
    """
    found, domain = find_dialogue(warehouse, dialogue_id)
    store = warehouse.domain(domain)
    with store.reading():
        return _gather(store, found)


def find_dialogue(warehouse: Warehouse, dialogue_id: str) -> tuple[str, str]:
    """The id and domain of the dialogue that is meant.

    Raises:
        UnknownDialogue: If none or several match.
    """
    domains = warehouse.domains()
    # An id begins with its domain, so only that one's file is opened where there is one.
    likely = [name for name in domains if dialogue_id.startswith(name) or name.startswith(dialogue_id)]
    others = [name for name in domains if name not in likely]
    matches: list[tuple[str, str]] = []
    for some in (likely, others):
        for domain in some:
            if warehouse.domain(domain).read(sql("queries/has_dialogue"), {"id": dialogue_id}):
                return dialogue_id, domain
        matches = matches or [
            (row["dialogue_id"], domain)
            for domain in some
            for row in warehouse.domain(domain).read(sql("queries/find_dialogues"), {"prefix": dialogue_id})
        ]
        if matches:
            break
    if not matches:
        if past := _dropped(warehouse, likely or domains, dialogue_id):
            raise UnknownDialogue(past)
        close = difflib.get_close_matches(dialogue_id, _some_ids(warehouse), n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(close)}?" if close else " `toolace status` lists what there is."
        raise UnknownDialogue(f"No dialogue has the id {dialogue_id!r}.{hint}")
    if len(matches) > 1:
        raise UnknownDialogue(f"{dialogue_id!r} begins several ids: {', '.join(found for found, _ in matches[:8])}.")
    return matches[0]


def _dropped(warehouse: Warehouse, domains: Sequence[str], dialogue_id: str) -> str:
    """What is known of a dialogue that a run has dropped; empty when there was none."""
    for domain in domains:
        rows = warehouse.domain(domain).read(sql("queries/past_ends"), {"prefix": dialogue_id})
        if len(rows) > 1:
            names = ", ".join(row["dialogue_id"] for row in rows)
            return f"{dialogue_id!r} begins several ids, all of dialogues that runs have dropped: {names}."
        if rows:
            (row,) = rows
            check = f" by {row['check_id']}: {row['reason']}" if row["check_id"] else ""
            return (
                f"{row['dialogue_id']} is no part of this home any more. "
                f"It was {row['state']} at {row['stage']}{check}. "
                f"Run {row['replaced_by'][:8]} dropped it, {row['replaced_at']:%Y-%m-%d %H:%M} UTC; "
                f"what it was is in the table past_rows of {domain} until `toolace gc` removes it."
            )
    return ""


def _gather(store: Store, dialogue_id: str) -> Story:
    where = {"id": dialogue_id}
    stages = store.read(sql("queries/dialogue_stages"), where)
    edits = store.read(sql("queries/dialogue_edits"), where)
    outcome = store.read(sql("queries/dialogue_outcome"), where)[0]
    spec = _spec(stages)
    sources: dict[str, list[Row]] = {}
    for row in store.read(sql("queries/dialogue_sources"), where):
        sources.setdefault(row["stage"], []).append(row)
    return Story(
        outcome=outcome,
        stages=stages,
        edits=edits,
        findings=store.read(sql("queries/dialogue_findings"), where),
        answers=store.read(sql("queries/dialogue_answers"), where),
        sources=sources,
        calls=store.read(sql("queries/dialogue_calls"), where),
        bill=dialogue_bill(store, dialogue_id),
        exports=store.read(sql("queries/dialogue_exports"), where),
        ends=store.read(sql("queries/dialogue_ends"), where),
        attempts=store.read(sql("queries/dialogue_attempts"), {"slot": outcome["slot"]}),
        spec=spec,
        history=_history(stages, edits),
        tools=offered_tools(store, spec),
    )


def _spec(stages: Sequence[Row]) -> TaskSpec | None:
    text = payload_of(stages, "task_specs")
    try:
        return TaskSpec.model_validate_json(text) if text else None
    except ValidationError:
        return None


def _history(stages: Sequence[Row], edits: Sequence[Row]) -> History | None:
    spec = payload_of(stages, "task_specs")
    first = next((row for row in stages if row["stage"] in FIRST_STAGES), None)
    order = {row["stage"]: row["stage_index"] for row in stages}
    try:
        made = sorted(edits, key=lambda edit: (order.get(edit["stage"], 0), edit["round"], edit["sequence"]))
        return history_of(spec, first["stage"], first["payload"], made) if spec and first and first["payload"] else None
    except ValidationError:
        # Rows of an earlier version's form: the story is told without its replay.
        return None


def payload_of(stages: Sequence[Row], stage: str) -> str | None:
    """What a dialogue's row at a stage holds, as JSON."""
    return next((row["payload"] for row in stages if row["stage"] == stage), None)


def finding_of(row: Row) -> Finding:
    """The finding that a row of the table ``findings`` holds."""
    return Finding(
        check=row["check_id"],
        severity=row["severity"],
        turn_id=row["turn_id"],
        path=row["path"] or "",
        evidence=row["evidence"] or "",
        message=row["message"],
    )


def round_of(stage: str) -> int:
    """The refinement round of a stage; 0 for the others."""
    number = stage.removeprefix("refinement_round_")
    return int(number) if number.isdigit() else 0


def final_turns(story: Story) -> list[Row]:
    """The turns as they are now, as JSON objects; of the task alone when there are none yet."""
    if story.history is not None:
        return json.loads(story.history.dialogue.model_dump_json())["turns"]
    return []


def _surer(found: FirstCause, recorded: FirstCause | None) -> FirstCause:
    """The cause as it is found now, unless a rule of the user's, which only the run could replay, found it better."""
    return recorded if recorded is not None and recorded.replayed and not found.replayed else found


def _recorded(row: Row) -> FirstCause | None:
    """The cause that the run recorded with a finding."""
    if row["how"] is None:
        return None
    return FirstCause(
        check=row["check_id"],
        how=row["how"],
        stage=row["cause_stage"],
        round=row["cause_round"],
        edit_id=row["edit_id"],
        turn_id=row["turn_id"],
        changed=tuple(row["changed"] or ()),
        call_ids=tuple(row["cause_calls"] or ()),
        replayed=row["replayed"],
        sentence=row["sentence"],
    )


def _some_ids(warehouse: Warehouse) -> list[str]:
    return [
        row["dialogue_id"]
        for domain in warehouse.domains()
        for row in warehouse.domain(domain).read(sql("queries/some_dialogues"))
    ]
