"""The story of one dialogue: spec, skeleton, each edit, findings, verdict.

Belongs here: gathering it from the domain's file and telling it as plain text.
Does not belong here: deciding anything.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from toolace_dagster.entities import TaskSpec
from toolace_dagster.llm.money import Bill, dollars
from toolace_dagster.reporting.costs import dialogue_bill
from toolace_dagster.warehouse import Row, Warehouse, sql


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
        calls: Model calls behind it.
        bill: What it paid for of these.
    """

    outcome: Row
    stages: list[Row]
    edits: list[Row]
    findings: list[Row]
    answers: list[Row]
    calls: list[Row]
    bill: Bill


def read_story(warehouse: Warehouse, dialogue_id: str) -> Story:
    """Find a dialogue by its id, or by the unambiguous beginning of one.

    Raises:
        UnknownDialogue: If none or several match.
    """
    matches = [
        (row["dialogue_id"], domain)
        for domain in warehouse.domains()
        for row in warehouse.domain(domain).read(sql("queries/find_dialogues"), {"prefix": dialogue_id})
    ]
    exact = [match for match in matches if match[0] == dialogue_id] or matches
    if not exact:
        close = difflib.get_close_matches(dialogue_id, _some_ids(warehouse), n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(close)}?" if close else " `toolace status` lists what there is."
        raise UnknownDialogue(f"No dialogue has the id {dialogue_id!r}.{hint}")
    if len(exact) > 1:
        raise UnknownDialogue(f"{dialogue_id!r} begins several ids: {', '.join(found for found, _ in exact[:8])}.")
    found, domain = exact[0]
    store = warehouse.domain(domain)
    where = {"id": found}
    return Story(
        outcome=store.read(sql("queries/dialogue_outcome"), where)[0],
        stages=store.read(sql("queries/dialogue_stages"), where),
        edits=store.read(sql("queries/dialogue_edits"), where),
        findings=store.read(sql("queries/dialogue_findings"), where),
        answers=store.read(sql("queries/dialogue_answers"), where),
        calls=store.read(sql("queries/dialogue_calls"), where),
        bill=dialogue_bill(store, found),
    )


def tell(story: Story) -> str:
    """Tell a story as plain text, the end first.

    Returns:
        Lines: first the end and its cause, then stage by stage how it came to that.
    """
    return "\n".join([_headline(story.outcome), "", *_stages(story), *_verification(story), *_cost(story)])


def _headline(outcome: Row) -> str:
    where = f" at {outcome['stage']}" + (f", turn {outcome['turn_id']}" if outcome["turn_id"] else "")
    head = f"{outcome['dialogue_id']} was {outcome['state']}"
    if outcome["state"] == "accepted":
        return f"{head}: every rule and expert passed it."
    if outcome["state"] == "unfinished":
        return f"{outcome['dialogue_id']} is unfinished: the run stopped after {outcome['stage']}."
    check = f" [{outcome['check_id']}]" if outcome["check_id"] else ""
    evidence = f" Evidence: {outcome['evidence']}" if outcome["evidence"] else ""
    call = f" (call {outcome['call_id']})" if outcome["state"] == "failed" and outcome["call_id"] else ""
    return f"{head}{where}{check}: {outcome['reason']}{evidence}{call}"


def _stages(story: Story) -> Iterator[str]:
    for row in story.stages:
        if row["stage"] == "verification":
            continue
        yield f"{row['stage']}: {row['state']}" + (f" - {row['reason']}" if row["reason"] else "")
        payload = json.loads(row["payload"]) if row["payload"] else None
        if row["stage"] == "task_specs" and payload:
            yield from _spec(TaskSpec.model_validate(payload))
        elif row["stage"] == "skeletons" and payload:
            for part in payload["sub_trajectories"]:
                for turn in part["turns"]:
                    yield f"    {turn_line(turn)}"
        elif payload and payload.get("finished"):
            yield "    every turn was refined already; nothing was asked"
        for edit in (edit for edit in story.edits if edit["stage"] == row["stage"]):
            yield from _edit(edit)
        yield ""


