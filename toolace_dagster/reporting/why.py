"""The story of one dialogue as plain text: spec, skeleton, each edit, findings, verdict.

Belongs here: telling a story to a terminal. Does not belong here: gathering it
(``story``), or deciding anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from toolace_dagster.entities import TaskSpec
from toolace_dagster.llm.money import dollars
from toolace_dagster.reporting.story import Story, final_turns
from toolace_dagster.warehouse import Row


def tell(story: Story) -> str:
    """Tell a story as plain text, the end first.

    Returns:
        Lines: first the end and its cause, then stage by stage how it came to that.
    """
    return "\n".join(
        [headline(story), "", *_stages(story), *_verification(story), *_exports(story), *_ends(story), *_cost(story)]
    )


def headline(story: Story) -> str:
    """How a dialogue ended and the first cause of it, in one line."""
    outcome, cause = story.outcome, story.first_cause
    where = f" at {outcome['stage']}" + (f", turn {outcome['turn_id']}" if outcome["turn_id"] else "")
    head = f"{outcome['dialogue_id']} {'' if outcome['state'] == 'failed' else 'was '}{outcome['state']}"
    if outcome["state"] == "accepted":
        return f"{head}: every rule and expert passed it."
    if outcome["state"] == "unfinished":
        return f"{outcome['dialogue_id']} is unfinished: the run stopped after {outcome['stage']}."
    check = f" [{outcome['check_id']}]" if outcome["check_id"] else ""
    call = f" (call {outcome['call_id']})" if outcome["state"] == "failed" and outcome["call_id"] else ""
    if cause is None or cause.how in ("rejected", "failed"):
        evidence = f" Evidence: {one_line(outcome['evidence'])}" if outcome["evidence"] else ""
        said = cause.sentence if cause is not None and cause.how == "failed" else outcome["reason"]
        return f"{head}{where}{check}: {one_line(said)}{evidence}{call}"
    reason = one_line(outcome["reason"])
    more = "" if reason.removesuffix(".") in cause.sentence else f" {reason}"
    return f"{head}{where}{check}: {one_line(cause.sentence)}{more}"


_FINISHED = {
    "covered": "every turn was refined already",
    "quiet": "the last passes changed nothing",
}
"""Why a round had nothing to do, by what the dialogue had converged by; by nothing where operations are off."""


def one_line(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


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
        elif row["stage"] == "simulated_dialogues" and payload:
            yield from (f"    {turn_line(turn)}" for turn in payload["dialogue"]["turns"])
            for planned in payload["complications"]:
                came = "came about" if planned["played"] else "did not come about"
                yield f"    {planned['sub_type']} in sub-task {planned['sub_task']} {came}"
        elif payload and payload.get("finished"):
            why = _FINISHED.get(payload.get("converged"), "what was left to do is switched off")
            yield f"    {why}; nothing was asked"
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
    final = {turn["id"]: turn for turn in final_turns(story)}
    for finding, cause in zip(story.findings, story.causes, strict=True):
        place = f" turn {finding['turn_id']}" if finding["turn_id"] else ""
        path = f" {finding['path']}" if finding["path"] else ""
        yield f"    {finding['severity']} {finding['check_id']}{place}{path}: {finding['message']}"
        if finding["severity"] != "hard":
            continue
        if finding["turn_id"] in final:
            yield f"        > {turn_line(final[finding['turn_id']])}"
        if cause is not None:
            yield f"        first cause: {one_line(cause.sentence)}"
    for answer in story.answers:
        yield f"    expert {answer['question']}: {'passes' if answer['passes'] else 'objects'} - {answer['reason']}"
    if not story.answers and row["state"] == "rejected":
        yield "    the experts were not asked: a hard rule had rejected already"
    yield ""


def _exports(story: Story) -> Iterator[str]:
    if story.exports:
        yield "exported:"
        yield from (f"    {row['file']}, line {row['line']}" for row in story.exports)
        yield ""


def _ends(story: Story) -> Iterator[str]:
    """Its ends in earlier runs, and other attempts at its slot, where there are any."""
    if len(story.ends) > 1:
        yield "ends, run by run:"
        for end in story.ends:
            check = f" by {end['check_id']}" if end["check_id"] else ""
            when = f"{end['finished_at']:%Y-%m-%d %H:%M} UTC ({end['run_id'][:8]})"
            yield f"    {when}: {end['state']}{check} at {end['stage']}"
        yield ""
    others = [each for each in story.attempts if each["dialogue_id"] != story.dialogue_id]
    if others:
        yield f"other attempts at slot {story.outcome['slot']}:"
        yield from (f"    {each['dialogue_id']} (attempt {each['attempt']}): {each['state']}" for each in others)
        yield ""


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


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
