"""A dialogue as the explorer shows it: its steps, and the turns as they were at one of them.

Belongs here: which turn changed at a step, what was tried, and where findings and
sources go. Does not belong here: markup (``templates``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from toolace_dagster.entities import Edit, Replacement, ToolCall, Turn
from toolace_dagster.explorer.wording import Piece, word_diff
from toolace_dagster.grounding import ground
from toolace_dagster.grounding.leaves import step as step_to
from toolace_dagster.reporting.history import FIRST_STAGES
from toolace_dagster.reporting.story import Story
from toolace_dagster.verification.cause_words import operation
from toolace_dagster.verification.first_cause import FirstCause, Step, differs
from toolace_dagster.warehouse import Row


@dataclass(frozen=True)
class Value:
    """One argument value: its path in the arguments, itself as JSON, and where it comes from."""

    name: str
    text: str
    state: str = ""
    source: str = ""
    source_turn: str | None = None


@dataclass(frozen=True)
class CallView:
    """A tool call, with short arguments for one line and all values."""

    name: str
    short: str
    values: list[Value]


@dataclass(frozen=True)
class OutputView:
    """What a tool answered."""

    name: str
    short: str
    text: str
    is_error: bool
    source: str


@dataclass(frozen=True)
class Tried:
    """A version of a turn that an edit tried: against the one before it, and whether it was taken."""

    turn_id: str
    pieces: list[Piece]
    taken: bool


@dataclass(frozen=True)
class TurnView:
    """A turn at a step.

    Attributes:
        id: Its id.
        role: user, assistant or tool.
        sub_task: Index of its sub-task.
        content: What it says.
        calls: Its calls.
        outputs: Its outputs.
        tools_added: Tools offered from here on.
        mark: ``new`` or ``changed`` at this step, ``masked`` and left as it was, ``tried`` and not taken, or empty.
        was: Its text against that of the step before, when it changed.
        origin: Who wrote it, in words.
        findings: Numbers of the findings that point at it.
    """

    id: str
    role: str
    sub_task: int
    content: str
    calls: list[CallView]
    outputs: list[OutputView]
    tools_added: tuple[str, ...]
    mark: str = ""
    was: list[Piece] = field(default_factory=list[Piece])
    origin: str = ""
    findings: list[int] = field(default_factory=list[int])


@dataclass(frozen=True)
class StepView:
    """A step as an entry of the timeline."""

    index: int
    label: str
    round: int
    outcome: str
    changed: int
    is_cause: bool


@dataclass(frozen=True)
class FindingView:
    """A finding with its place and its first cause."""

    number: int
    row: Row
    cause: FirstCause | None
    cause_step: int | None
    is_here: bool


def step_views(story: Story) -> list[StepView]:
    """The timeline of a dialogue; empty when it has no skeleton."""
    if story.history is None:
        return []
    caused = story.first_cause.edit_id if story.first_cause is not None else None
    initial = story.first_cause is not None and story.first_cause.how == "initial"
    views: list[StepView] = []
    for index, step in enumerate(story.history.steps):
        edit = step.edit
        if edit is None:
            name = "skeleton" if step.stage == FIRST_STAGES[0] else "simulation"
            views.append(StepView(0, name, 0, "", len(step.dialogue.turns), initial))
            continue
        changed = sum(differs(each) for each in edit.replacements) if edit.outcome == "accepted" else 0
        views.append(
            StepView(index, operation(edit).removeprefix("the "), edit.round, edit.outcome, changed, edit.id == caused)
        )
    return views


def turn_views(story: Story, index: int) -> list[TurnView]:
    """The turns as they were after a step, with what that step changed.

    Args:
        story: The dialogue.
        index: Number of the step, 0 for the skeleton.
    """
    if story.history is None:
        return []
    steps = story.history.steps
    step = steps[index]
    before = {turn.id: turn for turn in steps[index - 1].dialogue.turns} if index else {}
    marks = _marks(step)
    sources = sources_at(story, index)
    places: dict[str, list[int]] = {}
    for number, row in enumerate(story.findings):
        if row["turn_id"]:
            places.setdefault(row["turn_id"], []).append(number)
    is_last = index == len(steps) - 1
    return [
        TurnView(
            id=turn.id,
            role=turn.role,
            sub_task=turn.sub_task,
            content=turn.content,
            calls=[_call(call, turn, number, sources) for number, call in enumerate(turn.tool_calls)],
            outputs=[
                OutputView(o.name, _short(_json(o.content)), _json(o.content, 2), o.is_error, o.source)
                for o in turn.outputs
            ],
            tools_added=turn.tools_added,
            mark=marks.get(turn.id, ""),
            was=word_diff(plain(before[turn.id]), plain(turn))
            if marks.get(turn.id) == "changed" and turn.id in before
            else [],
            origin=_origin(turn),
            findings=places.get(turn.id, []) if is_last else [],
        )
        for turn in step.dialogue.turns
    ]


def _marks(step: Step) -> dict[str, str]:
    if step.edit is None:
        return {}
    if step.edit.outcome != "accepted":
        return dict.fromkeys(step.edit.masked, "tried")
    marks: dict[str, str] = {}
    for each in step.edit.replacements:
        for turn in each.after:
            marks[turn.id] = "new" if turn.id != each.before.id else "changed" if differs(each) else "masked"
    return marks


def tried(edit: Edit) -> list[Tried]:
    """What an edit tried, turn by turn; turns that it left as they were are not shown."""
    taken = edit.outcome == "accepted"
    return [Tried(each.before.id, _pieces(each), taken) for each in edit.replacements if differs(each)]


def _pieces(replacement: Replacement) -> list[Piece]:
    after = "\n".join(plain(turn) for turn in replacement.after)
    return word_diff(plain(replacement.before), after)


def finding_views(story: Story, index: int) -> list[FindingView]:
    """All findings with the step that introduced each; they are in place at the last step."""
    numbers: dict[str, int] = {}
    steps = story.history.steps if story.history is not None else ()
    for number, step in enumerate(steps):
        if step.edit is not None:
            numbers[step.edit.id] = number
    views: list[FindingView] = []
    for number, (row, cause) in enumerate(zip(story.findings, story.causes, strict=True)):
        at = None
        if cause is not None and cause.how in ("initial", "rewritten", "exposed"):
            at = numbers.get(cause.edit_id, 0) if cause.edit_id else 0
        views.append(FindingView(number, row, cause, at, index == len(steps) - 1))
    return views


def plain(turn: Turn) -> str:
    """A turn as text to be compared: what it says, its calls and its outputs."""
    calls = [f"{call.name}({_json(call.arguments)})" for call in turn.tool_calls]
    outputs = [f"{'error ' if out.is_error else ''}{_json(out.content)}" for out in turn.outputs]
    return "\n".join(part for part in [turn.content, *calls, *outputs] if part)


def _origin(turn: Turn) -> str:
    origin = turn.origin
    kind = origin.injection.value.replace("_", " ") if origin.injection is not None else ""
    if origin.operation == "simulation":
        return "simulation" + (f" ({kind})" if kind else "")
    if origin.round == 0:
        return "skeleton"
    if origin.operation == "complexity_injection":
        return f"{kind}, round {origin.round}"
    return f"mask-and-fill, round {origin.round}" + (f" ({kind})" if kind else "")


def _call(call: ToolCall, turn: Turn, number: int, sources: Mapping[tuple[str, str], Row]) -> CallView:
    values: list[Value] = []
    for path, text in _leaves(call.arguments, ""):
        source = sources.get((turn.id, f"$.tool_calls[{number}].arguments{path}"))
        values.append(
            Value(
                path.removeprefix("."),
                text,
                source["state"] if source else "",
                _said(source) if source else "",
                source["source_turn"] if source else None,
            )
        )
    short = ", ".join(f"{name}={_json(value)}" for name, value in call.arguments.items())
    return CallView(call.name, _short(short), values)


def _leaves(value: JsonValue, path: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, path + step_to(name))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, _json(value)


def sources_at(story: Story, index: int) -> dict[tuple[str, str], Row]:
    """Where argument values come from after a step, by turn and path.

    They are shown as they were recorded. Of a state between two edits of a round nothing was, so it is traced anew.
    """
    assert story.history is not None
    steps = story.history.steps
    ends = {step.stage: number for number, step in enumerate(steps)}
    # Verification looks at the last state, whether it sent anything back or not.
    ends["verification"] = len(steps) - 1
    for stage, rows in reversed(story.sources.items()):
        end = ends.get(stage)
        if end is not None and not any(step.changes for step in steps[min(index, end) + 1 : max(index, end) + 1]):
            return {(row["turn_id"], row["path"]): row for row in rows}
    traced = ground(steps[index].dialogue, story.tools)
    return {(source.turn_id, source.path): source.as_row() for source in traced}


_KINDS = {
    "user": "said by the user",
    "result": "from a tool's result",
    "assistant": "offered by the assistant",
    "call": "from an earlier call",
    "default": "the schema's default",
    "constant": "a constant of the schema",
    "choice": "one of the schema's choices",
    "today": "from the day of the dialogue",
    "none": "no source",
}


def _said(source: Row) -> str:
    where = f" in turn {source['source_turn']}" if source["source_turn"] else ""
    path = source["source_path"]
    path = f" at {path}" if path and path != "$.content" else ""
    reason = f" ({source['reason']})" if source["reason"] else ""
    return f"{source['state']}: {_KINDS.get(source['kind'], source['kind'])}{where}{path}{reason}"


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _short(text: str, limit: int = 110) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