def _spec(spec: TaskSpec) -> Iterator[str]:
    yield f"    scenario: {spec.scenario}"
    yield f"    persona: {spec.persona}; injections planned: {', '.join(spec.sub_types or spec.injections) or 'none'}"
    for sub_task in spec.sub_tasks:
        tools = ", ".join(sub_task.tools)
        yield f"    sub-task {sub_task.index} ({sub_task.steps} steps with {tools}): {sub_task.goal}"


def _edit(edit: Row) -> Iterator[str]:
    kind = ": ".join(part for part in (edit["injection"], edit["sub_type"]) if part) or "mask-and-fill"
    yield f"  edit {edit['edit_id']} ({kind}) of {', '.join(edit['masked'])}: {edit['outcome']} - {edit['reason']}"
    for replacement in json.loads(edit["replacements"]):
        before = turn_line(replacement["before"])
        after = [turn_line(turn) for turn in replacement["after"]]
        if after == [before]:
            continue
        yield f"    - {before}"
        yield from (f"    + {line}" for line in after)


def turn_line(turn: Row) -> str:
    """One turn on one line: id, role, words, calls, outputs."""
    parts = [turn["content"]] if turn["content"] else []
    parts += [f"{call['name']}({_json(call['arguments'])})" for call in turn["tool_calls"]]
    parts += [_output(out) for out in turn["outputs"]]
    parts += [f"(now offered: {', '.join(turn['tools_added'])})"] if turn["tools_added"] else []
    return f"{turn['id']} {turn['role']}: {' | '.join(' '.join(part.split()) for part in parts)}"


def _output(output: Row) -> str:
    """An output, and whether it was run for real or made an error on purpose; simulated ones are the plain case."""
    source = output.get("source", "simulated")
    said = [] if source == "simulated" else [source]
    said += ["error"] if output["is_error"] else []
    return " ".join([*said, _json(output["content"])])


def _verification(story: Story) -> Iterator[str]:
    row = next((row for row in story.stages if row["stage"] == "verification"), None)
    if row is None:
        return
    yield f"verification: {row['state']}" + (f" - {row['reason']}" if row["reason"] else "")
    final = {turn["id"]: turn for turn in _final_turns(story)}
    for finding in story.findings:
        place = f" turn {finding['turn_id']}" if finding["turn_id"] else ""
        yield f"    {finding['severity']} {finding['check_id']}{place} {finding['path']}: {finding['message']}"
        if finding["severity"] == "hard" and finding["turn_id"] in final:
            yield f"        > {turn_line(final[finding['turn_id']])}"
    for answer in story.answers:
        yield f"    expert {answer['question']}: {'passes' if answer['passes'] else 'objects'} - {answer['reason']}"
    if not story.answers and row["state"] == "rejected":
        yield "    the experts were not asked: a hard rule had rejected already"
    yield ""


def _final_turns(story: Story) -> list[Row]:
    for row in reversed(story.stages):
        if row["payload"] and row["stage"].startswith("refinement_round_"):
            return json.loads(row["payload"])["dialogue"]["turns"]
        if row["payload"] and row["stage"] == "skeletons":
            return [turn for part in json.loads(row["payload"])["sub_trajectories"] for turn in part["turns"]]
    return []


def _cost(story: Story) -> Iterator[str]:
    tokens = sum((call["prompt_tokens"] or 0) + (call["completion_tokens"] or 0) for call in story.calls)
    yield f"{len(story.calls)} model calls, {tokens:,} tokens, {story.bill.words}:"
    for call in story.calls:
        error = f" - {call['error_kind']}: {call['error_message']}" if call["error_kind"] else ""
        yield f"    {call['call_id']} {call['stage']} {call['task']}{_paid(call)}{error}"


def _paid(call: Row) -> str:
    """The cost of a call; nothing for a free one, which all are then."""
    if call["free"]:
        return ""
    words = "cost unknown" if call["cost"] is None else dollars(call["cost"])
    return (
        f" ({words}{', from a batch' if call['mode'] == 'batch' else ''}{'' if call['own'] else ', paid for another'})"
    )


def _some_ids(warehouse: Warehouse) -> list[str]:
    return [
        row["dialogue_id"]
        for domain in warehouse.domains()
        for row in warehouse.domain(domain).read(sql("queries/some_dialogues"))
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
